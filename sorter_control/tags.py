"""The tags between host and PLC, as data: the one table of both protocols.

Drivers, simulated PLC, tests, docs/modbus-map.md and docs/opcua.md all read it. Over Modbus TCP a
field is one register or two (unit 1, zero-based addresses, high word first), over OPC UA a variable
or an argument of a method.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

MAP_VERSION = 1
UNIT = 1
NAMESPACE = "urn:regrade:sorter"
ROOT = "Sorter1"


@cache
def browse_name(name: str) -> str:
    """A field's name as OPC UA writes names: 'plc_boot_id' is 'PlcBootId'."""
    return "".join(word.capitalize() for word in name.split("_"))


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
        modbus_only: Whether OPC UA has no variable for it, since a method carries it.
    """

    name: str
    about: str
    registers: int = 1
    modbus_only: bool = False

    @property
    def ua_type(self) -> str:
        """OPC UA's name for its type."""
        return "UInt32" if self.registers == 2 else "UInt16"

    @property
    def ua_name(self) -> str:
        """Its OPC UA browse name."""
        return browse_name(self.name)


@dataclass(frozen=True, slots=True)
class Block:
    """A run of equal slots of fields; a plain group of registers is a block of one slot.

    Attributes:
        name: Name in this program.
        area: Kind of registers.
        address: First register.
        slots: Number of slots.
        fields: Values of one slot.
        about: Meaning, for the pages.
        ua_object: OPC UA object below ``ROOT`` that holds its variables; None where methods do.
    """

    name: str
    area: Area
    address: int
    slots: int
    fields: tuple[Field, ...]
    about: str
    ua_object: str | None = None

    @property
    def variables(self) -> tuple[Field, ...]:
        """Fields that OPC UA has variables for."""
        return tuple(field for field in self.fields if not field.modbus_only)

    def node(self, field: Field, slot: int | None = None) -> str:
        """Identifier of a variable's node.

        Args:
            field: One of ``variables``.
            slot: From 0, for the variable of one lane's object; None for the block's own, which
                is an array where the block has several slots.
        """
        lane = "" if slot is None else f".Lane{slot + 1:02d}"
        return f"{ROOT}.{self.ua_object}{lane}.{field.ua_name}"

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
    ua_object="PackML.Status",
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
    ua_object="Lanes",
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
    ua_object="Lanes",
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
        Field(
            "remap_request",
            "A remap is sent once when this number changes; 0 for none.",
            modbus_only=True,
        ),
        Field("plc_boot_id_seen", "event_ack and commands count only for this plc_boot_id."),
        Field("reserved_8", "0.", modbus_only=True),
        Field("reserved_9", "0.", modbus_only=True),
    ),
    "State of the host",
    ua_object="PackML.Command",
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
    ua_object="PackML.Admin",
)

BLOCKS: tuple[Block, ...] = (STATUS, LANES, EVENTS, GEOMETRY, HOST, COMMANDS, PARAMETERS)


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a method.

    Attributes:
        name: Name of the field that it carries, or of a choice.
        ua_type: OPC UA's name for its type.
        about: Meaning, for the page.
    """

    name: str
    ua_type: str
    about: str

    @property
    def ua_name(self) -> str:
        """Its name as OPC UA writes names."""
        return browse_name(self.name)


@dataclass(frozen=True, slots=True)
class Method:
    """What takes a ring's place over OPC UA.

    Attributes:
        name: Browse name; a component of ``ROOT``.
        about: Meaning, for the page.
        inputs: Arguments in order.
        outputs: Fields of which an array each is returned.
        ops: Names of the operations (``protocol.Op``) of the commands that it carries. Where there
            are two, the last argument chooses: false is the first, true the second.
    """

    name: str
    about: str
    inputs: tuple[Argument, ...]
    outputs: tuple[Field, ...] = ()
    ops: tuple[str, ...] = ()

    @property
    def node(self) -> str:
        """Identifier of the method's node."""
        return f"{ROOT}.{self.name}"


def _argument(block: Block, name: str) -> Argument:
    field = next(field for field in block.fields if field.name == name)
    return Argument(name, field.ua_type, field.about)


_EPOCH = Argument("epoch", "UInt16", "HostBootId of the caller; that of an earlier run is refused.")
_SEQ, _TID, _LANE = (_argument(COMMANDS, name) for name in ("seq", "tid", "lane"))

COMMAND_METHODS: tuple[Method, ...] = (
    Method(
        "AssignDestination",
        "Gives a lane to an item that has none.",
        (_EPOCH, _SEQ, _TID, _LANE),
        ops=("ASSIGN",),
    ),
    Method(
        "ChangeDestination",
        "Gives another lane to an item that has one.",
        (_EPOCH, _SEQ, _TID, _LANE),
        ops=("MODIFY",),
    ),
    Method(
        "CancelItem",
        "Takes the lane from an item: it runs out at the belt's end.",
        (_EPOCH, _SEQ, _TID),
        ops=("CANCEL",),
    ),
    Method(
        "SetLaneEnabled",
        "Opens or closes a lane.",
        (_EPOCH, _SEQ, _LANE, Argument("enabled", "Boolean", "Whether items may be sent there.")),
        ops=("LANE_DISABLE", "LANE_ENABLE"),
    ),
    Method(
        "ResetFaults",
        "Clears the divert faults of all lanes.",
        (_EPOCH, _SEQ),
        ops=("RESET",),
    ),
)

REQUEST_REMAP = Method(
    "RequestRemap",
    "Has every tracked item named by a REMAP_ITEM, then REMAP_END. A number is answered once.",
    (_EPOCH, _argument(HOST, "remap_request")),
)

GET_EVENTS_SINCE = Method(
    "GetEventsSince",
    "Events that are not acknowledged and come after a seq, oldest first; all of them where the seq"
    " is none of theirs.",
    (Argument("seq", "UInt16", "The last event that the caller has; 0 for none."),),
    outputs=EVENTS.fields,
)

METHODS: tuple[Method, ...] = (*COMMAND_METHODS, REQUEST_REMAP, GET_EVENTS_SINCE)
