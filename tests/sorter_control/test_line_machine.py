"""Any faults in any order: a state machine over the whole line, held against the physical truth.

`HYPOTHESIS_PROFILE=long` looks for hours instead of seconds.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sorter_control.sim.soak.faults import ABOUT, Fault, Kind, Scenario
from sorter_control.sim.soak.shift import Shift
from tests.sorter_control.factories import quiet_log

_COMMON = settings(deadline=None, suppress_health_check=list(HealthCheck))
_PROFILES = {
    "quick": settings(
        _COMMON,
        max_examples=12,
        stateful_step_count=12,
        derandomize=True,
        phases=[Phase.generate],
    ),
    "long": settings(_COMMON, max_examples=20_000, stateful_step_count=50),
}
_GRADED_LANES = 4


class Line(RuleBasedStateMachine):
    """Items come, time passes, things go wrong; at the end everything must be where it is said."""

    @initialize(seed=st.integers(0, 10_000), loop=st.booleans(), near=st.booleans())
    def opens(self, seed: int, loop: bool, near: bool) -> None:
        start = 2**32 - 9000 if near else 0
        self.shift = Shift(Scenario(seed=seed, items=12, loop=loop, encoder_start=start))
        self.shift.run(4.0)

    @rule(
        kind=st.sampled_from(Kind),
        lane=st.integers(1, _GRADED_LANES),
        share=st.floats(0, 1),
        for_s=st.sampled_from([0.05, 0.5, 2.0, 8.0, 20.0]),
    )
    def goes_wrong(self, kind: Kind, lane: int, share: float, for_s: float) -> None:
        about = ABOUT[kind]
        values: dict[str, object] = {"kind": kind, "at_s": self.shift.site.line.now_s}
        if about.lane:
            values["lane"] = lane
        if about.lasts:
            values["for_s"] = for_s
        if about.mm is not None:
            values["mm"] = about.mm[0] + share * (about.mm[1] - about.mm[0])
        self.shift.injector.plan(Fault.model_validate(values))
        self.shift.run(self.shift.site.line.now_s + 0.02)

    @rule(seconds=st.sampled_from([0.1, 1.0, 3.0, 9.0]))
    def time_passes(self, seconds: float) -> None:
        self.shift.run(self.shift.site.line.now_s + seconds)

    @invariant()
    def nothing_impossible_was_seen(self) -> None:
        if hasattr(self, "shift"):
            assert self.shift.watch.violations == []

    def teardown(self) -> None:
        if hasattr(self, "shift"):
            with quiet_log():
                assert self.shift.finish().violations == []


Line.TestCase.settings = _PROFILES[os.environ.get("HYPOTHESIS_PROFILE", "quick")]
TestLine = pytest.mark.slow(pytest.mark.timeout(0)(Line.TestCase))
