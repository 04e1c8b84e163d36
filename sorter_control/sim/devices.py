"""Diverts and photo-eyes of the simulated belt, sound or broken."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Gate:
    """A divert: where its output wants it, and where it is."""

    on: bool = False
    out_from_mm: float = 0.0
    stuck: bool = False
    stuck_across: bool = False

    @property
    def away(self) -> bool:
        """Whether it is not in its place of rest."""
        return self.stuck_across or (self.on and not self.stuck)

    def takes(self, at_mm: float) -> bool:
        """Whether it takes an object that comes to it at this belt travel."""
        return self.stuck_across or (self.on and not self.stuck and self.out_from_mm <= at_mm)


@dataclass(slots=True)
class Eye:
    """A photo-eye: how many objects cover it, and what is wrong with it."""

    covered: int = 0
    flipped: bool = False
    forced: bool | None = None

    @property
    def sees(self) -> bool:
        """What the PLC's input says."""
        return (self.covered > 0) != self.flipped if self.forced is None else self.forced
