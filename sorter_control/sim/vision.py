"""The host's grading as the PLC sees it, in the states of a vision system (OPC 40100-1)."""

from __future__ import annotations

from enum import StrEnum

from sorter_control.protocol import Flag, Status


class VisionState(StrEnum):
    """States of the vision state machine that a PLC can tell apart."""

    PREOPERATIONAL = "Preoperational"
    """No host has written anything yet."""
    OPERATIONAL = "Operational"
    ERROR = "Error"
    """The host is lost."""


class AutomaticMode(StrEnum):
    """States inside ``OPERATIONAL``."""

    INITIALIZED = "Initialized"
    """The belt does not run."""
    READY = "Ready"
    EXECUTING = "Executing"
    """An item waits for its lane."""


def vision_state(status: Status, *, waiting: bool) -> tuple[VisionState, AutomaticMode | None]:
    """State now, and the state inside it.

    Args:
        status: The PLC's.
        waiting: Whether an item on the belt has no lane yet.
    """
    if not status.host_boot_id_echo:
        return VisionState.PREOPERATIONAL, None
    if Flag.HOST_LOST in status.flags:
        return VisionState.ERROR, None
    if Flag.RUN not in status.flags:
        return VisionState.OPERATIONAL, AutomaticMode.INITIALIZED
    mode = AutomaticMode.EXECUTING if waiting else AutomaticMode.READY
    return VisionState.OPERATIONAL, mode
