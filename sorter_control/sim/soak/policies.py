"""The routing policies that a simulated site changes between, and what each allows an item.

What is allowed is worked out here anew, from the policy's numbers: ``truth.py`` holds the record
against it, so nothing of ``routing.py`` is asked.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from model.contract import GRADES, Grade, ItemFacts, Outcome
from sorter_control.policy import Policy

_CATEGORIES = ("toy", "clothing", "electronics", None)
_HELD = 0.01
_SURE = 0.94
_DOUBT = 0.02
"""Probabilities in the verdicts of ``sim/verdicts.py``: of the grade, and of each other one."""


@dataclass(frozen=True, slots=True)
class InForce:
    """A policy from the moment at which it took effect.

    Attributes:
        policy: What the controller decides by.
        first_tid: The first tracking id that was announced under it.
        first_outcome: The first outcome that was recorded under it, counted from 0.
    """

    policy: Policy
    first_tid: int = 0
    first_outcome: int = 0


def random_facts(item_id: str, rng: random.Random, more: random.Random) -> ItemFacts:
    """Facts of an item; ``more`` decides on those that only some policies look at."""
    cents = more.choice((None, more.randint(100, 30_000)))
    return ItemFacts(
        item_id=item_id,
        recalled=rng.random() < _HELD,
        in_warranty=more.random() < 0.2,
        category=more.choice(_CATEGORIES),
        list_price=None if cents is None else Decimal(cents) / 100,
    )


def variants(policy: Policy) -> tuple[Policy, ...]:
    """The policy itself, one with rules on facts, and one that also goes by value."""
    rules = [
        {"name": "warranty", "when": {"in_warranty": True}, "lane": "repair"},
        {
            "name": "cheap_toys",
            "when": {"category": ["toy"], "price_below": 60},
            "lane": "salvage",
            "otherwise": ["repair"],
        },
    ]
    value = {
        "review_cost": 4,
        "lanes": {
            "restock": {"resale": dict(zip(GRADES, (0.95, 0.2, -0.5, -0.8), strict=True))},
            "open-box": {"resale": dict(zip(GRADES, (0.7, 0.7, 0.1, -0.4), strict=True))},
            "repair": {
                "resale": dict(zip(GRADES, (0.6, 0.6, 0.6, 0.1), strict=True)),
                "handling_cost": 12,
            },
            "salvage": {"resale": dict.fromkeys(GRADES, 0.05)},
        },
    }
    dear = [{"name": "dear", "when": {"price_at_least": 250}, "lane": "open-box"}]
    plain = policy.model_dump()
    return (
        policy,
        Policy.model_validate({**plain, "rules": rules}),
        Policy.model_validate({**plain, "rules": dear, "value": value}),
    )


def problem(
    policies: Iterable[Policy],
    outcome: Outcome,
    facts: ItemFacts,
    true: Grade,
    answered: Iterable[Grade],
) -> str | None:
    """Why none of the policies in force sends the item to its lane, or None where one does."""
    problems = [_problem(policy, outcome, facts, true, set(answered)) for policy in policies]
    return None if None in problems else problems[0]


def _problem(
    policy: Policy, outcome: Outcome, facts: ItemFacts, true: Grade, answered: set[Grade]
) -> str | None:
    lane = str(outcome.lane)
    if facts.recalled:
        return "it is recalled"
    rule = next((rule for rule in policy.rules if rule.when.applies_to(facts)), None)
    if rule is not None:
        fits = lane in {rule.lane, *rule.otherwise}
        return None if fits else f"the rule {rule.name} does not lead there"
    if any(lane in _lanes(policy, grade) for grade in answered):
        return None
    if policy.value is None or facts.list_price is None:
        return None if lane in _lanes(policy, true) else f"its grade is {true.value}"
    return _not_the_best(policy, outcome, true, float(facts.list_price))


def _lanes(policy: Policy, grade: Grade) -> set[str]:
    choice = policy.grades[grade]
    return {choice.lane, *choice.otherwise}


def _not_the_best(policy: Policy, outcome: Outcome, true: Grade, price: float) -> str | None:
    """A lane that sells above the grade, or one that is not the best without the record's saying why."""
    above = {policy.grades[grade].lane for grade in GRADES[: GRADES.index(true)]}
    above.discard(policy.grades[true].lane)
    worth = {lane: _worth(policy, lane, true, price) for lane in _sales(policy) - above}
    mine = worth.get(str(outcome.lane))
    if mine is None:
        return f"it sells above {true.value}"
    for lane, better in worth.items():
        if better > mine + 1e-9 and f"{lane} is " not in outcome.explanation:
            return f"{lane} brings more, and nothing says that it was closed"
    return None


def _sales(policy: Policy) -> set[str]:
    return set(policy.value.lanes) if policy.value is not None else set()


def _worth(policy: Policy, lane: str, true: Grade, price: float) -> float:
    if policy.value is None:
        return 0.0
    sale = policy.value.lanes[lane]
    expected = sum((_SURE if each is true else _DOUBT) * sale.resale[each] for each in GRADES)
    return expected * price - sale.handling_cost
