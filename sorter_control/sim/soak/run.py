"""A soak: shift after shift under mixed random faults, until so many items have passed.

Every shift is a scenario of its own, made from the seed and its number. So memory stays flat, and
whatever goes wrong is a small scenario that can be run again, and made smaller.
"""

from __future__ import annotations

import multiprocessing
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sorter_control.sim.geometry import DEFAULT, LOOP, load_belt
from sorter_control.sim.soak.chance import random_scenario
from sorter_control.sim.soak.faults import Kind, Scenario
from sorter_control.sim.soak.shift import Result, run_shift

ITEMS_PER_SHIFT = 400
_SHIFTS_PER_SEED = 1_000_000


@dataclass(slots=True)
class Totals:
    """What came of a soak.

    Attributes:
        shifts: How many there were.
        items: Items that were fed, those that were brought again included.
        in_lane: Items in a lane of their grade, as recorded.
        manual: Items in the manual lane.
        reported: Items in a graded lane that is not theirs, all reported as exceptions.
        lost: Items that the record calls lost.
        virtual_s: Virtual time.
        wall_s: Real time.
        injected: Faults by kind that had something to happen to.
        noticed: By kind and by what showed it.
        failed: The first shift that broke an invariant.
    """

    shifts: int = 0
    items: int = 0
    in_lane: int = 0
    manual: int = 0
    reported: int = 0
    lost: int = 0
    virtual_s: float = 0.0
    wall_s: float = 0.0
    injected: Counter[Kind] = field(default_factory=Counter)
    noticed: dict[Kind, Counter[str]] = field(default_factory=dict)
    failed: Result | None = None

    @property
    def items_per_minute(self) -> float:
        """Real speed."""
        return self.items * 60 / self.wall_s if self.wall_s else 0.0

    def add(self, result: Result) -> None:
        """Count a shift."""
        verified = result.verified
        self.shifts += 1
        self.items += result.items
        self.in_lane += verified.in_lane
        self.manual += verified.manual
        self.reported += verified.reported
        self.lost += verified.lost
        self.virtual_s += result.virtual_s
        self.injected += result.injected
        for kind, signs in result.noticed.items():
            self.noticed[kind] = self.noticed.get(kind, Counter()) + signs
        if verified.violations and self.failed is None:
            self.failed = result


def soak(items: int, seed: int, processes: int, progress: Callable[[Totals], None]) -> Totals:
    """Run shifts until ``items`` items have passed, or one breaks an invariant.

    Args:
        items: How many items at least.
        seed: The same seed gives the same shifts.
        processes: How many shifts run side by side.
        progress: Told after every shift.
    """
    totals = Totals()
    started_s = time.perf_counter()
    for result in _results(_scenarios(items, seed), processes):
        totals.add(result)
        totals.wall_s = time.perf_counter() - started_s
        progress(totals)
        if totals.failed is not None:
            break
    return totals


def _scenarios(items: int, seed: int) -> Iterator[Scenario]:
    """Shifts in turn on a belt that ends and on one that has a way back."""
    belts = (load_belt(DEFAULT), load_belt(LOOP))
    for number in range(-(-items // ITEMS_PER_SHIFT)):
        count = min(ITEMS_PER_SHIFT, items - number * ITEMS_PER_SHIFT)
        yield random_scenario(seed * _SHIFTS_PER_SEED + number, count, belts[number % 2])


def _results(scenarios: Iterator[Scenario], processes: int) -> Iterator[Result]:
    if processes == 1:
        yield from map(run_shift, scenarios)
        return
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        yield from pool.imap_unordered(run_shift, scenarios)


def smallest(scenario: Scenario) -> Scenario:
    """A scenario that still breaks an invariant, and from which nothing can be left out."""
    shrinking = True
    while shrinking:
        shrinking = False
        for smaller in _smaller(scenario):
            if run_shift(smaller).verified.violations:
                scenario, shrinking = smaller, True
                break
    return scenario


def _smaller(scenario: Scenario) -> Iterator[Scenario]:
    """First with half of the faults or of the items, then with one fault less."""
    faults = scenario.fault
    half = len(faults) // 2
    if half > 1:
        yield scenario.model_copy(update={"fault": faults[:half]})
        yield scenario.model_copy(update={"fault": faults[half:]})
    if scenario.items > 1:
        yield scenario.model_copy(update={"items": scenario.items // 2})
    for number in range(len(faults)):
        rest = faults[:number] + faults[number + 1 :]
        yield scenario.model_copy(update={"fault": rest})
