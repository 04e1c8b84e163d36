"""The PLC program's dealings with the host: heartbeat, acknowledgement, commands, remap."""

from __future__ import annotations

from sorter_control import packml
from sorter_control.packml import Command, Mode, State
from sorter_control.protocol import EventType, HostCommand, HostImage, HostWords, Op, Reason
from sorter_control.sequence import COMMAND_NUMBERS
from sorter_control.sim.geometry import Belt
from sorter_control.sim.plc.state import PlcState, Track
from sorter_control.sim.plc.tracking import position_mm, schedule


def watch_host(state: PlcState, image: HostImage, now_s: float) -> bool:
    """Note the heartbeat; a host whose heartbeat stands still is lost, connected or not.

    Returns:
        Whether this is what the host wrote last; a write that something held up is not.
    """
    host = image.host
    fresh = host.host_boot_id != 0 and not is_held_up(host, state)
    if fresh and host.host_boot_id != state.host_boot_id:
        state.host_boot_before = state.host_boot_id
        state.host_boot_id = host.host_boot_id
        state.command_seq = 0
        state.ack_code = Reason.NONE
        state.remap_done = 0
        state.stale_refused = frozenset()
        state.change_request = host.change_request
    if fresh and host.host_heartbeat != state.host_heartbeat:
        state.host_heartbeat = host.host_heartbeat
        state.host_seen_s = now_s
        state.host_lost = False
    elif now_s - state.host_seen_s > state.host_timeout_s:
        state.host_lost = True
    return fresh


def is_held_up(host: HostWords, state: PlcState) -> bool:
    """Whether the host has written something newer, or a host has that started after it and is there."""
    if host.host_boot_id == state.host_boot_id:
        return (host.host_heartbeat - state.host_heartbeat) % 65536 >= 32768
    return host.host_boot_id == state.host_boot_before != 0 and not state.host_lost


def obey_host(state: PlcState, belt: Belt, image: HostImage) -> None:
    """Process what the host wrote; only a host that knows of this boot is heard."""
    host = image.host
    if host.plc_boot_id_seen != state.boot_id:
        _refuse_stale(state, image)
        return
    state.acknowledge(host.event_ack)
    by_seq = {command.seq: command for command in image.commands}
    while command := by_seq.get(COMMAND_NUMBERS.after(state.command_seq)):
        state.command_seq = command.seq
        state.ack_code = _execute(state, belt, command)
    if host.remap_request not in {0, state.remap_done}:
        _remap(state)
        state.remap_done = host.remap_request
    if host.change_request != state.change_request:
        state.change_request = host.change_request
        abort = host.control_command == Command.ABORT
        if host.control_command in set(Command) and (state.estop_ok or abort):
            state.packml = packml.commanded(state.packml, Command(host.control_command))
    if host.unit_mode in set(Mode) and state.packml in {State.STOPPED, State.IDLE}:
        state.mode = Mode(host.unit_mode)


def _refuse_stale(state: PlcState, image: HostImage) -> None:
    """Commands for the time before a restart: refused once each, never executed."""
    for command in image.commands:
        if command.seq not in state.stale_refused and host_names_a_boot(image):
            state.stale_refused |= {command.seq}
            _answer(state, command, Reason.STALE_BOOT)


def host_names_a_boot(image: HostImage) -> bool:
    """Whether the host has ever seen a PLC; before that its registers say nothing."""
    return image.host.plc_boot_id_seen != 0


def _remap(state: PlcState) -> None:
    for track in state.tracks:
        state.report(
            EventType.REMAP_ITEM,
            track.tid,
            lane=track.lane,
            encoder=track.induct,
            aux=track.length_mm,
        )
    state.report(EventType.REMAP_END, aux=len(state.tracks))


def _execute(state: PlcState, belt: Belt, command: HostCommand) -> Reason:
    match command.op:
        case Op.NONE:
            _answer(state, command, Reason.UNKNOWN)
            return Reason.UNKNOWN
        case Op.ASSIGN | Op.MODIFY | Op.CANCEL:
            reason = _assign(state, belt, command)
            _answer(state, command, reason)
            return reason
        case Op.LANE_ENABLE | Op.LANE_DISABLE:
            if not 1 <= command.lane <= belt.run_out:
                return Reason.UNKNOWN
            state.lane(command.lane).enabled = command.op is Op.LANE_ENABLE
            return Reason.NONE
        case Op.RESET:
            for lane in state.lanes:
                lane.fault, lane.failures = False, 0
            return Reason.NONE


def _assign(state: PlcState, belt: Belt, command: HostCommand) -> Reason:
    """Give an item a lane, another lane, or none; ``Reason.NONE`` where it is done."""
    track = state.track(command.tid)
    cancel = command.op is Op.CANCEL
    if track is None or not (cancel or 1 <= command.lane <= belt.run_out):
        return Reason.UNKNOWN
    if not cancel and command.lane == track.lane:
        return Reason.NONE
    if refusal := _refusal(state, belt, track, command):
        return refusal
    track.lane = 0 if cancel else command.lane
    schedule(state, belt, track)
    return Reason.NONE


def _refusal(state: PlcState, belt: Belt, track: Track, command: HostCommand) -> Reason | None:
    position = position_mm(state, belt, track)
    beyond_recall = track.firing or track.arriving or track.returning
    if beyond_recall or (track.lane and _past(belt, track.lane, position)):
        return Reason.LATE
    if command.op is Op.CANCEL:
        return None
    if command.op is Op.ASSIGN and track.lane:
        return Reason.TAKEN
    if _past(belt, command.lane, position):
        return Reason.LATE
    return _forbidden(state, belt, track, command.lane)


def _forbidden(state: PlcState, belt: Belt, track: Track, lane: int) -> Reason | None:
    """Why this item may not go there although it could."""
    if track.doubtful and lane != belt.run_out:
        return Reason.GAP
    if lane == belt.loop_lane and track.rounds >= state.max_recirculations:
        return Reason.TOO_OFTEN
    return state.lane(lane).closed


def _past(belt: Belt, lane: int, position: float) -> bool:
    return position >= belt.lanes[lane - 1].no_return_mm


def _answer(state: PlcState, command: HostCommand, reason: Reason) -> None:
    kind = EventType.ASSIGN_NAK if reason else EventType.ASSIGN_ACK
    state.report(kind, command.tid, lane=command.lane, reason=reason, aux=command.seq)
