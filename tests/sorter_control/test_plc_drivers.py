"""One contract for every driver: what the controller may rely on, whatever lies between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
import pytest_asyncio

from sorter_control import opcua, tags
from sorter_control.controller.link import HEARTBEAT_TIMEOUT_S, Link
from sorter_control.controller.observations import PlcLost, PlcReported
from sorter_control.drivers import Plc
from sorter_control.drivers.modbus import ModbusPlc
from sorter_control.drivers.opcua import RECONNECT_S, OpcUaPlc
from sorter_control.errors import MapError, PlcError
from sorter_control.packml import Command, State
from sorter_control.protocol import (
    Event,
    EventType,
    HostCommand,
    HostImage,
    HostWords,
    Op,
    PlcImage,
    event_row,
)
from sorter_control.sim import modbus_server
from sorter_control.sim.geometry import load_belt
from sorter_control.sim.machine import Machine
from sorter_control.sim.modbus_server import PlcServer
from sorter_control.sim.opcua_server import OpcUaServer
from sorter_control.tags import Block
from tests.sorter_control.conftest import MakeStand
from tests.sorter_control.factories import make_rows
from tests.sorter_control.links import Faults, LinkFault
from tests.sorter_control.stands import PATIENCE_S, Stand

# One event loop and one OPC UA server for all of them: to start one takes seconds.
pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

HOST = 7
WIRES = ("modbus", "opcua")


@pytest_asyncio.fixture(params=["memory", *WIRES], loop_scope="session")
async def stand(request: pytest.FixtureRequest, make_stand: MakeStand) -> Stand:
    return await make_stand(request.param)


@pytest.fixture
def machine() -> Machine:
    return Machine(load_belt(), make_rows(3))


def words_for(image: PlcImage, beat: int = 1, **values: int) -> HostWords:
    return HostWords(HOST, beat, plc_boot_id_seen=image.status.plc_boot_id, **values)


async def test_it_reads_state_lanes_and_positions(stand: Stand) -> None:
    stand.run(0.5)
    image = await stand.driver.read()
    assert image == stand.machine.image()
    assert image.status.state_current is State.EXECUTE
    assert len(image.lanes) == len(image.geometry) == image.status.lane_count == 5
    assert image.geometry[0].no_return_mm < image.geometry[0].divert_mm


async def test_it_reads_events_until_they_are_acknowledged(stand: Stand) -> None:
    stand.run(2.5)
    first = await stand.driver.read()
    assert [event.type for event in first.events] == [EventType.ANNOUNCE]
    assert (await stand.driver.read()).events == first.events
    await stand.driver.write(HostImage(words_for(first, event_ack=first.events[-1].seq)))
    stand.run(0.02)
    assert (await stand.driver.read()).events == ()


async def test_events_come_in_order_of_seq_and_across_the_wrap(stand: Stand) -> None:
    seqs = (65531, 65532, 1, 2)
    stand.machine.plc.ring.extend(Event(seq, EventType.GAP, seq) for seq in seqs)
    stand.machine.plc.event_head = seqs[-1]
    assert [event.seq for event in (await stand.driver.read()).events] == list(seqs)


async def test_a_command_that_is_written_again_and_again_is_executed_once(stand: Stand) -> None:
    stand.run(2.5)
    image = await stand.driver.read()
    (announced,) = image.events
    written = HostImage(words_for(image), (HostCommand(1, Op.ASSIGN, announced.tid, 3),))
    for _ in range(3):
        await stand.driver.write(written)
        stand.run(0.02)
    image = await stand.driver.read()
    assert image.status.command_ack_seq == 1
    assert [event.type for event in image.events].count(EventType.ASSIGN_ACK) == 1
    assert [track.lane for track in stand.machine.plc.tracks] == [3]


async def test_every_operation_arrives(stand: Stand) -> None:
    stand.run(2.5)
    image = await stand.driver.read()
    tid = image.events[0].tid
    stand.machine.plc.lane(2).fault = True

    def lanes() -> list[int]:
        return [track.lane for track in stand.machine.plc.tracks]

    def first_is_open() -> bool:
        return stand.machine.plc.lanes[0].enabled

    async def do(seq: int, op: Op, tid: int = 0, lane: int = 0) -> None:
        await stand.driver.write(HostImage(words_for(image), (HostCommand(seq, op, tid, lane),)))
        stand.run(0.02)

    await do(1, Op.ASSIGN, tid, 3)
    assert lanes() == [3]
    await do(2, Op.MODIFY, tid, 4)
    assert lanes() == [4]
    await do(3, Op.CANCEL, tid)
    assert lanes() == [0]
    await do(4, Op.LANE_DISABLE, lane=1)
    assert not first_is_open()
    await do(5, Op.LANE_ENABLE, lane=1)
    assert first_is_open()
    await do(6, Op.RESET)
    assert not stand.machine.plc.lanes[1].fault


async def test_a_packml_command_is_executed_once_for_each_change_of_its_number(
    stand: Stand,
) -> None:
    def state() -> State:
        return stand.machine.plc.packml

    stand.run(0.5)
    image = await stand.driver.read()
    await stand.driver.write(HostImage(words_for(image)))
    stand.run(0.02)
    hold = words_for(image, control_command=Command.HOLD, change_request=1)
    await stand.driver.write(HostImage(hold))
    stand.run(0.05)
    assert state() is State.HELD
    stand.machine.press(Command.UNHOLD)
    stand.run(0.05)
    await stand.driver.write(HostImage(replace(hold, host_heartbeat=2)))
    stand.run(0.05)
    assert state() is State.EXECUTE


async def test_what_is_withdrawn_does_nothing_and_undoes_nothing(stand: Stand) -> None:
    """Of a PackML command the number stays, of a lane's switch its place in the ring."""
    stand.run(0.5)
    image = await stand.driver.read()
    await stand.driver.write(HostImage(words_for(image)))
    stand.run(0.02)
    withdrawn = words_for(image, 2, change_request=1)
    await stand.driver.write(HostImage(withdrawn, (HostCommand(1, Op.CANCEL),)))
    stand.run(0.05)
    assert stand.machine.plc.packml is State.EXECUTE
    later = replace(withdrawn, host_heartbeat=3)
    switch = (HostCommand(1, Op.CANCEL), HostCommand(2, Op.LANE_DISABLE, lane=2))
    await stand.driver.write(HostImage(later, switch))
    stand.run(0.05)
    assert not stand.machine.plc.lane(2).enabled
    much_later = replace(withdrawn, host_heartbeat=4)
    await stand.driver.write(HostImage(much_later, (switch[0], HostCommand(2, Op.CANCEL))))
    stand.run(0.05)
    image = await stand.driver.read()
    assert not stand.machine.plc.lane(2).enabled
    assert image.status.command_ack_seq == 2


async def test_a_remap_names_every_tracked_item_once(stand: Stand) -> None:
    stand.run(3.6)
    image = await stand.driver.read()
    tids = [event.tid for event in image.events if event.type is EventType.ANNOUNCE]
    assert len(tids) == 2
    words = words_for(image, event_ack=image.events[-1].seq, remap_request=1)
    for beat in range(3):
        await stand.driver.write(HostImage(replace(words, host_heartbeat=beat)))
        stand.run(0.02)
    image = await stand.driver.read()
    assert [(event.type, event.tid) for event in image.events] == [
        *((EventType.REMAP_ITEM, tid) for tid in tids),
        (EventType.REMAP_END, 0),
    ]
    assert image.status.remap_state == 1


async def test_a_new_host_gets_its_own_remap_and_its_own_numbers(stand: Stand) -> None:
    stand.run(2.5)
    image = await stand.driver.read()
    tid = image.events[0].tid
    old = (HostCommand(1, Op.ASSIGN, tid, 3), HostCommand(2, Op.MODIFY, tid, 4))
    await stand.driver.write(HostImage(words_for(image, remap_request=1), old))
    stand.run(0.02)
    words = replace(words_for(image, remap_request=1), host_boot_id=HOST + 1)
    await stand.driver.write(HostImage(words, (HostCommand(1, Op.MODIFY, tid, 2),)))
    stand.run(0.02)
    image = await stand.driver.read()
    assert (image.status.command_ack_seq, image.status.host_boot_id_echo) == (1, HOST + 1)
    assert [track.lane for track in stand.machine.plc.tracks] == [2]
    assert [event.type for event in image.events].count(EventType.REMAP_END) == 2


async def test_it_finds_the_plc_again_that_was_away(stand: Stand) -> None:
    stand.run(2.5)
    before = await stand.driver.read()
    stand.die()
    for _ in range(2):
        with pytest.raises(PlcError):
            await stand.driver.read()
        with pytest.raises(PlcError):
            await stand.driver.write(HostImage(words_for(before)))
    stand.come_back(restarted=False)
    stand.now_s += 1.0
    assert (await stand.driver.read()).events == before.events


async def test_a_connection_that_had_held_is_made_again_at_once(stand: Stand) -> None:
    """One slow answer must not cost half a second of the belt."""
    before = await stand.driver.read()
    stand.now_s += RECONNECT_S
    stand.die()
    with pytest.raises(PlcError):
        await stand.driver.read()
    stand.come_back(restarted=False)
    assert (await stand.driver.read()).status.plc_boot_id == before.status.plc_boot_id


async def test_what_was_written_to_a_plc_that_restarted_is_never_executed(stand: Stand) -> None:
    """The old commands are refused, and the host's new numbers do not bring them back."""
    stand.run(2.5)
    image = await stand.driver.read()
    tid = image.events[0].tid
    old = tuple(HostCommand(seq, Op.ASSIGN, tid, 3) for seq in (1, 2, 3))
    await stand.driver.write(HostImage(words_for(image, event_ack=1), old[:1]))
    stand.run(0.02)
    stand.die()
    with pytest.raises(PlcError):
        await stand.driver.read()
    stand.come_back(restarted=True)
    stand.now_s += 1.0
    await stand.driver.write(HostImage(words_for(image, event_ack=1), old))
    stand.run(0.05)
    restarted = await stand.driver.read()
    assert restarted.status.plc_boot_id != image.status.plc_boot_id
    assert restarted.status.command_ack_seq == 0
    naks = [event for event in restarted.events if event.type is EventType.ASSIGN_NAK]
    assert {event.reason.name for event in naks} == {"STALE_BOOT"}
    new = (HostCommand(1, Op.LANE_DISABLE, lane=1),)
    await stand.driver.write(HostImage(words_for(restarted, remap_request=1), new))
    stand.run(0.05)
    assert (await stand.driver.read()).status.command_ack_seq == 1
    assert not stand.machine.plc.tracks


async def test_a_heartbeat_that_is_frozen_on_a_live_connection_is_a_lost_plc(stand: Stand) -> None:
    stand.run(0.5)
    link = Link(HOST)
    assert isinstance(link.receive(await stand.driver.read(), 0.0), PlcReported)
    late_s = HEARTBEAT_TIMEOUT_S + 0.1
    assert isinstance(link.receive(await stand.driver.read(), late_s), PlcLost)
    stand.run(0.5)
    assert isinstance(link.receive(await stand.driver.read(), late_s), PlcReported)


@pytest.mark.parametrize("wire", WIRES)
async def test_a_half_written_event_is_left_for_the_next_poll(
    make_stand: MakeStand, monkeypatch: pytest.MonkeyPatch, wire: str
) -> None:
    """In memory there is no such thing: an event is there or it is not."""
    stand = await make_stand(wire)
    stand.machine.plc.ring.extend(Event(seq, EventType.GAP, seq) for seq in (1, 2))
    stand.machine.plc.event_head = 2

    def half_written(event: Event) -> dict[str, int]:
        return event_row(event) | ({"seq_copy": 0} if event.seq == 2 else {})

    with monkeypatch.context() as patched:
        patched.setattr(
            "sorter_control.protocol.event_row" if wire == "modbus" else
            "sorter_control.sim.opcua_server.event_row", half_written
        )  # fmt: skip
        assert [event.seq for event in (await stand.driver.read()).events] == [1]
    assert [event.seq for event in (await stand.driver.read()).events] == [1, 2]


@pytest.mark.parametrize("wire", WIRES)
async def test_a_link_that_is_frozen_is_an_error_in_time(make_stand: MakeStand, wire: str) -> None:
    frozen = Faults((LinkFault.FREEZE,), 1.0)
    stand = await make_stand(wire, timeout_s=0.2, faults=frozen)
    with pytest.raises(PlcError, match="No response"):
        await stand.driver.read()


@pytest.mark.parametrize("driver", [ModbusPlc("127.0.0.1", 1), OpcUaPlc("opc.tcp://127.0.0.1:1")])
async def test_a_plc_that_is_not_there_is_an_error_at_once(driver: Plc) -> None:
    with pytest.raises(PlcError, match="does not accept"):
        await driver.read()
    with pytest.raises(PlcError, match="not connected"):
        await driver.read()


@pytest.mark.parametrize("wire", WIRES)
async def test_another_version_of_the_table_stops_the_controller(
    make_stand: MakeStand, monkeypatch: pytest.MonkeyPatch, wire: str
) -> None:
    stand = await make_stand(wire)
    monkeypatch.setattr(tags, "MAP_VERSION", 2)
    with pytest.raises(MapError, match=r"the PLC has version 1 .* this program has 2"):
        await stand.driver.read()


# OPC UA alone ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("NAMESPACE", "urn:another", "has no namespace urn:another: its application is not up yet"),
        ("STATUS", replace(tags.STATUS, ua_object="PackML.Elsewhere"), "BadNodeIdUnknown: its app"),
    ],
)
async def test_a_server_that_is_up_before_its_application_is_asked_again(
    make_stand: MakeStand, monkeypatch: pytest.MonkeyPatch, name: str, value: object, problem: str
) -> None:
    stand = await make_stand("opcua")
    with monkeypatch.context() as patched:
        patched.setattr(tags, name, value)
        with pytest.raises(PlcError, match=problem) as error:
            await stand.driver.read()
    assert not isinstance(error.value, MapError), "that would end the controller"
    stand.now_s += RECONNECT_S
    assert (await stand.driver.read()).status.lane_count == 5


async def test_lanes_that_the_plc_has_not_filled_in_yet_are_waited_for(
    make_stand: MakeStand, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand = await make_stand("opcua")
    publish = OpcUaServer._publish_slots

    async def publish_two(server: OpcUaServer, block: Block, slots: Sequence[object]) -> None:
        await publish(server, block, slots[:2])

    with monkeypatch.context() as patched:
        patched.setattr(OpcUaServer, "_publish_slots", publish_two)
        with pytest.raises(PlcError, match="arrays of Lanes for fewer than 5 lanes"):
            await stand.driver.read()
    stand.now_s += RECONNECT_S
    assert len((await stand.driver.read()).lanes) == 5


async def test_words_that_come_late_count_for_nothing(make_stand: MakeStand) -> None:
    stand = await make_stand("opcua")
    words = words_for(await stand.driver.read())
    for heartbeat, counts in ((5, 5), (3, 5), (6, 6)):
        await stand.driver.write(HostImage(replace(words, host_heartbeat=heartbeat)))
        stand.run(0.05)
        assert stand.machine.plc.host_heartbeat == counts
        assert stand.machine.host.host.host_heartbeat == counts


async def test_a_host_of_an_earlier_run_is_refused(make_stand: MakeStand) -> None:
    """Two controllers on one PLC: the one whose boot id the PLC has now is heard."""
    stand = await make_stand("opcua")
    image = await stand.driver.read()
    command = HostCommand(1, Op.LANE_DISABLE, lane=1)
    await stand.driver.write(HostImage(words_for(image)))
    method, arguments = opcua.call_of(command, HOST - 1)
    assert isinstance(stand.driver, OpcUaPlc)
    session = await stand.driver._connected()
    with pytest.raises(PlcError, match="SetLaneEnabled: BadInvalidState"):
        await stand.driver._call(session, [(method, arguments)])


# Modbus alone ------------------------------------------------------------------------------


@pytest.mark.parametrize("call", ["read", "write"])
async def test_a_connection_that_was_lost_between_two_calls_is_a_plc_error(
    machine: Machine, call: str
) -> None:
    """pymodbus has noticed the loss by then, and refuses before anything is sent."""
    server = PlcServer(lambda: machine)
    driver = ModbusPlc("127.0.0.1", await server.start("127.0.0.1", 0), timeout_s=PATIENCE_S)
    await driver.read()
    assert driver._client is not None
    driver._client.close()  # as it does by itself when it sees the connection end
    with pytest.raises(PlcError, match="Not connected"):
        await (driver.read() if call == "read" else driver.write(HostImage()))
    await driver.close()
    await server.stop()


async def test_an_error_reply_is_a_plc_error(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(modbus_server, "_INPUT_END", 50)
    server = PlcServer(lambda: machine)
    driver = ModbusPlc("127.0.0.1", await server.start("127.0.0.1", 0), timeout_s=PATIENCE_S)
    with pytest.raises(PlcError, match="answers with"):
        await driver.read()
    await driver.close()
    await server.stop()
