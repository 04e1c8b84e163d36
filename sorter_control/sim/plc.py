"""The PLC program: ``scan`` is one cycle, a function of memory, inputs and time.

Like a real one it reads all inputs, works, and drives all outputs. Tracking is in
``tracking.py``, the dealings with the host in ``commands.py``.
"""

from __future__ import annotations

from dataclasses import replace

from sorter_control import packml
from sorter_control.packml import Command, State
from sorter_control.protocol import Event, EventType, Flag, LaneReport, PlcImage, Status
from sorter_control.sequence import encoder_travel
from sorter_control.sim import commands, tracking
from sorter_control.sim.geometry import Belt
from sorter_control.sim.plc_state import Inputs, Outputs, PlcState

_HEARTBEAT_S = 0.1
_RUNNING = {State.EXECUTE, State.COMPLETING}


def scan(state: PlcState, belt: Belt, inputs: Inputs, now_s: float) -> tuple[PlcState, Outputs]:
    """One cycle.

    Args:
        state: Memory; left as it is.
        belt: Measures of the machine.
        inputs: What the inputs show now.
        now_s: Monotonic time, used for the host's heartbeat alone.
    """
    if _nothing_to_do(state, inputs, now_s):
        return state, state.outputs
    state = state.copy()
    if _only_heartbeat(state, inputs):
        commands.watch_host(state, inputs.host, now_s)
        state.host_image = inputs.host
        return state, state.outputs
    state.encoder = inputs.encoder
    commands.watch_host(state, inputs.host, now_s)
    _safety(state, inputs)
    if state.packml in _RUNNING:
        tracking.induct(state, belt, blocked=inputs.induct)
    _lanes_full(state, inputs)
    tracking.confirm(state, belt, inputs)
    commands.obey_host(state, belt, inputs.host)
    camera_tid = tracking.fire(state, belt)
    state.publish()
    state.host_image = inputs.host
    state.due_encoder = tracking.next_due(state, belt)
    run = state.packml in _RUNNING
    gates = tracking.gates(state, belt)
    state.outputs = Outputs(run, gates)
    return state, Outputs(run, gates, camera_tid)


def _nothing_to_do(state: PlcState, inputs: Inputs, now_s: float) -> bool:
    """Whether a whole cycle would change nothing; most cycles do."""
    return (
        inputs.host is state.host_image
        and (state.host_lost or now_s - state.host_seen_s <= state.host_timeout_s)
        and _quiet(state, inputs)
    )


def _only_heartbeat(state: PlcState, inputs: Inputs) -> bool:
    """Whether the host wrote what it wrote before, and nothing else has happened either."""
    before = state.host_image
    return (
        before is not None
        and not state.queue
        and inputs.host.commands == before.commands
        and replace(inputs.host.host, host_heartbeat=before.host.host_heartbeat) == before.host
        and _quiet(state, inputs)
    )


def _quiet(state: PlcState, inputs: Inputs) -> bool:
    """Whether the machine's own inputs and positions ask for nothing."""
    return (
        inputs.induct == state.induct
        and inputs.eyes == state.eyes
        and inputs.panel is None
        and inputs.estop_ok == state.estop_ok
        and not packml.is_acting(state.packml)
        and (state.due_encoder is None or encoder_travel(inputs.encoder, state.due_encoder) > 0)
        and inputs.lanes_full == state.lanes_full
    )


def _safety(state: PlcState, inputs: Inputs) -> None:
    if not inputs.estop_ok and state.estop_ok:
        state.report(EventType.ESTOP)
    state.estop_ok = inputs.estop_ok
    if not inputs.estop_ok:
        state.packml = packml.commanded(state.packml, Command.ABORT)
    state.packml = packml.completed(state.packml)
    if inputs.panel is not None and (inputs.estop_ok or inputs.panel is Command.ABORT):
        state.packml = packml.commanded(state.packml, inputs.panel)


def _lanes_full(state: PlcState, inputs: Inputs) -> None:
    for lane in inputs.lanes_full ^ state.lanes_full:
        full = lane in inputs.lanes_full
        state.set_lane(lane, full=full)
        state.report(EventType.LANE_FULL if full else EventType.LANE_CLEAR, lane=lane)
    state.lanes_full = inputs.lanes_full


def image(state: PlcState, belt: Belt, *, encoder: int, now_s: float) -> PlcImage:
    """What the PLC publishes, with encoder and heartbeat of this moment."""
    running = state.packml in _RUNNING
    flags = Flag(
        Flag.RUN.value * running
        | Flag.ESTOP_OK.value * state.estop_ok
        | Flag.HOST_LOST.value * state.host_lost
        | Flag.INHIBIT.value * (not running)
    )
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
    lanes = tuple(LaneReport(lane.bits, lane.count) for lane in state.lanes)
    events: tuple[Event, ...] = tuple(state.ring)
    return PlcImage(status, lanes, events, belt.lanes)
