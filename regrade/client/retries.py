"""When a grading is asked for again: after what fails for now, as long as its deadline allows."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final, Self

import tenacity

from regrade.client.errors import BusyError, UnreachableError

_BACK_OFF: Final = tenacity.wait_random_exponential(multiplier=0.05, max=2.0)


@dataclass(frozen=True, slots=True)
class Budget:
    """Time until a deadline, over all attempts."""

    ends_s: float

    @classmethod
    def of(cls, seconds: float) -> Self:
        """Counts from now."""
        return cls(time.monotonic() + seconds)

    @property
    def left_s(self) -> float:
        """May be negative."""
        return self.ends_s - time.monotonic()

    def policy(self) -> dict[str, Any]:
        """Arguments of ``tenacity.Retrying``: no pause that would end after the deadline."""
        return {
            "retry": tenacity.retry_if_exception_type((UnreachableError, BusyError)),
            "wait": _pause_s,
            "stop": tenacity.stop_before_delay(self.left_s),
            "reraise": True,
        }


def _pause_s(state: tenacity.RetryCallState) -> float:
    """What the server asked for, and a random part on top that grows with each attempt."""
    error = state.outcome.exception() if state.outcome is not None else None
    asked_s = error.retry_after_s if isinstance(error, BusyError) else 0.0
    return asked_s + _BACK_OFF(state)
