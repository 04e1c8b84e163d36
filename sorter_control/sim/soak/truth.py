"""The record against the physical truth: what has to hold once the belt is empty."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from model.contract import Ending, Grade, Outcome
from sorter_control.sim.soak.site import Site, true_grade
from sorter_control.sim.soak.watch import Watch
from sorter_control.sim.world import Deposit

_EXCEPTIONS = frozenset({Ending.LOST, Ending.MISSORTED})


@dataclass(slots=True)
class Verified:
    """What a comparison of record and truth has found.

    Attributes:
        violations: Broken invariants, each a sentence.
        in_lane: Items that lie in a lane of their grade, as recorded.
        manual: Items that lie in the manual lane.
        reported: Items in a graded lane that is not theirs, or unknown there: all reported.
        lost: Items that the record calls lost.
    """

    violations: list[str] = field(default_factory=list)
    in_lane: int = 0
    manual: int = 0
    reported: int = 0
    lost: int = 0


def verify(site: Site, watch: Watch) -> Verified:
    """Hold every invariant of docs/sorter.md against where every object really is."""
    found = Verified(list(watch.violations))
    outcomes = site.line.journal.outcomes()
    found.lost = sum(outcome.ending is Ending.LOST for outcome in outcomes)
    found.violations += [
        *_objects(site),
        *_tracking_ids(site, watch, outcomes),
        *_recorded_lanes(site, outcomes),
    ]
    _graded_lanes(site, outcomes, found)
    return found


def _objects(site: Site) -> Iterator[str]:
    """Every object is in one place."""
    where = Counter(deposit.serial for deposit in site.line.deposits)
    for serial, times in where.items():
        if times > 1:
            yield f"object {serial} was diverted {times} times"
        if serial in site.taken:
            yield f"object {serial} was taken away and lies in a lane"
    laid = {*range(site.line.machine.fed), *(-number for number in range(1, site.added + 1))}
    for serial in sorted(laid - set(where) - site.taken):
        yield f"object {serial} has vanished"


def _tracking_ids(site: Site, watch: Watch, outcomes: list[Outcome]) -> Iterator[str]:
    """Every tracking id ends once, and no object has two at a time."""
    ends = Counter(outcome.tid for outcome in outcomes if outcome.tid)
    for tid, times in Counter(watch.announced).items():
        if times > 1:
            yield f"tracking id {tid} was given {times} times"
        if ends[tid] != 1:
            yield f"tracking id {tid} has {ends[tid]} outcomes"
    for tid in ends.keys() - set(watch.announced):
        yield f"tracking id {tid} has an outcome and was never announced"
    for tid, times in watch.diverted.items():
        if times > 1:
            yield f"tracking id {tid} was confirmed in a lane {times} times"
    arrived = {outcome.tid for outcome in outcomes if outcome.ending is not Ending.LOST}
    photographed = Counter(
        serial for tid, serial in site.line.photographs.items() if tid in arrived
    )
    for serial, times in photographed.items():
        if serial is not None and times > 1:
            yield f"object {serial} has arrived under {times} tracking ids"


def _recorded_lanes(site: Site, outcomes: list[Outcome]) -> Iterator[str]:
    """The lane in the record is the lane in the world, or the record says that something is wrong."""
    truth = {deposit.serial: deposit.lane for deposit in site.line.deposits}
    lanes = site.line.settings.policy.lanes
    for outcome in outcomes:
        serial = site.line.photographs.get(outcome.tid)
        if serial is None or outcome.ending in _EXCEPTIONS or outcome.lane is None:
            continue
        if truth.get(serial) != lanes[outcome.lane]:
            yield (
                f"object {serial}, tracking id {outcome.tid}, is recorded in {outcome.lane} and"
                f" lies in lane {truth.get(serial)}"
            )


def _graded_lanes(site: Site, outcomes: list[Outcome], found: Verified) -> None:
    """What lies in a graded lane belongs there, or the record says that something is wrong."""
    manual = site.line.belt.run_out
    policy = site.line.settings.policy
    tids = {serial: tid for tid, serial in site.line.photographs.items() if serial is not None}
    by_tid = {outcome.tid: outcome for outcome in outcomes if outcome.tid}
    strangers = Counter(policy.lanes[o.lane] for o in outcomes if not o.tid and o.lane)
    for deposit in site.line.deposits:
        if deposit.lane == manual:
            found.manual += 1
            continue
        outcome = by_tid.get(tids.get(deposit.serial, 0))
        if outcome is not None and outcome.ending not in _EXCEPTIONS and _belongs(site, deposit):
            found.in_lane += 1
        elif outcome is not None and outcome.ending in _EXCEPTIONS:
            found.reported += 1
        elif outcome is None and strangers[deposit.lane] > 0:
            strangers[deposit.lane] -= 1
            found.reported += 1
        else:
            found.violations.append(
                f"object {deposit.serial} lies in lane {deposit.lane}, which is not its own, and"
                " nothing in the record says so"
            )


def _belongs(site: Site, deposit: Deposit) -> bool:
    if deposit.serial < 0:
        return False
    item_id = site.line.rows[deposit.serial].item_id
    if item_id is None or site.line.facts[item_id].recalled:
        return False
    grades: set[Grade] = {true_grade(item_id), *site.answered.get(item_id, ())}
    policy = site.line.settings.policy
    lanes = {
        lane
        for grade in grades
        for lane in (policy.grades[grade].lane, *policy.grades[grade].otherwise)
    }
    return deposit.lane in {policy.lanes[lane] for lane in lanes}
