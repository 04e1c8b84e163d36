"""Where a grade becomes a lane: ``route``, a pure function, and the reasons it gives.

The order is fixed; the lanes are the policy's:

1. safety, recall and fraud holds (no grade and no person's answer overrules them here);
2. the site's rules on facts (nor these);
3. a person's answer;
4. no verdict: the fail-safe lane;
5. the model wants a person to look: the review lane;
6. the lane of the greatest expected recovered value, where the policy has values and the item a
   price: or a person, where their look is worth more than it costs;
7. the lane of the grade.

A lane that is closed is replaced by the next of ``otherwise`` that is open; where value decides, by
the open lane of the next greatest expected value, or by a person where their look is worth more than
that. After those comes the way back, but for what is held; at last the fail-safe lane.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from enum import StrEnum
from operator import mul

from model.contract import GRADES, Grade, ItemFacts, Override, Verdict
from sorter_control.policy import Hold, Policy, Value

_OPERATOR = "operator"


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
        rule: ``hold_*``, ``rule_*``, ``operator``, ``needs_review``, ``value_*``, ``worth_a_look``,
            ``grade_*`` or a ``FailSafe``.
        explanation: One sentence for a person.
        grade: The grade that the lane was chosen by, if one was.
        fail_safe: Whether the lane was chosen for want of a better one.
        override_id: The person's answer that decided, if one did.
    """

    lane: str
    rule: str
    explanation: str
    grade: Grade | None = None
    fail_safe: bool = False
    override_id: str | None = None


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
    if (decision := by_facts(facts, lanes, policy)) is not None:
        return decision
    if override is not None and override.grade is not None:
        return _by_person(policy, lanes, override, override.grade)
    if verdict is None:
        return fail_safe(policy, FailSafe.NO_VERDICT, "The item was not graded in time")
    return _by_verdict(facts, verdict, lanes, policy)


def _by_person(
    policy: Policy, lanes: Mapping[str, LaneCondition], override: Override, grade: Grade
) -> Decision:
    """The decision by a person's answer; where its lanes are closed, something else decides."""
    because = f"{override.operator} graded it {_words(grade)}"
    decision = _by_grade(policy, lanes, grade, rule=_OPERATOR, because=because)
    if decision.rule != _OPERATOR:
        return decision
    return replace(decision, override_id=override.override_id)


def _by_verdict(
    facts: ItemFacts, verdict: Verdict, lanes: Mapping[str, LaneCondition], policy: Policy
) -> Decision:
    """The decision where nobody and nothing but the model has spoken."""
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
    if policy.value is not None and facts.list_price is not None:
        price = float(facts.list_price)
        return _by_value(policy, policy.value, lanes, verdict, price, f"The model says {sure}")
    return _by_grade(
        policy,
        lanes,
        verdict.grade,
        rule=f"grade_{verdict.grade.value}",
        because=f"The model says {sure}, expected cost {verdict.expected_cost:.2f}",
    )


def by_facts(
    facts: ItemFacts, lanes: Mapping[str, LaneCondition], policy: Policy
) -> Decision | None:
    """The decision where facts alone make it: a hold, or a rule of the site; else None."""
    for hold in Hold:
        if hold.applies_to(facts):
            return _to(
                policy,
                lanes,
                (policy.holds[hold],),
                rule=hold_rule(hold),
                because=f"The item is marked {_words(hold)}, which no grade overrules",
                goes_round=False,
            )
    rule = policy.rule_for(facts)
    if rule is None:
        return None
    return _to(
        policy,
        lanes,
        (rule.lane, *rule.otherwise),
        rule=f"rule_{rule.name}",
        because=f"The rule {rule.name} applies ({rule.when.reason(facts)})",
    )


def hold_rule(hold: Hold) -> str:
    """Name of the rule by which a hold decides."""
    return f"hold_{hold.value}"


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


def _by_value(
    policy: Policy,
    value: Value,
    lanes: Mapping[str, LaneCondition],
    verdict: Verdict,
    price: float,
    because: str,
) -> Decision:
    """The lane of the greatest expected recovered value, or a person where that is worth more."""
    recovered = {lane: sale.recovers(price) for lane, sale in value.lanes.items()}
    expected = expected_values(policy, verdict, recovered)
    opened = {lane for lane in recovered if lanes.get(lane) is LaneCondition.OPEN}
    look = value_of_a_look(policy, value, verdict, recovered, opened)
    wanted = tuple(sorted(expected, key=expected.__getitem__, reverse=True))
    numbers = ", ".join([f"{lane} {expected[lane]:.2f}" for lane in wanted])
    because += f"; at a price of {price:.2f} expected: {numbers or 'no lane'}, a person {look:.2f}"
    rule = f"value_{verdict.grade.value}"
    best = next((expected[lane] for lane in wanted if lane in opened), None)
    if best is not None and look > best:
        wanted, rule = (policy.review.lane,), "worth_a_look"
    return _to(policy, lanes, wanted, rule=rule, because=because, grade=verdict.grade)


Recovered = Mapping[str, Sequence[float]]
"""What an item at its price brings in each lane of the policy's values, by true grade (``GRADES``)."""


def expected_values(policy: Policy, verdict: Verdict, recovered: Recovered) -> dict[str, float]:
    """Expected recovered value of each lane that an item of the verdict's grade may go to.

    Args:
        policy: Says which lanes sell above the grade: they are left out.
        verdict: Its probabilities are calibrated.
        recovered: Of this item.
    """
    shares = _shares(verdict)
    return {lane: sum(map(mul, shares, recovered[lane])) for lane in policy.may_sell(verdict.grade)}


def value_of_a_look(
    policy: Policy, value: Value, verdict: Verdict, recovered: Recovered, opened: Set[str]
) -> float:
    """Expected recovered value where a person finds the true grade first, less what that costs.

    Args:
        policy: Says which lanes sell above a grade.
        value: Says what a look costs.
        verdict: Its probabilities are calibrated.
        recovered: Of this item.
        opened: Lanes that are open now: a full lane is no reason to ask a person.
    """
    looked = 0.0
    for at, (grade, share) in enumerate(zip(GRADES, _shares(verdict), strict=True)):
        lanes = policy.may_sell(grade)
        looked += share * max([recovered[lane][at] for lane in lanes if lane in opened], default=0)
    return looked - value.review_cost


def _shares(verdict: Verdict) -> list[float]:
    """The probability of each of ``GRADES``."""
    return [verdict.probabilities.get(grade, 0.0) for grade in GRADES]


def _to(
    policy: Policy,
    lanes: Mapping[str, LaneCondition],
    wanted: tuple[str, ...],
    *,
    rule: str,
    because: str,
    grade: Grade | None = None,
    goes_round: bool = True,
) -> Decision:
    """The first wanted lane that is open, and the sentence that says so.

    What is held does not go round: it leaves the belt at its end, where people are.
    """
    closed: list[str] = []
    for lane in wanted:
        condition = lanes.get(lane, LaneCondition.DISABLED)
        if condition is LaneCondition.OPEN:
            detour = f" ({'; '.join(closed)})" if closed else ""
            return Decision(lane, rule, f"{because}: {lane}{detour}.", grade)
        closed.append(f"{lane} is {condition.value}")
    but = f"{because}, but {'; '.join(closed)}"
    way_back = policy.recirculate if goes_round else None
    if way_back is not None and _may_go_round(way_back.lane, lanes, wanted):
        lane = way_back.lane
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
