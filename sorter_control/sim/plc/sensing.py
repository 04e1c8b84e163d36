"""The PLC program's photo-eyes: debounced by distance, and watched for jams."""

from __future__ import annotations

from sorter_control.protocol import EventType
from sorter_control.sim.geometry import INDUCT, Belt
from sorter_control.sim.plc import confirming, tracking
from sorter_control.sim.plc.state import NEVER, Eye, PlcState


def look(state: PlcState, belt: Belt, eyes: tuple[bool, ...]) -> None:
    """Take in what the photo-eyes say now.

    An edge counts from where it was, once the belt has gone on by the debouncing distance.
    """
    state.eyes_due = NEVER
    for number, (eye, raw) in enumerate(zip(state.eyes, eyes, strict=True)):
        if raw == eye.raw == eye.blocked and (not raw or eye.watched_from == NEVER):
            continue
        if raw != eye.raw:
            eye.raw, eye.edge = raw, state.encoder
        _look_at(state, belt, number, eye)
        if raw != eye.blocked:
            state.eyes_due = min(state.eyes_due, eye.edge + belt.debounce_pulses)
        elif raw:
            state.eyes_due = min(state.eyes_due, eye.watched_from + belt.jam_pulses[number])


def _look_at(state: PlcState, belt: Belt, number: int, eye: Eye) -> None:
    if eye.raw != eye.blocked and state.encoder - eye.edge >= belt.debounce_pulses:
        eye.blocked = eye.raw
        if eye.raw:
            eye.rise, eye.tid, eye.jammed = eye.edge, 0, False
            eye.watched_from = eye.rise
            _front(state, belt, number)
        else:
            _tail(state, belt, number, eye)
    elif eye.blocked and state.encoder - eye.watched_from >= belt.jam_pulses[number]:
        eye.jammed, eye.watched_from = True, NEVER
        _jam(state, belt, number)


def _front(state: PlcState, belt: Belt, number: int) -> None:
    if lane := belt.lane_of_eye(number):
        state.lane(lane).blocked = True
        confirming.arrives(state, belt, lane)
    elif number != INDUCT:
        tracking.check_front(state, belt, number)


def _tail(state: PlcState, belt: Belt, number: int, eye: Eye) -> None:
    lane = belt.lane_of_eye(number)
    if lane:
        state.lane(lane).blocked = False
        confirming.left(state, belt, lane)
    elif number == INDUCT:
        tracking.inducted(state, belt, eye)
        state.infeed_jam = False
    else:
        tracking.check_length(state, belt, number)
    if eye.jammed:
        confirming.freed(state, lane)
    eye.tail, eye.last_tid, eye.tid = eye.edge, eye.tid, 0


def _jam(state: PlcState, belt: Belt, number: int) -> None:
    if lane := belt.lane_of_eye(number):
        confirming.blocked_for_too_long(state, belt, lane)
    elif number == INDUCT:
        state.infeed_jam = True
        state.report(EventType.JAM)
    else:
        state.hold(0)


def watch_again(state: PlcState) -> None:
    """A person has let the belt go on: what hangs under a photo-eye still will stop it again."""
    for number, eye in enumerate(state.eyes):
        if eye.jammed and eye.blocked and number != INDUCT:
            eye.watched_from = state.encoder
            state.eyes_due = state.encoder
