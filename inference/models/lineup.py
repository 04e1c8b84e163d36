"""The models that answer now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from inference.grader import Grader
from inference.models.roles import meets_challenger
from model.contract import Verdict


@dataclass(frozen=True, slots=True)
class Lineup:
    """Graders that are loaded, and which items each one gets."""

    champion: Grader
    challenger: Grader | None = None
    share: float = 0.0
    """Of the items, for the challenger."""

    @property
    def graders(self) -> tuple[Grader, ...]:
        """The champion first."""
        return (self.champion,) if self.challenger is None else (self.champion, self.challenger)

    def for_item(self, item_id: str) -> Grader:
        """Who grades an item."""
        if self.challenger is not None and meets_challenger(item_id, self.share):
            return self.challenger
        return self.champion


class Watcher(Protocol):
    """Looks at what was graded, without holding anybody up."""

    def offer(self, verdict: Verdict) -> None:
        """Here is one more."""


@dataclass(slots=True)
class Served:
    """Holds the line-up of the moment; a swap puts another one in its place.

    Whoever grades takes a grader from it once and stays with that, so that an item that is under way
    ends with the model that it began with, and a model is released after its last item.
    """

    lineup: Lineup
    shadow: Watcher | None = None

    def graded(self, verdict: Verdict) -> None:
        """A verdict was given, and is on record."""
        if self.shadow is not None:
            self.shadow.offer(verdict)
