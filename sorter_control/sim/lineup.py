"""Objects, and who is ahead of whom on the way that they share: back to the infeed and along the belt."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from sorter_control.sim.geometry import Belt


@dataclass(slots=True, eq=False)
class PhysicalItem:
    """One object.

    Attributes:
        serial: Row of the feed, from 0; negative for objects that a hand laid on the belt.
        origin_mm: Belt travel at which its front is at the induct photo-eye.
        length_mm: Along the belt.
        lane: The chute that it slides down, or None on the belt.
        held_mm: Where it hangs although the belt runs, or None.
        epoch: Changes when it is moved: edges that were expected before are void.
        over: Photo-eyes that it covers.
    """

    serial: int
    origin_mm: float
    length_mm: float
    lane: int | None = None
    held_mm: float | None = None
    epoch: int = 0
    over: list[int] = field(default_factory=list)

    def front_mm(self, travel_mm: float) -> float:
        """Where its front is, mm after the induct photo-eye, when the belt has run so far."""
        return travel_mm - self.origin_mm if self.held_mm is None else self.held_mm


class Place(NamedTuple):
    """An object and where it is."""

    front_mm: float
    """After the induct photo-eye; less than 0 before it, on the way back too."""
    item: PhysicalItem

    @property
    def tail_mm(self) -> float:
        """As ``front_mm``."""
        return self.front_mm - self.item.length_mm


def before_induct_mm(belt: Belt, item: PhysicalItem) -> float:
    """What to take from an object's position to have it by the photo-eye that it comes to next."""
    return belt.loop_mm if item.lane is not None else 0.0


def lined_up(items: Iterable[PhysicalItem], belt: Belt, travel_mm: float) -> list[Place]:
    """Objects on the belt and on the way back to it, the foremost first."""
    places = [
        Place(item.front_mm(travel_mm) - before_induct_mm(belt, item), item)
        for item in items
        if item.lane is None or item.lane == belt.loop_lane
    ]
    return sorted(places, key=lambda place: -place.front_mm)
