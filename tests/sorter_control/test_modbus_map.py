"""The register map: its table, its codec, its page, and what a stranger's client reads."""

from __future__ import annotations

import asyncio
import struct
from itertools import pairwise
from pathlib import Path

import pytest

from sorter_control import map_page, tags
from sorter_control.errors import MapError
from sorter_control.packml import Command
from sorter_control.protocol import (
    Event,
    EventType,
    HostCommand,
    HostImage,
    HostWords,
    Op,
    Reason,
    pack_events,
    pack_host,
    unpack_events,
    unpack_host,
    unpack_status,
)
from sorter_control.sim.geometry import load_belt
from sorter_control.sim.machine import Machine
from sorter_control.sim.modbus_server import PlcServer
from sorter_control.sim.parameters import set_parameters
from tests.sorter_control.factories import make_rows

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(
    ("protocol", "page", "text"),
    [
        ("modbus", "modbus-map.md", map_page.modbus_page()),
        ("opcua", "opcua.md", map_page.opcua_page()),
    ],
)
def test_the_page_is_current(protocol: str, page: str, text: str) -> None:
    assert (DOCS / page).read_text() == text, (
        f"python -m sorter_control.map_page {protocol} > docs/{page}"
    )


def test_every_operation_has_a_method() -> None:
    carried = [name for method in tags.COMMAND_METHODS for name in method.ops]
    assert sorted(carried) == sorted(op.name for op in Op if op is not Op.NONE)


@pytest.mark.parametrize("area", list(tags.Area))
def test_blocks_do_not_overlap(area: tags.Area) -> None:
    blocks = sorted((b for b in tags.BLOCKS if b.area is area), key=lambda b: b.address)
    for before, after in pairwise(blocks):
        assert before.end <= after.address


@pytest.mark.parametrize(
    ("block", "field", "address"),
    [
        (tags.STATUS, "plc_boot_id", 1),
        (tags.STATUS, "encoder", 6),
        (tags.STATUS, "event_head", 10),
        (tags.STATUS, "lane_count", 16),
        (tags.LANES, "bits", 20),
        (tags.EVENTS, "seq", 100),
        (tags.EVENTS, "seq_copy", 109),
        (tags.HOST, "event_ack", 2),
        (tags.HOST, "remap_request", 6),
        (tags.COMMANDS, "seq", 10),
        (tags.COMMANDS, "seq_copy", 15),
        (tags.PARAMETERS, "default_lane", 60),
    ],
)
def test_fields_are_where_plants_have_been_told(
    block: tags.Block, field: str, address: int
) -> None:
    at = block.address
    for each in block.fields:
        if each.name == field:
            assert at == address
            return
        at += each.registers
    pytest.fail(f"{block.name} has no {field}")


def test_the_rings_have_the_documented_size() -> None:
    assert (tags.EVENTS.slots, tags.EVENTS.width) == (12, 10)
    assert (tags.COMMANDS.slots, tags.COMMANDS.width) == (8, 6)


def test_an_event_is_ten_registers_high_word_first() -> None:
    event = Event(3, EventType.DIVERTED, 0x0001_0002, 4, Reason.HOST_LOST, 0xAAAA_BBBB, 7)
    words = pack_events([event])
    assert words[20:30] == [3, 5, 1, 2, 4, 11, 0xAAAA, 0xBBBB, 7, 3]
    assert not any(words[:20] + words[30:])


def test_events_come_in_order_of_seq_also_across_the_wrap() -> None:
    events = tuple(Event(seq, EventType.ANNOUNCE, seq) for seq in (65531, 65532, 1, 2))
    assert unpack_events(pack_events(events), head=2) == events


def test_events_that_came_after_the_status_was_read_stay_in_order() -> None:
    """The ring is read after the status, which may name an older head."""
    events = tuple(Event(seq, EventType.ANNOUNCE, seq) for seq in (65531, 65532, 1, 2))
    assert unpack_events(pack_events(events), head=65532) == events


def test_a_half_written_slot_is_skipped() -> None:
    words = pack_events([Event(1, EventType.ANNOUNCE, 9), Event(2, EventType.LOST, 9)])
    words[19] = 0
    assert [event.seq for event in unpack_events(words, head=2)] == [1]


def test_an_event_type_of_another_map_is_an_error() -> None:
    words = pack_events([Event(1, EventType.ANNOUNCE, 9)])
    words[1] = 99
    with pytest.raises(MapError, match="event ring"):
        unpack_events(words, head=1)


def test_another_version_of_the_map_is_an_error() -> None:
    with pytest.raises(MapError, match="version 9"):
        unpack_status([9] + [0] * (tags.STATUS.size - 1))


def test_what_the_host_writes_is_what_the_plc_reads() -> None:
    image = HostImage(
        HostWords(7, 65535, 12, remap_request=1, plc_boot_id_seen=3),
        (HostCommand(8, Op.ASSIGN, 0x12345678, 2), HostCommand(9, Op.CANCEL, 5)),
    )
    read = unpack_host(pack_host(image))
    assert read.host == image.host
    assert set(read.commands) == set(image.commands)


def test_a_command_slot_that_is_half_written_does_not_exist() -> None:
    words = pack_host(HostImage(commands=(HostCommand(1, Op.ASSIGN, 5, 2),)))
    words[15] = 0
    assert unpack_host(words).commands == ()


async def ask(port: int, pdu: bytes) -> bytes:
    """One Modbus TCP exchange, built from the specification."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(struct.pack(">HHHB", 0x1234, 0, len(pdu) + 1, 1) + pdu)
    transaction, protocol, length, unit = struct.unpack(">HHHB", await reader.readexactly(7))
    assert (transaction, protocol, unit) == (0x1234, 0, 1)
    answer = await reader.readexactly(length - 1)
    writer.close()
    await writer.wait_closed()
    return answer


async def registers(port: int, function: int, address: int, count: int) -> list[int]:
    answer = await ask(port, struct.pack(">BHH", function, address, count))
    assert answer[:2] == bytes([function, 2 * count]), answer.hex()
    return list(struct.unpack(f">{count}H", answer[2:]))


async def write(port: int, address: int, values: list[int]) -> bytes:
    size = len(values)
    body = struct.pack(f">BHHB{size}H", 16, address, size, 2 * size, *values)
    return await ask(port, body)


async def test_a_strangers_client_sorts_an_item_with_the_documented_registers() -> None:
    """Frames by hand: heartbeat, announcement, assignment, confirmation, acknowledgement."""
    machine = Machine(load_belt(), make_rows(1))
    server = PlcServer(lambda: machine)
    port = await server.start("127.0.0.1", 0)
    try:
        machine.press(Command.RESET, Command.START)
        for _ in range(200):
            machine.step()
        (boot,) = await registers(port, 4, 1, 1)
        assert (await registers(port, 4, 3, 1)) == [6], "PackML Execute"
        assert (await registers(port, 4, 16, 1)) == [5], "lanes"
        seq, kind, tid_high, tid_low, _, _, _, _, length, copy = await registers(port, 4, 100, 10)
        assert (seq, kind, copy) == (1, 1, 1)
        assert abs(length - 300) <= 10

        host = [77, 1, 1, 0, 0, 0, 0, boot, 0, 0]
        assign = [1, 1, tid_high, tid_low, 2, 1]
        assert await write(port, 0, host + assign) == struct.pack(">BHH", 16, 0, 16)
        for _ in range(1200):
            machine.step()
        assert (await registers(port, 4, 12, 2)) == [1, 0], "command 1 processed, success"
        ring = await registers(port, 4, 100, 120)
        events = [ring[start : start + 10] for start in range(0, 120, 10)]
        assert [(event[1], event[4]) for event in events if event[0]] == [(3, 2), (5, 2)]
        assert (await registers(port, 4, 23, 1)) == [1], "one item counted in lane 2"
    finally:
        await server.stop()


async def test_parameters_can_be_written_in_stopped_only() -> None:
    machine = Machine(load_belt(), [])
    server = PlcServer(lambda: machine)
    port = await server.start("127.0.0.1", 0)
    try:
        assert await registers(port, 3, 60, 3) == [5, 0, 1000]
        assert (await write(port, 62, [1500]))[0] == 16
        assert machine.plc.host_timeout_s == 1.5
        assert await write(port, 60, [9]) == bytes([0x90, 3]), "there is no lane 9"
        machine.press(Command.RESET, Command.START)
        for _ in range(5):
            machine.step()
        assert await write(port, 62, [1000]) == bytes([0x90, 2])
        assert machine.plc.host_timeout_s == 1.5
    finally:
        await server.stop()


async def test_parameters_that_were_changed_elsewhere_are_read_as_they_are() -> None:
    """Over OPC UA say: one machine has both faces."""
    machine = Machine(load_belt(), [])
    server = PlcServer(lambda: machine)
    port = await server.start("127.0.0.1", 0)
    try:
        assert set_parameters(machine, {"host_timeout_ms": 1700, "default_lane": 4})
        assert await registers(port, 3, 60, 3) == [4, 0, 1700]
    finally:
        await server.stop()


async def test_registers_outside_the_map_are_refused() -> None:
    machine = Machine(load_belt(), [])
    server = PlcServer(lambda: machine)
    port = await server.start("127.0.0.1", 0)
    try:
        assert await ask(port, struct.pack(">BHH", 4, 400, 1)) == bytes([0x84, 2])
        assert (await ask(port, struct.pack(">BHHB1H", 16, 58, 1, 2, 1)))[0] == 0x90
    finally:
        await server.stop()
