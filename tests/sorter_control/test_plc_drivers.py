"""One contract for every driver: what the controller may rely on, whatever lies between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from sorter_control.drivers import Plc
from sorter_control.drivers.memory import MemoryPlc
from sorter_control.drivers.modbus import ModbusPlc
from sorter_control.errors import MapError, PlcError
from sorter_control.packml import Command, State
from sorter_control.protocol import (
    EventType,
    HostCommand,
    HostImage,
    HostWords,
    Op,
)
from sorter_control.sim import modbus_server
from sorter_control.sim.geometry import load_belt
from sorter_control.sim.machine import Machine
from sorter_control.sim.modbus_server import PlcServer
from tests.sorter_control.factories import make_rows


@pytest.fixture
def machine() -> Machine:
    machine = Machine(load_belt(), make_rows(3))
    machine.press(Command.RESET, Command.START)
    return machine


@pytest.fixture(params=["memory", "modbus"])
async def plc(request: pytest.FixtureRequest, machine: Machine) -> AsyncIterator[Plc]:
    if request.param == "memory":
        yield MemoryPlc(machine)
        return
    server = PlcServer(lambda: machine)
    driver = ModbusPlc("127.0.0.1", await server.start("127.0.0.1", 0))
    yield driver
    await driver.close()
    await server.stop()


def let_run(machine: Machine, seconds: float) -> None:
    for _ in range(round(seconds * 100)):
        machine.step()


async def test_it_reads_state_lanes_and_positions(plc: Plc, machine: Machine) -> None:
    let_run(machine, 0.5)
    image = await plc.read()
    assert image == machine.image()
    assert image.status.state_current is State.EXECUTE
    assert len(image.lanes) == len(image.geometry) == image.status.lane_count == 5
    assert image.geometry[0].no_return_mm < image.geometry[0].divert_mm


async def test_it_reads_events_until_they_are_acknowledged(plc: Plc, machine: Machine) -> None:
    let_run(machine, 2.5)
    first = await plc.read()
    assert [event.type for event in first.events] == [EventType.ANNOUNCE]
    assert (await plc.read()).events == first.events
    words = HostWords(7, 1, first.events[-1].seq, plc_boot_id_seen=first.status.plc_boot_id)
    await plc.write(HostImage(words))
    let_run(machine, 0.02)
    assert (await plc.read()).events == ()


async def test_a_command_that_is_written_twice_is_executed_once(plc: Plc, machine: Machine) -> None:
    let_run(machine, 2.5)
    image = await plc.read()
    (announced,) = image.events
    words = HostWords(7, 1, plc_boot_id_seen=image.status.plc_boot_id)
    written = HostImage(words, (HostCommand(1, Op.ASSIGN, announced.tid, 3),))
    for _ in range(3):
        await plc.write(written)
        let_run(machine, 0.02)
    image = await plc.read()
    assert image.status.command_ack_seq == 1
    assert [event.type for event in image.events].count(EventType.ASSIGN_ACK) == 1


async def test_a_plc_that_is_not_there_is_an_error_at_once() -> None:
    driver = ModbusPlc("127.0.0.1", 1)
    with pytest.raises(PlcError, match="does not accept"):
        await driver.read()
    with pytest.raises(PlcError, match="not connected"):
        await driver.read()


async def test_it_connects_again_after_the_plc_was_away(machine: Machine) -> None:
    now_s = 0.0
    server = PlcServer(lambda: machine)
    port = await server.start("127.0.0.1", 0)
    driver = ModbusPlc("127.0.0.1", port, clock=lambda: now_s)
    await driver.read()
    await server.stop()
    with pytest.raises(PlcError):
        await driver.read()
    server = PlcServer(lambda: machine)
    await server.start("127.0.0.1", port)
    with pytest.raises(PlcError, match="not connected"):
        await driver.read()
    now_s = 1.0
    assert (await driver.read()).status.plc_boot_id == machine.plc.boot_id
    await driver.close()
    await server.stop()


@pytest.mark.parametrize("call", ["read", "write"])
async def test_a_connection_that_was_lost_between_two_calls_is_a_plc_error(
    machine: Machine, call: str
) -> None:
    """pymodbus has noticed the loss by then, and refuses before anything is sent."""
    server = PlcServer(lambda: machine)
    driver = ModbusPlc("127.0.0.1", await server.start("127.0.0.1", 0))
    await driver.read()
    assert driver._client is not None
    driver._client.close()  # as it does by itself when it sees the connection end
    with pytest.raises(PlcError, match="Not connected"):
        await (driver.read() if call == "read" else driver.write(HostImage()))
    await driver.close()
    await server.stop()


async def test_a_plc_that_accepts_and_says_nothing_is_an_error_in_time() -> None:
    quiet = asyncio.Event()

    async def say_nothing(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await quiet.wait()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    driver = ModbusPlc("127.0.0.1", server.sockets[0].getsockname()[1])
    with pytest.raises(PlcError, match="No response"):
        await driver.read()
    quiet.set()
    server.close()
    await server.wait_closed()


async def test_an_error_reply_is_a_plc_error(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(modbus_server, "_INPUT_END", 50)
    server = PlcServer(lambda: machine)
    driver = ModbusPlc("127.0.0.1", await server.start("127.0.0.1", 0))
    with pytest.raises(PlcError, match="answers with"):
        await driver.read()
    await driver.close()
    await server.stop()


async def test_another_map_stops_the_controller(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PlcServer, "_input", lambda _self: [2] + [0] * 325)
    server = PlcServer(lambda: machine)
    driver = ModbusPlc("127.0.0.1", await server.start("127.0.0.1", 0))
    with pytest.raises(MapError, match="version 2"):
        await driver.read()
    await driver.close()
    await server.stop()
