"""How fast items go through, learned from those that went: so that refusals are honest. Pure."""

from __future__ import annotations

_WEIGHT = 0.2
_DOUBT = 0.9


class Pace:
    """Smoothed times, in seconds; zero until the first item has gone through."""

    def __init__(self) -> None:
        self.service_s = 0.0
        """Time by which one more item ahead delays the next."""
        self.model_s = 0.0
        """Time of one assessment."""
        self._departed_s = float("-inf")

    def departed(self, *, arrived_s: float, now_s: float, model_s: float) -> None:
        """Learn from an item that has been graded and stored."""
        service_s = now_s - max(arrived_s, self._departed_s)
        self._departed_s = now_s
        self.service_s = _smooth(self.service_s, service_s)
        self.model_s = _smooth(self.model_s, model_s)

    def wait_s(self, ahead: int) -> float:
        """Expected time until the model turns to an item with so many before it."""
        return ahead * self.service_s

    def can_finish_in(self, left_s: float | None) -> bool:
        """Whether to begin an assessment that has so much time left (None: no end).

        Each refusal lowers the estimate a little: a pace that was learned in a bad moment is tried
        again, and never shuts the model off for good.
        """
        if left_s is None or left_s >= self.model_s:
            return True
        self.model_s *= _DOUBT
        return False


def _smooth(before: float, value: float) -> float:
    return (1 - _WEIGHT) * before + _WEIGHT * value if before else value
