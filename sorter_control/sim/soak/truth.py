"""The record against the physical truth: what has to hold once the belt is empty."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from model.contract import Ending, Outcome
from sorter_control.sim.soak.policies import problem
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
    by_tid = {each.tid: (number, each) for number, each in enumerate(outcomes) if each.tid}
    strangers = Counter(policy.lanes[o.lane] for o in outcomes if not o.tid and o.lane)
    for deposit in site.line.deposits:
        if deposit.lane == manual:
            found.manual += 1
            continue
        number, outcome = by_tid.get(tids.get(deposit.serial, 0), (0, None))
        if outcome is None:
            known = strangers[deposit.lane] > 0
            strangers[deposit.lane] -= known
            wrong = None if known else "nobody knows of it"
        else:
            known = outcome.ending in _EXCEPTIONS
            wrong = None if known else _misplaced(site, deposit, number, outcome)
        found.reported += known
        found.in_lane += not known and wrong is None
        if wrong is not None:
            found.violations.append(
                f"object {deposit.serial} lies in lane {deposit.lane}, which is not its own"
                f" ({wrong}), and nothing in the record says so"
            )


def _misplaced(site: Site, deposit: Deposit, number: int, outcome: Outcome) -> str | None:
    """Why the object does not belong where it lies, by every policy under which it was on the belt."""
    item_id = site.line.rows[deposit.serial].item_id if deposit.serial >= 0 else None
    if item_id is None:
        return "it has no plate"
    first = max(n for n, each in enumerate(site.policies) if each.first_tid <= outcome.tid)
    last = max(n for n, each in enumerate(site.policies) if each.first_outcome <= number)
    return problem(
        [each.policy for each in site.policies[first : last + 1]],
        outcome,
        site.line.facts[item_id],
        true_grade(item_id),
        site.answered.get(item_id, ()),
    )
