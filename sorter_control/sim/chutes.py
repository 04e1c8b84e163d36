"""What lies in the lanes: how much, whether the sensor says 'full', and when it is taken away."""

from __future__ import annotations

import math
from dataclasses import dataclass, field


@dataclass(slots=True)
class Chutes:
    """Contents of the lanes.

    Attributes:
        lanes: How many there are.
        capacity: Items at which a lane's sensor says that it is full.
        take_away_s: From then until somebody empties the lane.
        full: Lanes whose sensor says that they are full, for whatever reason.
        neglected: Whether nobody takes anything away.
    """

    lanes: int
    capacity: int
    take_away_s: float
    full: frozenset[int] = frozenset()
    neglected: bool = False
    now_s: float = 0.0
    contents: list[int] = field(init=False)
    _emptied_at_s: dict[int, float] = field(default_factory=dict)
    _blocked: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.contents = [0] * self.lanes

    def receive(self, lane: int) -> None:
        """An item has come to rest."""
        self.contents[lane - 1] += 1
        if self.contents[lane - 1] == self.capacity:
            self._emptied_at_s[lane] = self.now_s + self.take_away_s
            self._look()

    def block(self, lane: int, *, blocked: bool = True) -> None:
        """Cover a lane's sensor, or uncover it."""
        (self._blocked.add if blocked else self._blocked.discard)(lane)
        self._look()

    @property
    def next_s(self) -> float:
        """Time before which nothing changes by itself."""
        if self.neglected or not self._emptied_at_s:
            return math.inf
        return min(self._emptied_at_s.values())

    def step(self, dt_s: float) -> bool:
        """Let time pass; whether a sensor may have changed."""
        self.now_s += dt_s
        if not self._emptied_at_s or self.now_s < self.next_s:
            return False
        for lane, at_s in list(self._emptied_at_s.items()):
            if at_s <= self.now_s:
                del self._emptied_at_s[lane]
                self.contents[lane - 1] = 0
        self._look()
        return True

    def _look(self) -> None:
        self.full = frozenset(self._blocked | set(self._emptied_at_s))
