"""The PLC program: ``scan`` is one cycle over its memory, its inputs and the time.

Like a real one it reads all inputs, works, and drives all outputs. Photo-eyes are in
``sensing.py``, tracking in ``tracking.py`` and ``confirming.py``, the dealings with the host in
``commands.py``.
"""

from __future__ import annotations

from sorter_control import packml
from sorter_control.packml import Command, State
from sorter_control.protocol import (
    EventType,
    Flag,
    PlcImage,
    Status,
)
from sorter_control.sequence import encoder_travel
from sorter_control.sim.geometry import LONGEST_MM, Belt
from sorter_control.sim.plc import commands, sensing, tracking
from sorter_control.sim.plc.state import NEVER, Inputs, Outputs, PlcState

_HEARTBEAT_S = 0.1
_RUNNING = frozenset({State.EXECUTE, State.COMPLETING})
_MODE_MAY_CHANGE = frozenset({State.STOPPED, State.IDLE})
_RUN, _ESTOP_OK, _HOST_LOST, _INHIBIT, _ENCODER_FAULT = (flag.value for flag in Flag)
_FLAGS = [Flag(bits) for bits in range(32)]
_AWAY_MM = 30


def scan(state: PlcState, belt: Belt, inputs: Inputs, now_s: float) -> Outputs:
    """One cycle.

    Args:
        state: Memory; changed in place.
        belt: Measures of the machine.
        inputs: What the inputs show now.
        now_s: Monotonic time, used for the host's heartbeat alone.
    """
    travel = encoder_travel(state.encoder, inputs.encoder)
    state.encoder += travel
    state.still_scans = state.still_scans + 1 if state.outputs.run and not travel else 0
    state.photograph = 0
    if _nothing_to_do(state, inputs, now_s):
        return state.outputs
    before = state.packml
    fresh = commands.watch_host(state, inputs.host, now_s)
    _safety(state, belt, inputs)
    _lanes_full(state, inputs)
    if state.seen is None or inputs.eyes != state.seen.eyes or state.eyes_due <= state.encoder:
        sensing.look(state, belt, inputs.eyes)
    _watch_diverts(state, belt, inputs)
    if fresh and (inputs.host is not state.host_image or state.packml in _MODE_MAY_CHANGE):
        commands.obey_host(state, belt, inputs.host)
    if state.packml is State.ABORTING and before is not State.ABORTING:
        tracking.unverify(state, belt)
    tracking.follow(state, belt)
    state.publish()
    _drive(state, belt)
    state.host_image, state.seen = inputs.host, inputs
    state.due = min([track.due for track in state.tracks], default=NEVER)
    state.due = min(state.due, state.eyes_due)
    return state.outputs


def _nothing_to_do(state: PlcState, inputs: Inputs, now_s: float) -> bool:
    """Whether a whole cycle would change nothing; most cycles do."""
    seen = state.seen
    return (
        seen is not None
        and inputs.host is state.host_image
        and inputs.eyes == seen.eyes
        and state.due > state.encoder
        and inputs.away == state.outputs.gates
        and inputs.full is seen.full
        and inputs.panel is None
        and inputs.estop_ok == state.estop_ok
        and not state.still_scans
        and not packml.is_acting(state.packml)
        and (state.host_lost or now_s - state.host_seen_s <= state.host_timeout_s)
    )


def _safety(state: PlcState, belt: Belt, inputs: Inputs) -> None:
    if not inputs.estop_ok and state.estop_ok:
        state.report(EventType.ESTOP)
    state.estop_ok = inputs.estop_ok
    if state.packml is State.RESETTING:
        state.encoder_fault = state.waits = False
        for lane in state.lanes:
            lane.fault, lane.failures = False, 0
    if state.packml is State.UNHOLDING:
        sensing.watch_again(state)
    state.packml = packml.completed(state.packml)
    if inputs.panel is not None and (inputs.estop_ok or inputs.panel is Command.ABORT):
        state.packml = packml.commanded(state.packml, inputs.panel)
    if not inputs.estop_ok:
        state.packml = packml.commanded(state.packml, Command.ABORT)
    if state.still_scans >= belt.blind_scans and not state.encoder_fault:
        state.encoder_fault = True
        tracking.unverify(state, belt)
        state.packml = packml.commanded(state.packml, Command.STOP)


def _lanes_full(state: PlcState, inputs: Inputs) -> None:
    if state.seen is None or inputs.full is not state.seen.full:
        for number, lane in enumerate(state.lanes, start=1):
            full = number in inputs.full
            if full != lane.full:
                lane.full = full
                state.report(EventType.LANE_FULL if full else EventType.LANE_CLEAR, lane=number)
    if state.lanes[-1].full and state.packml is State.EXECUTE:
        # Nothing may go where everything goes that has no other place.
        state.packml, state.waits = packml.commanded(state.packml, Command.SUSPEND), True
    elif state.waits and state.packml is State.SUSPENDED and not state.lanes[-1].full:
        state.packml, state.waits = packml.commanded(state.packml, Command.UNSUSPEND), False


def _watch_diverts(state: PlcState, belt: Belt, inputs: Inputs) -> None:
    """A divert that stays across the belt would take everything that comes: stop before that."""
    if inputs.away == state.outputs.gates and not state.away_since:
        return
    for lane, (away, wanted) in enumerate(zip(inputs.away, state.outputs.gates, strict=True), 1):
        if not away or wanted:
            state.away_since.pop(lane, None)
        elif state.encoder - state.away_since.setdefault(lane, state.encoder) >= belt.pulses(
            _AWAY_MM
        ):
            del state.away_since[lane]
            state.lane(lane).fault = True
            state.hold(lane)


def _drive(state: PlcState, belt: Belt) -> None:
    run = state.packml in _RUNNING
    infeed = run and not state.infeed_jam and not _merging(state, belt)
    gates = tracking.gates(state, belt)
    if (run, infeed, gates) != (state.outputs.run, state.outputs.infeed, state.outputs.gates):
        state.outputs = Outputs(run, infeed, gates)


def _merging(state: PlcState, belt: Belt) -> bool:
    """Whether an item that comes round needs the infeed for itself."""
    if not belt.loop_lane:
        return False
    clear_mm = belt.infeed_mm + LONGEST_MM + belt.min_gap_mm + belt.window_mm
    return any(
        track.returning and tracking.position_mm(state, belt, track) > belt.loop_mm - clear_mm
        for track in state.tracks
    )


def image(state: PlcState, belt: Belt, *, encoder: int, now_s: float) -> PlcImage:
    """What the PLC publishes, with encoder and heartbeat of this moment."""
    running = state.packml in _RUNNING
    flags = _FLAGS[
        _RUN * running
        | _ESTOP_OK * state.estop_ok
        | _HOST_LOST * state.host_lost
        | _INHIBIT * (not state.outputs.infeed)
        | _ENCODER_FAULT * state.encoder_fault
    ]
    status = Status(
        plc_boot_id=state.boot_id,
        plc_heartbeat=int(now_s / _HEARTBEAT_S) % 65536,
        state_current=state.packml,
        unit_mode=state.mode,
        flags=flags,
        encoder=encoder,
        speed_mm_per_s=belt.speed_mm_s if running else 0,
        pulses_per_m=belt.pulses_per_m,
        event_head=state.event_head,
        host_heartbeat_echo=state.host_heartbeat,
        command_ack_seq=state.command_seq,
        ack_code=state.ack_code,
        in_flight=len(state.tracks),
        remap_state=state.remap_done,
        lane_count=belt.run_out,
        host_boot_id_echo=state.host_boot_id,
        events_waiting=min(len(state.queue), 0xFFFF),
    )
    lanes = tuple([lane.report for lane in state.lanes])
    return PlcImage(status, lanes, tuple(state.ring), belt.lanes)
