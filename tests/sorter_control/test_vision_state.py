"""The controller's grading in the states of a vision system."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sorter_control.protocol import Flag
from sorter_control.sim.vision import AutomaticMode, VisionState, vision_state
from tests.sorter_control.test_controller_link import STATUS

HOST = 77


@pytest.mark.parametrize(
    ("flags", "host", "waiting", "expected"),
    [
        (Flag.RUN, 0, True, (VisionState.PREOPERATIONAL, None)),
        (Flag.RUN | Flag.HOST_LOST, HOST, True, (VisionState.ERROR, None)),
        (Flag.INHIBIT, HOST, True, (VisionState.OPERATIONAL, AutomaticMode.INITIALIZED)),
        (Flag.RUN, HOST, False, (VisionState.OPERATIONAL, AutomaticMode.READY)),
        (Flag.RUN, HOST, True, (VisionState.OPERATIONAL, AutomaticMode.EXECUTING)),
    ],
)
def test_states_of_the_vision_system(
    flags: Flag, host: int, waiting: bool, expected: object
) -> None:
    status = replace(STATUS, flags=flags, host_boot_id_echo=host)
    assert vision_state(status, waiting=waiting) == expected
