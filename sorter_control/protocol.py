"""Values on the wire between host and PLC, and their registers. No sockets here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, IntFlag

from sorter_control import tags
from sorter_control.errors import MapError
from sorter_control.packml import Mode, State
from sorter_control.sequence import COMMAND_NUMBERS, EVENT_NUMBERS, encoder_travel


class Op(IntEnum):
    """Operation of a host command."""

    NONE = 0
    """No operation, or a number that this map does not know: refused."""
    ASSIGN = 1
    CANCEL = 2
    MODIFY = 3
    LANE_ENABLE = 4
    LANE_DISABLE = 5
    RESET = 6


class EventType(IntEnum):
    """What the PLC reports."""

    ANNOUNCE = 1
    DEST_REQUEST = 2
    ASSIGN_ACK = 3
    ASSIGN_NAK = 4
    DIVERTED = 5
    DIVERT_FAIL = 6
    RECIRCULATED = 7
    ABORTED = 8
    LOST = 9
    UNEXPECTED = 10
    MISSORT = 11
    GAP = 12
    LANE_FULL = 13
    LANE_CLEAR = 14
    JAM = 15
    JAM_CLEAR = 16
    ESTOP = 17
    REMAP_ITEM = 18
    REMAP_END = 19
    """Ends a remap; comes by itself after a restart of the PLC, which tracks nothing then."""

    @property
    def notification(self) -> str:
        """Name of the OPC UA type of its notifications."""
        return f"{tags.browse_name(self.name.lower())}EventType"


class Reason(IntEnum):
    """Why the PLC refused a command, or why an item is where it is."""

    NONE = 0
    LATE = 1
    FULL = 2
    DISABLED = 3
    UNKNOWN = 4
    """Of a command: no such item or lane."""
    STALE_BOOT = 5
    """The host has not yet taken note of the PLC's restart."""
    TAKEN = 6
    """The item has another lane already: MODIFY changes it."""
    FAULT = 7
    """The lane's divert or photo-eye is faulty, or the lane is jammed."""
    GAP = 8
    """Touches its neighbour or is too close to it, or is not as long as it was."""
    TOO_OFTEN = 9
    """The item has come round as often as it may."""
    UNASSIGNED = 10
    HOST_LOST = 11
    DIVERT_FAILED = 12
    LANE_CLOSED = 13
    UNVERIFIED = 14
    """No photo-eye has seen the item since the belt was stopped hard."""


class Flag(IntFlag):
    """Bits of ``flags`` in the status."""

    RUN = 1
    ESTOP_OK = 2
    HOST_LOST = 4
    INHIBIT = 8
    ENCODER_FAULT = 16


class LaneBit(IntFlag):
    """Bits of a lane."""

    ENABLED = 1
    FULL = 2
    JAM = 4
    DIVERT_FAULT = 8
    PHOTO_EYE_BLOCKED = 16


@dataclass(frozen=True, slots=True)
class Status:
    """The status block; units as in the tag table."""

    plc_boot_id: int
    plc_heartbeat: int
    state_current: State
    unit_mode: Mode
    flags: Flag
    encoder: int
    speed_mm_per_s: int
    pulses_per_m: int
    event_head: int
    host_heartbeat_echo: int
    command_ack_seq: int
    ack_code: Reason
    in_flight: int
    remap_state: int
    lane_count: int
    host_boot_id_echo: int
    events_waiting: int
    map_version: int = tags.MAP_VERSION

    def mm_since(self, encoder: int) -> float:
        """Belt travel since an encoder value, mm."""
        return encoder_travel(encoder, self.encoder) * 1000 / self.pulses_per_m


@dataclass(frozen=True, slots=True)
class LaneReport:
    """One lane now."""

    bits: LaneBit
    count: int


@dataclass(frozen=True, slots=True)
class LaneGeometry:
    """Where a lane is, mm after the induct photo-eye."""

    divert_mm: int
    no_return_mm: int
    confirm_mm: int


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the PLC."""

    seq: int
    type: EventType
    tid: int = 0
    lane: int = 0
    reason: Reason = Reason.NONE
    encoder: int = 0
    aux: int = 0


@dataclass(frozen=True, slots=True)
class HostWords:
    """The host block."""

    host_boot_id: int = 0
    host_heartbeat: int = 0
    event_ack: int = 0
    control_command: int = 0
    change_request: int = 0
    unit_mode: int = 0
    remap_request: int = 0
    plc_boot_id_seen: int = 0


@dataclass(frozen=True, slots=True)
class HostCommand:
    """One command of the host."""

    seq: int
    op: Op
    tid: int = 0
    lane: int = 0


@dataclass(frozen=True, slots=True)
class PlcImage:
    """Everything that the PLC publishes; events in order of seq."""

    status: Status
    lanes: tuple[LaneReport, ...]
    events: tuple[Event, ...]
    geometry: tuple[LaneGeometry, ...]


@dataclass(frozen=True, slots=True)
class HostImage:
    """Everything that the host writes, always as a whole: a lost write is healed by the next."""

    host: HostWords = HostWords()
    commands: tuple[HostCommand, ...] = ()


_Row = Status | LaneReport | LaneGeometry | Event | HostWords | HostCommand

#: Registers that carry a whole ``HostImage``.
HOST_IMAGE_SIZE = tags.COMMANDS.end


def pack_status(status: Status) -> list[int]:
    """Registers of the status block."""
    return tags.STATUS.pack([_fields(status)])


def unpack_status(registers: Sequence[int]) -> Status:
    """Status of the registers of its block; errors as of ``status_of``."""
    (row,) = tags.STATUS.unpack(registers)
    return status_of(row)


def status_of(values: Mapping[str, int]) -> Status:
    """Status of the values of its block's fields.

    Raises:
        MapError: Another version of the map, or a value that this version does not know.
    """
    row = dict(values)
    if row["map_version"] != tags.MAP_VERSION:
        raise MapError(
            f"the PLC has version {row['map_version']} of the register map,"
            f" this program has {tags.MAP_VERSION}"
        )
    try:
        state, mode = State(row.pop("state_current")), Mode(row.pop("unit_mode"))
        flags, code = Flag(row.pop("flags")), Reason(row.pop("ack_code"))
    except ValueError as error:
        raise MapError(f"status register: {error}") from error
    return Status(state_current=state, unit_mode=mode, flags=flags, ack_code=code, **row)


def pack_lanes(lanes: Sequence[LaneReport]) -> list[int]:
    """Registers of the lane block."""
    return tags.LANES.pack([_fields(lane) for lane in lanes])


def unpack_lanes(registers: Sequence[int], count: int) -> tuple[LaneReport, ...]:
    """The first ``count`` lanes."""
    return lanes_of(tags.LANES.unpack(registers)[:count])


def lanes_of(rows: Sequence[Mapping[str, int]]) -> tuple[LaneReport, ...]:
    """Lanes of the values of their slots."""
    return tuple(LaneReport(LaneBit(row["bits"]), row["count"]) for row in rows)


def pack_geometry(lanes: Sequence[LaneGeometry]) -> list[int]:
    """Registers of the geometry block."""
    return tags.GEOMETRY.pack([_fields(lane) for lane in lanes])


def unpack_geometry(registers: Sequence[int]) -> tuple[LaneGeometry, ...]:
    """As many lanes as ``registers`` holds."""
    return tuple(LaneGeometry(**row) for row in tags.GEOMETRY.unpack(registers))


def pack_events(events: Sequence[Event]) -> list[int]:
    """Registers of the event ring that holds these events and no others."""
    slots: list[Mapping[str, int]] = [_EMPTY_EVENT] * tags.EVENTS.slots
    for event in events:
        slots[EVENT_NUMBERS.slot(event.seq)] = event_row(event)
    return tags.EVENTS.pack(slots)


def event_row(event: Event) -> dict[str, int]:
    """Values of the slot that holds the event, completely written."""
    return {**_fields(event), "seq_copy": event.seq}


def unpack_events(registers: Sequence[int], head: int) -> tuple[Event, ...]:
    """Events of the registers of the ring; see ``events_of``."""
    return events_of(tags.EVENTS.unpack(registers), head)


def events_of(slots: Iterable[Mapping[str, int]], head: int) -> tuple[Event, ...]:
    """Events in order of seq; slots that are empty or half written are left out.

    Args:
        slots: Values of the ring's slots, in any order.
        head: Seq of the newest event when the status was read, which may have been before the
            slots were.

    Raises:
        MapError: An event type or reason that this version of the map does not know.
    """
    rows = [row for row in slots if row["seq"] and row["seq"] == row["seq_copy"]]
    rows.sort(key=lambda row: EVENT_NUMBERS.steps(head, row["seq"]))
    try:
        return tuple(_event(row) for row in rows)
    except ValueError as error:
        raise MapError(f"event ring: {error}") from error


def _event(row: Mapping[str, int]) -> Event:
    return Event(
        row["seq"],
        EventType(row["type"]),
        row["tid"],
        row["lane"],
        Reason(row["reason"]),
        row["encoder"],
        row["aux"],
    )


def pack_host(image: HostImage) -> list[int]:
    """Registers 0 to ``HOST_IMAGE_SIZE`` - 1."""
    slots: list[Mapping[str, int]] = [_EMPTY_COMMAND] * tags.COMMANDS.slots
    for command in image.commands:
        slots[COMMAND_NUMBERS.slot(command.seq)] = {**_fields(command), "seq_copy": command.seq}
    host = {**dict.fromkeys((field.name for field in tags.HOST.fields), 0), **_fields(image.host)}
    return tags.HOST.pack([host]) + tags.COMMANDS.pack(slots)


def unpack_host(registers: Sequence[int]) -> HostImage:
    """What the host wrote; command slots that are empty or half written are left out."""
    (row,) = tags.HOST.unpack(registers[: tags.HOST.size])
    del row["reserved_8"], row["reserved_9"]
    commands = tuple(
        HostCommand(
            slot["seq"],
            Op(slot["op"]) if slot["op"] in _OPS else Op.NONE,
            slot["tid"],
            slot["lane"],
        )
        for slot in tags.COMMANDS.unpack(registers[tags.COMMANDS.address : tags.COMMANDS.end])
        if slot["seq"] and slot["seq"] == slot["seq_copy"]
    )
    return HostImage(HostWords(**row), commands)


def _fields(value: _Row) -> dict[str, int]:
    """Values of the fields by name; ``dataclasses.asdict`` also copies what need not be copied."""
    return {name: getattr(value, name) for name in value.__slots__}


_OPS = frozenset(Op)
_EMPTY_EVENT = dict.fromkeys((field.name for field in tags.EVENTS.fields), 0)
_EMPTY_COMMAND = dict.fromkeys((field.name for field in tags.COMMANDS.fields), 0)
