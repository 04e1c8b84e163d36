"""How fast items go through, learned from those that went: so that refusals are honest. Pure."""

from __future__ import annotations

_WEIGHT = 0.2


class Pace:
    """Smoothed times, in seconds; zero until the first item has gone through.

    Attributes:
        picture_s: Time of one worker for one picture.
        after_s: Time from the end of the work until the answer can be given: what storing takes.
    """

    def __init__(self) -> None:
        self.picture_s = 0.0
        self.after_s = 0.0

    def worked(self, pictures: int, busy_s: float) -> None:
        """Learn from a worker that was busy with an item of so many pictures."""
        self.picture_s = _smooth(self.picture_s, busy_s / pictures)

    def finished(self, after_s: float) -> None:
        """Learn from an item whose answer could be given so long after its work."""
        self.after_s = _smooth(self.after_s, after_s)

    def wait_s(self, pictures: float, workers: int) -> float:
        """Expected time in which so many workers get through the pictures before an item."""
        return pictures * self.picture_s / workers

    def own_s(self, pictures: int) -> float:
        """Expected time from the moment that a worker takes an item until its answer."""
        return pictures * self.picture_s + self.after_s


def _smooth(before: float, value: float) -> float:
    return (1 - _WEIGHT) * before + _WEIGHT * value if before else value
