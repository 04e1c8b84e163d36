"""The PLC program's tracking: from the induct photo-eye along the belt, by encoder.

Three things keep a track true: every photo-eye that sees the item inside its window corrects it,
a photo-eye that does not see it ends it, and what is not as long as it was is trusted no more.
What happens at a lane's photo-eye is in ``confirming.py``.
"""

from __future__ import annotations

from sorter_control.protocol import EventType, Reason
from sorter_control.sim.geometry import LONGEST_MM, Belt
from sorter_control.sim.plc.state import Eye, PlcState, Track

_FAR_MM = 1e12


def position_mm(state: PlcState, belt: Belt, track: Track) -> float:
    """Where the front of an item is, mm after the induct photo-eye."""
    return (state.encoder - track.induct) * 1000 / belt.pulses_per_m


def reach_mm(belt: Belt) -> int:
    """How far past its expected place an item may be before its photo-eye has missed it."""
    return belt.window_mm + belt.debounce_mm + belt.scan_mm


def schedule(state: PlcState, belt: Belt, track: Track) -> None:
    """Note when something has to be done about an item; to be called after every change of it."""
    position = position_mm(state, belt, track)
    track.due = track.induct + belt.pulses(_next_station_mm(state, belt, track, position)) + 1


def _next_station_mm(state: PlcState, belt: Belt, track: Track, position: float) -> float:
    if track.returning:
        return belt.loop_mm + track.length_mm + reach_mm(belt)
    if track.firing:
        measures = belt.lanes[track.firing - 1]
        if position < measures.divert_mm + track.length_mm:
            return measures.divert_mm + track.length_mm
        return _FAR_MM if track.arriving else measures.confirm_mm + reach_mm(belt)
    if track.arriving:
        return _FAR_MM
    seen_by_mm = belt.eyes_mm[_next_eye(belt, track)] + reach_mm(belt)
    lane = target(state, belt, track, position)
    return (
        min(seen_by_mm, belt.lanes[lane - 1].no_return_mm) if lane != belt.run_out else seen_by_mm
    )


def _next_eye(belt: Belt, track: Track) -> int:
    """The photo-eye that has to see an item next, unless it is diverted before."""
    number = track.checks + 1
    return number if number in belt.checks else belt.lane_eye(belt.run_out)


def inducted(state: PlcState, belt: Belt, eye: Eye) -> None:
    """What has passed the induct photo-eye: a new item, one that comes round, or no single one."""
    length_mm = round((eye.edge - eye.rise) * 1000 / belt.pulses_per_m)
    if eye.jammed or length_mm > LONGEST_MM + belt.length_error_mm:
        # No single item is as long as this; where its front is, nobody knows.
        state.report(EventType.GAP, reason=Reason.GAP, encoder=eye.rise)
        eye.tid = 0
        lose_returning(state, belt)
    else:
        eye.tid = _comes_round(state, belt, eye, length_mm) or _announce(
            state, belt, eye, length_mm
        )
    if eye.rise - eye.tail < belt.pulses(belt.min_gap_mm):
        doubt(state, belt, eye.last_tid, eye.tid)


def _announce(state: PlcState, belt: Belt, eye: Eye, length_mm: int) -> int:
    track = Track(state.next_tid, eye.rise, length_mm)
    state.next_tid += 1
    state.tracks.append(track)
    state.photograph = track.tid
    schedule(state, belt, track)
    state.report(EventType.ANNOUNCE, track.tid, encoder=eye.rise, aux=length_mm)
    return track.tid


def _comes_round(state: PlcState, belt: Belt, eye: Eye, length_mm: int) -> int:
    """The item that was sent back and must be here now, or 0."""
    if not belt.loop_lane:
        return 0
    window, loop = belt.pulses(belt.window_mm), belt.pulses(belt.loop_mm)
    for track in state.tracks:
        if (
            track.returning
            and abs(eye.rise - track.induct - loop) <= window
            and abs(length_mm - track.length_mm) <= belt.length_error_mm
        ):
            track.induct, track.checks, track.rounds = eye.rise, 0, track.rounds + 1
            track.returning, track.verified, track.why_default = False, True, Reason.UNASSIGNED
            schedule(state, belt, track)
            state.report(EventType.DEST_REQUEST, track.tid, encoder=eye.rise, aux=track.length_mm)
            return track.tid
    return 0


def doubt(state: PlcState, belt: Belt, *tids: int) -> None:
    """These items cannot be told from what is near them: they run out."""
    for tid in tids:
        track = state.track(tid)
        if track is not None and not track.doubtful and not track.firing:
            track.doubtful, track.lane, track.why_default = True, 0, Reason.GAP
            state.report(EventType.GAP, tid, reason=Reason.GAP)
            schedule(state, belt, track)


def near(state: PlcState, belt: Belt, induct: int) -> list[Track]:
    """Items that may be what was at the induct photo-eye at this encoder value, the likeliest first."""
    window = belt.pulses(belt.window_mm)
    first, last = induct - window, induct + window
    found = [
        track
        for track in state.tracks
        if first <= track.induct <= last and not track.arriving and not track.returning
    ]
    found.sort(key=lambda track: abs(track.induct - induct))
    return found


def check_front(state: PlcState, belt: Belt, number: int) -> None:
    """Something has come to a photo-eye before a divert: which item is it?"""
    eye = state.eyes[number]
    eye_pulses = belt.pulses(belt.eyes_mm[number])
    seen = near(state, belt, eye.rise - eye_pulses)
    track = next((track for track in seen if track.checks < number), None)
    eye.tid = track.tid if track else 0
    if track is not None:
        eye.misses = 0
        if track.firing and belt.eyes_mm[number] > belt.lanes[track.firing - 1].divert_mm:
            missed(state, belt, track)
        track.checks, track.verified = number, True
        track.induct = eye.rise - eye_pulses
        schedule(state, belt, track)
    if eye.rise - eye.tail < belt.pulses(belt.min_gap_mm):
        doubt(state, belt, eye.last_tid, eye.tid)


def check_length(state: PlcState, belt: Belt, number: int) -> None:
    """What was under a photo-eye before a divert has passed: is it as long as it was?"""
    eye = state.eyes[number]
    track = state.track(eye.tid)
    if track is not None and not fits(belt, eye, track):
        doubt(state, belt, track.tid)


def fits(belt: Belt, eye: Eye, track: Track) -> bool:
    """Whether what has passed a photo-eye is as long as the item was."""
    seen_mm = (eye.edge - eye.rise) * 1000 / belt.pulses_per_m
    return abs(seen_mm - track.length_mm) <= belt.length_error_mm


def missed(state: PlcState, belt: Belt, track: Track) -> None:
    """A divert did not take its item."""
    number, lane = track.firing, state.lane(track.firing)
    lane.failures += 1
    lane.fault = lane.fault or lane.failures >= belt.max_failures
    track.lane, track.firing, track.why_default = 0, 0, Reason.DIVERT_FAILED
    schedule(state, belt, track)
    state.report(EventType.DIVERT_FAIL, track.tid, lane=number, reason=Reason.DIVERT_FAILED)


def unverify(state: PlcState, belt: Belt) -> None:
    """The belt has stopped hard: until a photo-eye sees them, nobody knows where items are.

    A divert that was about to work for one does not; an item that was on its way down a lane
    may still come to its photo-eye.
    """
    for track in state.tracks:
        track.verified = False
        if track.firing:
            lane = track.firing
            if position_mm(state, belt, track) < belt.lanes[lane - 1].divert_mm:
                track.firing = track.lane = 0
                track.why_default = Reason.UNVERIFIED
                state.report(EventType.ABORTED, track.tid, lane=lane, reason=Reason.UNVERIFIED)
                schedule(state, belt, track)


def follow(state: PlcState, belt: Belt) -> None:
    """Commit items at their point of no return, and give up those that were not seen in time."""
    for track in [each for each in state.tracks if each.due <= state.encoder]:
        if state.track(track.tid) is track:  # not lost together with one before it
            _act(state, belt, track, position_mm(state, belt, track))


def _act(state: PlcState, belt: Belt, track: Track, position: float) -> None:
    if track.returning:
        lose_returning(state, belt)
    elif track.firing:
        seen_by_mm = belt.lanes[track.firing - 1].confirm_mm + reach_mm(belt)
        if position > seen_by_mm and not track.arriving:
            missed(state, belt, track)
        else:
            schedule(state, belt, track)
    elif position > belt.eyes_mm[_next_eye(belt, track)] + reach_mm(belt):
        _missing(state, belt, track)
    else:
        _commit(state, belt, track, position)


def _missing(state: PlcState, belt: Belt, track: Track) -> None:
    """A photo-eye has not seen an item: the item is gone; if that goes on, it is the eye."""
    lose(state, track)
    eye = state.eyes[_next_eye(belt, track)]
    eye.misses += 1
    if eye.misses >= belt.max_failures:
        eye.misses = 0
        state.hold(belt.lane_of_eye(_next_eye(belt, track)))


def lose(state: PlcState, track: Track) -> None:
    """An item is not where it must be."""
    state.tracks.remove(track)
    state.report(EventType.LOST, track.tid)


def lose_returning(state: PlcState, belt: Belt) -> None:
    """Something hangs or is gone before the infeed: what comes round may come late.

    So late that one could be taken for another; each is announced anew, and so is what is sent back
    before the last that may have waited has come.
    """
    state.returns_from = state.encoder + belt.pulses(belt.loop_mm)
    for track in [each for each in state.tracks if each.returning]:
        lose(state, track)


def _commit(state: PlcState, belt: Belt, track: Track, position: float) -> None:
    lane = target(state, belt, track, position)
    if lane != belt.run_out and position >= belt.lanes[lane - 1].no_return_mm:
        refusal = state.lane(lane).closed if track.verified else Reason.UNVERIFIED
        if refusal is None:
            track.firing = lane
        else:
            if track.lane:
                state.report(EventType.ABORTED, track.tid, lane=lane, reason=refusal)
            track.lane, track.why_default = 0, Reason.LANE_CLOSED
    schedule(state, belt, track)


def target(state: PlcState, belt: Belt, track: Track, position: float) -> int:
    """The assigned lane; the default lane for the rest, and the run-out for the unusual."""
    if track.lane:
        return track.lane
    lane = state.default_lane
    ahead = position < belt.lanes[lane - 1].divert_mm - belt.response_mm
    return lane if ahead and track.why_default is Reason.UNASSIGNED else belt.run_out


def gates(state: PlcState, belt: Belt) -> tuple[bool, ...]:
    """Diverts that must stand across the belt now: from the commitment until the tail is past."""
    across = {
        track.firing
        for track in state.tracks
        if track.firing
        and position_mm(state, belt, track)
        < belt.lanes[track.firing - 1].divert_mm + track.length_mm
    }
    return tuple([lane in across for lane in range(1, belt.run_out)]) if across else belt.at_rest
