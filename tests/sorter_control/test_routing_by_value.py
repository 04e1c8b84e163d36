"""Rules on facts, and the expected recovered value: what decides, and with which numbers."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.contract import GRADES, Grade, ItemFacts, Verdict
from sorter_control.errors import SettingsError
from sorter_control.policy import SHIPPED, FactRule, Policy, Sale, Value, When, parse_policy
from sorter_control.routing import Decision, LaneCondition, expected_values, route
from tests.sorter_control.factories import make_override, make_verdict

PAGE = Path(__file__).parents[2] / "docs" / "policy.md"
EARNS = {"restock": 0, "open-box": 1, "repair": 2, "salvage": 3, "manual": 4}


def documented(heading: str) -> str:
    """The TOML under a heading of docs/policy.md."""
    section = PAGE.read_text().split(f"## {heading}\n")[1]
    found = re.search(r"```toml\n(.*?)```", section, re.DOTALL)
    assert found
    return found[1]


RULES, VALUES = documented("Rules on facts"), documented("Expected recovered value")
POLICY = parse_policy(f"{SHIPPED.read_text()}\n{RULES}\n{VALUES}".encode(), Path("documented"))
assert POLICY.value is not None


def likely(grade: Grade, **shares: float) -> Verdict:
    probabilities = {each: shares.get(each.value, 0.0) for each in GRADES}
    return make_verdict(grade=grade).model_copy(update={"probabilities": probabilities})


def facts(**known: Any) -> ItemFacts:
    return ItemFacts.model_validate({"item_id": "RET-1", **known})


def choose(
    known: ItemFacts,
    verdict: Verdict | None,
    closed: tuple[str, ...] = (),
    person: Grade | None = None,
) -> Decision:
    lanes = {
        lane: LaneCondition.FULL if lane in closed else LaneCondition.OPEN for lane in POLICY.lanes
    }
    override = make_override("RET-1", person) if person else None
    return route(known, verdict, override, lanes, POLICY)


@pytest.mark.parametrize(
    ("known", "rule"),
    [
        ({"in_warranty": True}, "rule_warranty"),
        ({"in_warranty": True, "category": "toy", "list_price": 3}, "rule_warranty"),
        ({"category": "toy", "list_price": "7.99"}, "rule_not_worth_it"),
        ({"category": "toy", "list_price": "8.00"}, "value_new"),
        ({"category": "book", "list_price": "7.99"}, "value_new"),
        ({"category": "toy"}, "grade_new"),
        ({"in_warranty": True, "recalled": True}, "hold_recalled"),
    ],
)
def test_the_first_rule_whose_facts_all_hold_decides(known: dict[str, Any], rule: str) -> None:
    assert choose(facts(**known), likely(Grade.NEW, new=1.0)).rule == rule


def test_a_rule_decides_without_a_verdict_and_against_a_persons_grade() -> None:
    cheap = facts(category="toy", list_price=5)
    for decision in (choose(cheap, None), choose(cheap, None, person=Grade.NEW)):
        assert (decision.lane, decision.rule) == ("salvage", "rule_not_worth_it")
        assert "category toy, price 5 is below 8" in decision.explanation


def test_a_rule_whose_lanes_are_closed_is_the_fail_safe() -> None:
    decision = choose(facts(category="toy", list_price=5), None, closed=("salvage",))
    assert (decision.lane, decision.rule) == ("manual", "no_open_lane")


@pytest.mark.parametrize(
    ("when", "known", "applies"),
    [
        (When(price_at_least=Decimal(10)), {"list_price": 10}, True),
        (When(price_at_least=Decimal(10)), {"list_price": "9.99"}, False),
        (When(price_at_least=Decimal(10)), {}, False),
        (When(price_below=Decimal(10)), {}, False),
        (When(in_warranty=False), {}, True),
        (When(in_warranty=False), {"in_warranty": True}, False),
        (When(category=("a", "b")), {"category": "b"}, True),
        (When(category=("a", "b")), {}, False),
    ],
)
def test_what_is_not_known_of_an_item_matches_no_condition(
    when: When, known: dict[str, Any], applies: bool
) -> None:
    assert when.applies_to(facts(**known)) is applies


def test_the_explanation_names_every_number_of_the_choice() -> None:
    """0.8 x (0.7 x 20) + 0.2 x (0.6 x 20) - 2 = 11.60, and so on."""
    verdict = likely(Grade.LIGHTLY_USED, new=0.2, lightly_used=0.8)
    decision = choose(facts(list_price=20), verdict)
    assert (decision.lane, decision.rule) == ("open-box", "value_lightly_used")
    assert "The model says lightly used at 80%" in decision.explanation
    numbers = "open-box 10.40, repair 9.20, salvage 1.00, a person 9.90"
    assert f"at a price of 20.00 expected: {numbers}: open-box." in decision.explanation


def test_a_better_price_elsewhere_beats_the_grades_own_lane() -> None:
    """Repair costs 12: of an item for 15 nothing would be left."""
    verdict = likely(Grade.REPAIRABLE, repairable=1.0)
    assert choose(facts(list_price=15), verdict).lane == "salvage"
    assert choose(facts(list_price=90), verdict).lane == "repair"


def test_an_unsure_model_has_a_person_look_where_the_price_is_worth_it() -> None:
    unsure = likely(Grade.NEW, new=0.7, lightly_used=0.3)
    cheap, dear = choose(facts(list_price=6), unsure), choose(facts(list_price=120), unsure)
    assert (cheap.lane, cheap.rule) == ("restock", "value_new")
    assert (dear.lane, dear.rule) == ("manual", "worth_a_look")
    assert not dear.fail_safe
    sure = likely(Grade.NEW, new=1.0)
    assert choose(facts(list_price=120), sure).lane == "restock"


def test_a_closed_lane_gives_way_to_the_next_best() -> None:
    verdict = likely(Grade.NEW, new=1.0)
    decision = choose(facts(list_price=10), verdict, closed=("restock",))
    assert (decision.lane, decision.rule) == ("open-box", "value_new")
    assert "restock is full" in decision.explanation
    nowhere = choose(facts(list_price=10), verdict, closed=tuple(EARNS))
    assert nowhere.lane == "manual"
    assert nowhere.fail_safe


@settings(deadline=None)
@given(
    grade=st.sampled_from(GRADES),
    weights=st.lists(st.floats(0.01, 1.0), min_size=4, max_size=4),
    price=st.decimals(0, 1000, places=2),
    closed=st.sets(st.sampled_from(sorted(POLICY.lanes))),
)
def test_it_is_the_best_open_lane_and_never_one_above_the_grade(
    grade: Grade, weights: list[float], price: Decimal, closed: set[str]
) -> None:
    shares = [weight / sum(weights) for weight in weights]
    verdict = make_verdict(grade=grade).model_copy(
        update={"probabilities": dict(zip(GRADES, shares, strict=True))}
    )
    decision = choose(facts(list_price=price), verdict, tuple(closed))
    assert EARNS[decision.lane] >= grade.rank
    assert POLICY.value is not None
    lanes = POLICY.value.lanes.items()
    recovered = {lane: sale.recovers(float(price)) for lane, sale in lanes}
    worth = expected_values(POLICY, verdict, recovered)
    if decision.rule.startswith("value_"):
        assert all(worth[decision.lane] >= worth[lane] for lane in set(worth) - closed)
    else:
        assert decision.lane == "manual"


@pytest.mark.parametrize(
    ("extra", "problem"),
    [
        ('[[rules]]\nname = "a"\nlane = "manual"\nwhen = {}', "at least one fact"),
        ('[[rules]]\nname = "a"\nlane = "attic"\nwhen = {in_warranty = true}', r"\['attic'\]"),
        ('[[rules]]\nname = "A b"\nlane = "manual"\nwhen = {in_warranty = true}', "rules.0.name"),
        ('[[rules]]\nname = "a"\nlane = "manual"\nwhen = {colour = "red"}', "rules.0.when.colour"),
        (RULES + RULES, "the name 'warranty'"),
        (VALUES.replace("salvage = 0.0 }", "}").replace(", }", " }"), "resale lacks"),
        (VALUES.replace("lanes.repair", "lanes.attic"), r"\['attic'\] are used"),
        (VALUES.replace("review_cost = 1.5", "review_cost = -1"), "value.review_cost"),
    ],
)
def test_a_mistake_in_rules_or_values_is_named(extra: str, problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        parse_policy(f"{SHIPPED.read_text()}\n{extra}".encode(), Path("policy.toml"))


def test_every_key_of_rules_and_values_is_documented() -> None:
    page = PAGE.read_text()
    for part in (FactRule, When, Value, Sale):
        for key in part.model_fields:
            assert f"`{key}`" in page or f".{key}." in page, f"docs/policy.md: {key}"


def test_the_shipped_policy_has_no_rules_and_values_of_its_own() -> None:
    shipped = parse_policy(SHIPPED.read_bytes(), SHIPPED)
    assert (shipped.rules, shipped.value) == ((), None)
    assert set(Policy.model_fields) >= {"rules", "value"}
