"""The Modbus map, as data: driver, simulated PLC, tests and docs/modbus-map.md all read this table.

Unit 1, zero-based addresses, 16-bit registers, high word first where a value takes two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

MAP_VERSION = 1
UNIT = 1


class Area(StrEnum):
    """Where a register lives, which says who writes it."""

    INPUT = "input"
    """Written by the PLC, read by the host (function code 4)."""
    HOLDING = "holding"
    """Written by the host (function code 16), read by both (function code 3)."""


@dataclass(frozen=True, slots=True)
class Field:
    """One value of a block.

    Attributes:
        name: Attribute of the value class in ``protocol.py`` that holds it.
        about: Meaning, for the page of the map.
        registers: 1 for a U16, 2 for a U32.
    """

    name: str
    about: str
    registers: int = 1


@dataclass(frozen=True, slots=True)
class Block:
    """A run of equal slots of fields; a plain group of registers is a block of one slot."""

    name: str
    area: Area
    address: int
    slots: int
    fields: tuple[Field, ...]
    about: str

    @property
    def width(self) -> int:
        """Registers of one slot."""
        return sum(field.registers for field in self.fields)

    @property
    def size(self) -> int:
        """Registers of the whole block."""
        return self.width * self.slots

    @property
    def end(self) -> int:
        """First address after the block."""
        return self.address + self.size

    def pack(self, rows: Sequence[Mapping[str, int]]) -> list[int]:
        """Registers of ``rows``; slots without a row are zero."""
        registers = [word for row in rows for word in self._pack_row(row)]
        return registers + [0] * (self.size - len(registers))

    def unpack(self, registers: Sequence[int]) -> list[dict[str, int]]:
        """Values of as many slots as ``registers`` holds."""
        width = self.width
        return [
            self._unpack_row(registers[start : start + width])
            for start in range(0, len(registers), width)
        ]

    def _pack_row(self, row: Mapping[str, int]) -> list[int]:
        words: list[int] = []
        for field in self.fields:
            value = row[field.name]
            if field.registers == 2:
                words.append(value >> 16 & 0xFFFF)
            words.append(value & 0xFFFF)
        return words

    def _unpack_row(self, words: Sequence[int]) -> dict[str, int]:
        values: dict[str, int] = {}
        at = 0
        for field in self.fields:
            value = words[at]
            if field.registers == 2:
                value = value << 16 | words[at + 1]
            values[field.name] = value
            at += field.registers
        return values


MAX_LANES = 32

STATUS = Block(
    "status",
    Area.INPUT,
    0,
    1,
    (
        Field("map_version", f"Version of this map: {MAP_VERSION}."),
        Field("plc_boot_id", "Changes with every start of the PLC; 0 is never used."),
        Field("plc_heartbeat", "Changes ten times a second while the PLC scans."),
        Field("state_current", "PackML state."),
        Field("unit_mode", "PackML mode: 1 Production, 2 Maintenance, 3 Manual."),
        Field(
            "flags", "Bits: 0 run, 1 estop_ok, 2 host_lost, 3 inhibit (no infeed), 4 encoder_fault."
        ),
        Field("encoder", "Belt encoder, pulses, wraps at 2^32; keeps its value over a restart.", 2),
        Field("speed_mm_per_s", "Belt speed now."),
        Field("pulses_per_m", "Encoder resolution."),
        Field("event_head", "Seq of the newest event in the ring; 0 before the first."),
        Field("host_heartbeat_echo", "The host heartbeat that was seen last."),
        Field("command_ack_seq", "Commands up to this seq are processed; 0 for none."),
        Field("ack_code", "Reason code of the newest processed command; 0 is success."),
        Field("in_flight", "Items that are tracked now."),
        Field("remap_state", "The remap_request that was answered last."),
        Field("lane_count", "Lanes that exist; the last one is the run-out at the belt's end."),
        Field("host_boot_id_echo", "The host_boot_id that command_ack_seq and remap_state are of."),
        Field("events_waiting", "Events that wait for room in the ring."),
    ),
    "State of the PLC",
)

LANES = Block(
    "lanes",
    Area.INPUT,
    20,
    MAX_LANES,
    (
        Field("bits", "Bits: 0 enabled, 1 full, 2 jam, 3 divert_fault, 4 photo_eye_blocked."),
        Field("count", "Items confirmed since the PLC started, modulo 65536."),
    ),
    "Lanes, one slot each from lane 1",
)

EVENTS = Block(
    "events",
    Area.INPUT,
    100,
    12,
    (
        Field("seq", "1 to 65532, then 1 again, going on over a restart; 0 is an empty slot."),
        Field("type", "Event type."),
        Field("tid", "Tracking id, going on over a restart; 0 for none.", 2),
        Field("lane", "Lane number, 0 for none."),
        Field("reason", "Reason code, 0 for none."),
        Field("encoder", "Encoder at which it happened.", 2),
        Field("aux", "ANNOUNCE, REMAP_ITEM: length, mm. ASSIGN_*: command seq. REMAP_END: items."),
        Field("seq_copy", "Equals seq once the slot is completely written."),
    ),
    "Event ring: every event that is not acknowledged, slot (seq - 1) mod 12",
)

GEOMETRY = Block(
    "geometry",
    Area.INPUT,
    230,
    MAX_LANES,
    (
        Field("divert_mm", "Divert, mm after the induct photo-eye."),
        Field("no_return_mm", "Point of no return: from here no command changes this lane."),
        Field("confirm_mm", "Photo-eye of the lane, mm of travel after the induct photo-eye."),
    ),
    "Positions, one slot for each lane from lane 1; constant while the PLC runs",
)

HOST = Block(
    "host",
    Area.HOLDING,
    0,
    1,
    (
        Field("host_boot_id", "Changes with every start of the host; 0 is never used."),
        Field("host_heartbeat", "Must change within host_timeout_ms."),
        Field("event_ack", "Every event up to this seq is stored by the host."),
        Field("control_command", "PackML command."),
        Field("change_request", "control_command is executed once when this number changes."),
        Field("unit_mode", "PackML mode that is asked for; 0 for no wish."),
        Field("remap_request", "A remap is sent once when this number changes; 0 for none."),
        Field("plc_boot_id_seen", "event_ack and commands count only for this plc_boot_id."),
        Field("reserved_8", "0."),
        Field("reserved_9", "0."),
    ),
    "State of the host",
)

COMMANDS = Block(
    "commands",
    Area.HOLDING,
    10,
    8,
    (
        Field("seq", "1 to 65528, then 1 again; 0 is an empty slot."),
        Field("op", "Operation."),
        Field("tid", "Tracking id, 0 for none.", 2),
        Field("lane", "Lane number, 0 for none."),
        Field("seq_copy", "Equals seq once the slot is completely written."),
    ),
    "Command ring, slot (seq - 1) mod 8, processed in order of seq",
)

PARAMETERS = Block(
    "parameters",
    Area.HOLDING,
    60,
    1,
    (
        Field("default_lane", "Lane of items without an assignment."),
        Field("max_recirculations", "Times that an item may go round."),
        Field("host_timeout_ms", "Longest time without a change of host_heartbeat."),
    ),
    "Parameters; writable only in Stopped",
)

BLOCKS: tuple[Block, ...] = (STATUS, LANES, EVENTS, GEOMETRY, HOST, COMMANDS, PARAMETERS)
