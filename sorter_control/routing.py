"""Where a grade becomes a lane: ``route``, a pure function, and the reasons it gives.

The order is fixed; the lanes are the policy's:

1. safety, recall and fraud holds (no grade and no person's answer overrules them here);
2. a person's answer;
3. no verdict: the fail-safe lane;
4. the model wants a person to look: the review lane;
5. the lane of the grade, or the first open alternative, or the fail-safe lane.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from model.contract import Grade, ItemFacts, Override, Verdict
from sorter_control.policy import Hold, Policy


class FailSafe(StrEnum):
    """Rules that send an item to the fail-safe lane because something was late or missing."""

    NO_VERDICT = "no_verdict"
    NO_CAPTURE = "no_capture"
    NO_READ = "no_read"
    NO_FACTS = "no_facts"
    TOO_LATE = "too_late"
    NO_OPEN_LANE = "no_open_lane"
    NOT_ASSIGNED = "not_assigned"
    GAP = "gap"
    NOT_TRACKED = "not_tracked"
    CONTROLLER_RESTARTED = "controller_restarted"
    PLC_RESTARTED = "plc_restarted"
    PLATE_TWICE = "plate_twice"


class LaneCondition(StrEnum):
    """Whether an item can be sent to a lane, and if not, why."""

    OPEN = "open"
    DISABLED = "disabled"
    FULL = "full"
    JAMMED = "jammed"
    FAULTY = "faulty"
    PASSED = "already passed"
    REFUSED = "refused or missed"


@dataclass(frozen=True, slots=True)
class Decision:
    """A lane, and why.

    Attributes:
        lane: Name of the lane.
        rule: ``hold_*``, ``operator``, ``needs_review``, ``grade_*`` or a ``FailSafe``.
        explanation: One sentence for a person.
        grade: The grade that the lane was chosen by, if one was.
        fail_safe: Whether the lane was chosen for want of a better one.
    """

    lane: str
    rule: str
    explanation: str
    grade: Grade | None = None
    fail_safe: bool = False


def route(
    facts: ItemFacts | None,
    verdict: Verdict | None,
    override: Override | None,
    lanes: Mapping[str, LaneCondition],
    policy: Policy,
) -> Decision:
    """Choose the lane of one item.

    Args:
        facts: What is known about the item; None where its plate or its facts are unknown.
        verdict: What the model said; None where it said nothing in time.
        override: A person's newest answer, if there is one.
        lanes: Condition of each lane now; a lane that is not named is closed.
        policy: The site's rules.
    """
    if facts is None:
        return fail_safe(policy, FailSafe.NO_FACTS, "Nothing is known about this item")
    for hold in Hold:
        if hold.applies_to(facts):
            return _to(
                policy,
                lanes,
                (policy.holds[hold],),
                rule=f"hold_{hold.value}",
                because=f"The item is marked {_words(hold)}, which no grade overrules",
            )
    if override is not None and override.grade is not None:
        return _by_grade(
            policy,
            lanes,
            override.grade,
            rule="operator",
            because=f"{override.operator} graded it {_words(override.grade)}",
        )
    if verdict is None:
        return fail_safe(policy, FailSafe.NO_VERDICT, "The item was not graded in time")
    sure = f"{_words(verdict.grade)} at {verdict.probabilities.get(verdict.grade, 0.0):.0%}"
    if verdict.needs_review:
        reasons = ", ".join(_words(reason) for reason in verdict.review_reasons)
        return _to(
            policy,
            lanes,
            (policy.review.lane,),
            rule="needs_review",
            because=f"The model asks for a person ({reasons}); its choice of least expected cost "
            f"is {sure}",
            grade=verdict.grade,
        )
    return _by_grade(
        policy,
        lanes,
        verdict.grade,
        rule=f"grade_{verdict.grade.value}",
        because=f"The model says {sure}, expected cost {verdict.expected_cost:.2f}",
    )


def fail_safe(
    policy: Policy, rule: FailSafe, because: str, *, grade: Grade | None = None
) -> Decision:
    """The decision that needs nothing to be known and nothing to work."""
    lane = policy.fail_safe.lane
    return Decision(lane, rule.value, f"{because}: {lane}.", grade, fail_safe=True)


def _words(name: StrEnum) -> str:
    """An enum's value as a person reads it."""
    return name.value.replace("_", " ")


def _by_grade(
    policy: Policy,
    lanes: Mapping[str, LaneCondition],
    grade: Grade,
    *,
    rule: str,
    because: str,
) -> Decision:
    choice = policy.grades[grade]
    wanted = (choice.lane, *choice.otherwise)
    return _to(policy, lanes, wanted, rule=rule, because=because, grade=grade)


def _to(
    policy: Policy,
    lanes: Mapping[str, LaneCondition],
    wanted: tuple[str, ...],
    *,
    rule: str,
    because: str,
    grade: Grade | None = None,
) -> Decision:
    """The first wanted lane that is open, and the sentence that says so."""
    closed: list[str] = []
    for lane in wanted:
        condition = lanes.get(lane, LaneCondition.DISABLED)
        if condition is LaneCondition.OPEN:
            detour = f" ({'; '.join(closed)})" if closed else ""
            return Decision(lane, rule, f"{because}: {lane}{detour}.", grade)
        closed.append(f"{lane} is {condition.value}")
    but = f"{because}, but {'; '.join(closed)}"
    if policy.recirculate is not None and _may_go_round(policy.recirculate.lane, lanes, wanted):
        lane = policy.recirculate.lane
        return Decision(lane, "recirculate", f"{but}: once more round by {lane}.", grade)
    return fail_safe(policy, FailSafe.NO_OPEN_LANE, but, grade=grade)


_PASSING = frozenset(
    {
        LaneCondition.FULL,
        LaneCondition.JAMMED,
        LaneCondition.PASSED,
        LaneCondition.REFUSED,
    }
)


def _may_go_round(
    way_back: str, lanes: Mapping[str, LaneCondition], wanted: tuple[str, ...]
) -> bool:
    """Whether the way back is open, and a lane that is wanted may be open the next time."""
    return lanes.get(way_back) is LaneCondition.OPEN and any(
        lanes.get(lane) in _PASSING for lane in wanted
    )
