"""Where a grade becomes a lane: the order of the rules, and the reasons given."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.contract import GRADES, Grade, ItemFacts
from sorter_control.errors import SettingsError
from sorter_control.policy import SHIPPED, Hold, Policy, load_policy
from sorter_control.routing import Decision, FailSafe, LaneCondition, route
from sorter_control.sim.soak.site import LOOP_POLICY
from tests.sorter_control.factories import make_override, make_verdict

POLICY = load_policy()
OPEN = dict.fromkeys(POLICY.lanes, LaneCondition.OPEN)
FACTS = ItemFacts(item_id="RET-1")
EARNS = {"restock": 0, "open-box": 1, "repair": 2, "salvage": 3, "manual": 4}


def choose(
    facts: ItemFacts | None = FACTS,
    grade: Grade | None = Grade.NEW,
    *,
    person: Grade | None = None,
    review: bool = False,
    lanes: dict[str, LaneCondition] | None = None,
) -> Decision:
    verdict = make_verdict(grade=grade, needs_review=review) if grade else None
    override = make_override("RET-1", person) if person else None
    return route(facts, verdict, override, {**OPEN, **(lanes or {})}, POLICY)


@pytest.mark.parametrize(
    ("grade", "lane"),
    [
        (Grade.NEW, "restock"),
        (Grade.LIGHTLY_USED, "open-box"),
        (Grade.REPAIRABLE, "repair"),
        (Grade.SALVAGE, "salvage"),
    ],
)
def test_a_grade_has_its_lane(grade: Grade, lane: str) -> None:
    decision = choose(grade=grade)
    assert (decision.lane, decision.rule, decision.grade) == (lane, f"grade_{grade}", grade)
    assert "94%" in decision.explanation
    assert not decision.fail_safe


@pytest.mark.parametrize("hold", list(Hold))
def test_safety_recall_and_fraud_overrule_every_grade_and_person(hold: Hold) -> None:
    facts = ItemFacts.model_validate({"item_id": "RET-1", hold.value: True})
    decision = choose(facts, Grade.NEW, person=Grade.NEW)
    assert (decision.lane, decision.rule) == ("manual", f"hold_{hold.value}")


def test_safety_is_looked_at_before_recall_and_recall_before_fraud() -> None:
    facts = ItemFacts(item_id="RET-1", hazardous=True, recalled=True, fraud_hold=True)
    assert choose(facts).rule == "hold_hazardous"
    assert choose(facts.model_copy(update={"hazardous": False})).rule == "hold_recalled"


def test_what_the_model_is_not_sure_of_goes_to_a_person() -> None:
    decision = choose(review=True)
    assert (decision.lane, decision.rule) == ("manual", "needs_review")
    assert "uncertain grade" in decision.explanation


def test_a_persons_answer_overrules_the_model_and_its_doubt() -> None:
    decision = choose(grade=Grade.NEW, review=True, person=Grade.SALVAGE)
    assert (decision.lane, decision.rule) == ("salvage", "operator")
    assert "Ada" in decision.explanation


def test_a_withdrawn_answer_counts_for_nothing() -> None:
    withdrawn = make_override("RET-1", None)
    assert route(FACTS, make_verdict(), withdrawn, OPEN, POLICY).rule == "grade_new"


def test_no_verdict_and_no_facts_are_fail_safe() -> None:
    assert choose(grade=None).rule == FailSafe.NO_VERDICT
    assert choose(facts=None).rule == FailSafe.NO_FACTS
    assert choose(grade=None).fail_safe
    assert choose(grade=None).lane == "manual"


@pytest.mark.parametrize("condition", [c for c in LaneCondition if c is not LaneCondition.OPEN])
def test_a_closed_lane_has_its_alternative(condition: LaneCondition) -> None:
    decision = choose(lanes={"restock": condition})
    assert (decision.lane, decision.rule) == ("open-box", "grade_new")
    assert f"restock is {condition.value}" in decision.explanation


def test_without_an_open_alternative_the_item_goes_to_the_fail_safe_lane() -> None:
    decision = choose(grade=Grade.SALVAGE, lanes={"salvage": LaneCondition.FULL})
    assert (decision.lane, decision.rule) == ("manual", "no_open_lane")
    assert decision.fail_safe
    assert decision.grade is Grade.SALVAGE


@given(
    grade=st.sampled_from(GRADES),
    conditions=st.fixed_dictionaries(
        {lane: st.sampled_from(LaneCondition) for lane in POLICY.lanes}
    ),
)
def test_no_item_is_ever_sold_above_its_grade(
    grade: Grade, conditions: dict[str, LaneCondition]
) -> None:
    decision = choose(grade=grade, lanes=conditions)
    assert EARNS[decision.lane] >= grade.rank
    assert decision.explanation.endswith(".")
    assert decision.lane == "manual" or conditions[decision.lane] is LaneCondition.OPEN


def changed(tmp_path: Path, before: str, after: str) -> Path:
    text = SHIPPED.read_text()
    assert before in text
    path = tmp_path / "policy.toml"
    path.write_text(text.replace(before, after))
    return path


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("[review]", "[revue]", r"revue: Extra inputs"),
        ('lane = "repair"', 'lane = "reapir"', r"\['reapir'\] are used but not in \[lanes\]"),
        ("repair = 3", "repair = 2", "gives number 2 to two lanes"),
        ("salvage = 4", "salvage = 40", "lanes.salvage"),
        ('recalled = "manual"\n', "", r"\[holds\] lacks \['recalled'\]"),
        ("[grades.salvage]", "[grades.scrap]", "grades.scrap"),
        ("otherwise = []", "otherwise = [", "policy.toml"),
        (
            'lane = "repair"\notherwise = []',
            'lane = "repair"\notherwise = ["restock"]',
            r"repairable items could be sold through restock",
        ),
    ],
)
def test_a_mistake_in_the_policy_is_named(
    tmp_path: Path, before: str, after: str, problem: str
) -> None:
    with pytest.raises(SettingsError, match=problem):
        load_policy(changed(tmp_path, before, after))


def test_a_missing_policy_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.toml"):
        load_policy(tmp_path / "nowhere.toml")


def test_a_lane_that_the_policy_does_not_name_has_a_name_all_the_same() -> None:
    assert POLICY.lane_name(2) == "open-box"
    assert POLICY.lane_name(9) == "lane-9"


def test_every_key_of_the_policy_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "policy.md").read_text()
    for key in (*Policy.model_fields, *Hold, *GRADES, "otherwise"):
        assert f"`{key}`" in page, f"docs/policy.md does not explain {key}"
    for rule in FailSafe:
        assert f"`{rule.value}`" in page, f"docs/policy.md does not explain the rule {rule.value}"


@pytest.mark.parametrize(
    "condition", [LaneCondition.FULL, LaneCondition.JAMMED, LaneCondition.PASSED]
)
def test_what_is_held_does_not_go_round(condition: LaneCondition) -> None:
    """Dangerous goods leave the belt at its end, where people are."""
    loop = load_policy(LOOP_POLICY)
    policy = loop.model_copy(update={"holds": {**loop.holds, Hold.HAZARDOUS: "repair"}})
    lanes = dict.fromkeys(policy.lanes, LaneCondition.OPEN) | {"repair": condition}
    held = route(ItemFacts(item_id="RET-1", hazardous=True), None, None, lanes, policy)
    assert (held.lane, held.rule, held.fail_safe) == ("manual", "no_open_lane", True)
    graded = route(FACTS, make_verdict(grade=Grade.REPAIRABLE), None, lanes, policy)
    assert (graded.lane, graded.rule) == ("round", "recirculate")
