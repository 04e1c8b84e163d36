"""The PLC program's tracking: from the induct photo-eye to a lane's photo-eye, by encoder."""

from __future__ import annotations

from sorter_control.protocol import EventType, Reason
from sorter_control.sequence import encoder_after, encoder_travel
from sorter_control.sim.geometry import Belt
from sorter_control.sim.plc_state import Inputs, PlcState, Track


def travel_mm(belt: Belt, start: int, now: int) -> float:
    """Belt travel between two encoder values."""
    return encoder_travel(start, now) * 1000 / belt.pulses_per_m


def position_mm(state: PlcState, belt: Belt, track: Track) -> float:
    """Where the front of an item is, mm after the induct photo-eye."""
    return travel_mm(belt, track.induct_encoder, state.encoder)


def induct(state: PlcState, belt: Belt, *, blocked: bool) -> None:
    """Start a track when an item's tail leaves the induct photo-eye: its length is known then."""
    if blocked and not state.induct:
        state.rise_encoder = state.encoder
    if not blocked and state.induct and state.rise_encoder is not None:
        _announce(state, belt, state.rise_encoder)
        state.rise_encoder = None
        state.last_tail_encoder = state.encoder
    state.induct = blocked


def _announce(state: PlcState, belt: Belt, front_encoder: int) -> None:
    length_mm = round(travel_mm(belt, front_encoder, state.encoder))
    track = Track(state.next_tid, front_encoder, length_mm)
    state.next_tid += 1
    state.tracks.append(track)
    state.report(EventType.ANNOUNCE, track, encoder=front_encoder, aux=length_mm)
    tail = state.last_tail_encoder
    if tail is None or travel_mm(belt, tail, front_encoder) >= belt.min_gap_mm:
        return
    for close in state.tracks[-2:]:
        if close.tid in {track.tid, track.tid - 1} and not close.too_close:
            state.change(close, too_close=True, lane=0, why_default=Reason.GAP)
            state.report(EventType.GAP, close, reason=Reason.GAP)


def confirm(state: PlcState, belt: Belt, inputs: Inputs) -> None:
    """Give every item that comes to a lane's photo-eye to the track that must be there now."""
    for lane, (was, blocked) in enumerate(zip(state.eyes, inputs.eyes, strict=True), start=1):
        if blocked != was:
            state.set_lane(lane, blocked=blocked)
        if blocked and not was:
            _arrived(state, belt, lane)
    state.eyes = inputs.eyes


def _arrived(state: PlcState, belt: Belt, lane: int) -> None:
    state.set_lane(lane, count=(state.lanes[lane - 1].count + 1) % 65536)
    eye_mm = belt.lanes[lane - 1].confirm_mm

    def error_mm(track: Track) -> float:
        return abs(position_mm(state, belt, track) - eye_mm)

    near = [track for track in state.tracks if error_mm(track) <= belt.window_mm]
    meant = [track for track in near if _goes_to(track, belt, lane)]
    track = min(meant or near, key=error_mm, default=None)
    if track is None:
        state.report(EventType.UNEXPECTED, lane=lane)
        return
    state.tracks.remove(track)
    if track not in meant:
        state.report(EventType.MISSORT, track, lane=lane)
        return
    assigned = track.lane == lane
    state.set_lane(lane, failures=0)
    state.report(
        EventType.DIVERTED,
        track,
        lane=lane,
        reason=Reason.NONE if assigned else _why_default(state, track),
    )


def _goes_to(track: Track, belt: Belt, lane: int) -> bool:
    return track.firing == lane or (not track.firing and lane == belt.run_out)


def _why_default(state: PlcState, track: Track) -> Reason:
    if track.why_default is Reason.UNASSIGNED and state.host_lost:
        return Reason.HOST_LOST
    return track.why_default


def fire(state: PlcState, belt: Belt) -> int:
    """Commit items at their point of no return, and give up on items that were not confirmed.

    Returns:
        The tid to photograph now, or 0.
    """
    camera_tid = 0
    for track in list(state.tracks):
        position = position_mm(state, belt, track)
        current = track
        if not track.photographed and position >= belt.camera_mm:
            current = state.change(track, photographed=True)
            camera_tid = track.tid
        if current.firing:
            _give_up(state, belt, current, position)
        else:
            _commit(state, belt, current, position)
    return camera_tid


def _commit(state: PlcState, belt: Belt, track: Track, position: float) -> None:
    if position > belt.run_out_mm + belt.window_mm:
        state.tracks.remove(track)
        state.report(EventType.LOST, track)
        return
    lane = _target(track, belt, state)
    if lane == belt.run_out or position < belt.lanes[lane - 1].no_return_mm:
        return
    closed = state.lanes[lane - 1].closed
    if closed is not None and track.lane:
        state.change(track, lane=0, why_default=Reason.LANE_CLOSED)
        state.report(EventType.ABORTED, track, lane=lane, reason=closed)
    elif closed is None:
        state.change(track, firing=lane)


def _target(track: Track, belt: Belt, state: PlcState) -> int:
    """The assigned lane; the default lane for the rest, and the run-out for the unusual."""
    if track.lane:
        return track.lane
    return state.default_lane if track.why_default is Reason.UNASSIGNED else belt.run_out


def _give_up(state: PlcState, belt: Belt, track: Track, position: float) -> None:
    lane = track.firing
    if position <= belt.lanes[lane - 1].confirm_mm + belt.window_mm:
        return
    failures = state.lanes[lane - 1].failures + 1
    faulty = state.lanes[lane - 1].fault or failures >= belt.max_failures
    state.set_lane(lane, failures=failures, fault=faulty)
    state.change(track, lane=0, firing=0, why_default=Reason.DIVERT_FAILED)
    state.report(EventType.DIVERT_FAIL, track, lane=lane, reason=Reason.DIVERT_FAILED)


def gates(state: PlcState, belt: Belt) -> tuple[bool, ...]:
    """Diverts that must stand across the belt now: from the commitment until the tail is past."""
    across = {
        track.firing
        for track in state.tracks
        if track.firing
        and position_mm(state, belt, track)
        < belt.lanes[track.firing - 1].divert_mm + track.length_mm
    }
    return tuple(lane in across for lane in range(1, belt.run_out))


def next_due(state: PlcState, belt: Belt) -> int | None:
    """Encoder of the next position at which a scan has work to do, or None."""
    dues = [
        encoder_travel(state.encoder, encoder_after(track.induct_encoder, belt.pulses(mm)))
        for track in state.tracks
        for mm in _stations(state, belt, track)
    ]
    ahead = [due for due in dues if due > 0]
    return encoder_after(state.encoder, min(ahead)) if ahead else None


def _stations(state: PlcState, belt: Belt, track: Track) -> list[float]:
    stations: list[float] = [belt.run_out_mm + belt.window_mm + 1]
    if not track.photographed:
        stations.append(belt.camera_mm)
    lane = track.firing or _target(track, belt, state)
    if lane != belt.run_out:
        measures = belt.lanes[lane - 1]
        stations += [
            measures.no_return_mm,
            measures.divert_mm + track.length_mm,
            measures.confirm_mm + belt.window_mm + 1,
        ]
    return stations
