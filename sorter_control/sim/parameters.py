"""The PLC's parameters as the host reads and writes them, whatever lies between."""

from __future__ import annotations

from collections.abc import Mapping

from sorter_control.packml import State
from sorter_control.sim.machine import Machine


def parameters_of(machine: Machine) -> dict[str, int]:
    """Values of the parameter block."""
    plc = machine.plc
    return {
        "default_lane": plc.default_lane,
        "max_recirculations": plc.max_recirculations,
        "host_timeout_ms": round(plc.host_timeout_s * 1000),
    }


def are_writable(machine: Machine) -> bool:
    """Whether the host may write them now."""
    return machine.plc.packml is State.STOPPED


def set_parameters(machine: Machine, values: Mapping[str, int]) -> bool:
    """Take new values of some parameters; False, and nothing taken, where they make no sense."""
    new = {**parameters_of(machine), **values}
    lane, loop_lane = new["default_lane"], machine.belt.loop_lane
    if not 1 <= lane <= machine.belt.run_out or lane == loop_lane or not new["host_timeout_ms"]:
        return False
    plc = machine.plc
    plc.default_lane, plc.max_recirculations = new["default_lane"], new["max_recirculations"]
    plc.host_timeout_s = new["host_timeout_ms"] / 1000
    return True
