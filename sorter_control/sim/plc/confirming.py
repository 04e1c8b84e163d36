"""The PLC program at a lane's photo-eye: only an item that has wholly passed it is a success."""

from __future__ import annotations

from sorter_control.protocol import EventType, Reason
from sorter_control.sim.geometry import Belt
from sorter_control.sim.plc.state import Eye, PlcState, Track
from sorter_control.sim.plc.tracking import fits, lose, near, schedule


def arrives(state: PlcState, belt: Belt, lane: int) -> None:
    """Something has come to a lane's photo-eye: the item that must be there now, or none."""
    eye = state.eyes[belt.lane_eye(lane)]
    seen = near(state, belt, eye.rise - belt.pulses(belt.lanes[lane - 1].confirm_mm))
    meant = [track for track in seen if _goes_to(track, belt, lane)]
    track = next(iter(meant or seen), None)
    eye.tid = track.tid if track else 0
    if track is not None:
        track.arriving = lane
        schedule(state, belt, track)


def left(state: PlcState, belt: Belt, lane: int) -> None:
    """What was under a lane's photo-eye has passed it."""
    eye = state.eyes[belt.lane_eye(lane)]
    state.lane(lane).count = (state.lane(lane).count + 1) % 65536
    track = state.track(eye.tid)
    if track is None:
        state.report(EventType.UNEXPECTED, lane=lane, encoder=eye.rise)
    elif not fits(belt, eye, track) or (
        lane == belt.loop_lane and (track.firing != lane or state.encoder < state.returns_from)
    ):
        # It came to the right place, but it is not what the induct photo-eye saw, or not alone. Or
        # it goes round without having been sent, or behind what may have waited there: the induct
        # photo-eye will see it as a new one.
        lose(state, track)
        state.report(EventType.UNEXPECTED, lane=lane, encoder=eye.rise)
    elif not _goes_to(track, belt, lane):
        state.tracks.remove(track)
        state.report(EventType.MISSORT, track.tid, lane=lane, encoder=eye.rise)
    else:
        _confirm(state, belt, lane, eye, track)


def _confirm(state: PlcState, belt: Belt, lane: int, eye: Eye, track: Track) -> None:
    state.lane(lane).failures = eye.misses = 0
    if lane == belt.loop_lane:
        track.returning, track.firing, track.arriving, track.lane = True, 0, 0, 0
        schedule(state, belt, track)
        state.report(EventType.RECIRCULATED, track.tid, lane=lane, encoder=eye.rise)
        return
    state.tracks.remove(track)
    assigned = track.lane == lane
    reason = Reason.NONE if assigned else _why_default(state, track)
    state.report(EventType.DIVERTED, track.tid, lane=lane, reason=reason, encoder=eye.rise)


def _goes_to(track: Track, belt: Belt, lane: int) -> bool:
    return track.firing == lane or (not track.firing and lane == belt.run_out)


def _why_default(state: PlcState, track: Track) -> Reason:
    if track.why_default is Reason.UNASSIGNED and state.host_lost:
        return Reason.HOST_LOST
    return track.why_default


def blocked_for_too_long(state: PlcState, belt: Belt, lane: int) -> None:
    """Something hangs under a lane's photo-eye, or the eye is broken."""
    eye = state.eyes[belt.lane_eye(lane)]
    if eye.tid or lane == belt.run_out:
        state.lane(lane).jam = True
        state.hold(lane)
    else:
        # Nothing was expected here: the photo-eye cannot be believed.
        state.lane(lane).fault = True


def freed(state: PlcState, lane: int) -> None:
    """A photo-eye that was blocked for too long is free again."""
    state.report(EventType.JAM_CLEAR, lane=lane)
    if lane:
        state.lane(lane).jam = False
