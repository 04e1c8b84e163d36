"""What the controller does about late, missing, wrong and changed answers: in virtual time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from model.contract import Ending, Grade, ItemFacts, Outcome, Verdict
from sorter_control.controller import answers
from sorter_control.controller.answers import steerable_s
from sorter_control.controller.commands import RequestGrade
from sorter_control.controller.controller import Controller
from sorter_control.controller.line_state import line_state
from sorter_control.controller.observations import Graded, Overridden, PartiesChanged, PlcLost
from sorter_control.controller.values import Failure, Item
from sorter_control.packml import Command
from sorter_control.routing import FailSafe
from sorter_control.sim.feed import FeedRow
from sorter_control.sim.rehearsal import Rehearsal
from tests.sorter_control.factories import (
    NOW,
    SETTINGS,
    by_number,
    gone,
    make_override,
    make_rehearsal,
    make_rows,
    make_verdict,
)


def ended(line: Rehearsal) -> list[Outcome]:
    line.run_until_empty(120)
    return line.journal.outcomes()


def always(grade: Grade, delay_s: float = 0.2, *, review: bool = False) -> Any:
    def answer(row: FeedRow, request: RequestGrade) -> tuple[float, Verdict]:
        verdict = make_verdict(
            str(row.item_id), grade, needs_review=review, capture_id=request.capture_id
        )
        return delay_s, verdict

    return answer


def controller(line: Rehearsal) -> Controller:
    assert line.controller is not None
    return line.controller


def only_item(line: Rehearsal) -> Item:
    (item,) = controller(line).state.items.values()
    return item


def test_items_go_where_their_grades_belong() -> None:
    line = make_rehearsal(make_rows(8))
    outcomes = {outcome.item_id: outcome for outcome in ended(line)}
    lanes = ["restock", "open-box", "repair", "salvage"] * 2
    assert [outcomes[f"RET-{n}"].lane for n in range(8)] == lanes
    for outcome in outcomes.values():
        assert outcome.ending is Ending.DIVERTED
        assert outcome.assigned_lane == outcome.lane
        assert outcome.verdict_id == f"v:line-1:1:{outcome.tid}"
        assert outcome.outcome_id == f"line-1:1:{outcome.tid}"
        assert outcome.announced_at < outcome.ended_at


def test_the_deadline_is_the_way_to_the_first_point_of_no_return_less_the_margin() -> None:
    asked: list[RequestGrade] = []

    def answer(row: FeedRow, request: RequestGrade) -> tuple[float, Failure]:
        asked.append(request)
        return 0.1, Failure(FailSafe.NO_VERDICT, "no")

    ended(make_rehearsal(make_rows(1), answer))
    (request,) = asked
    way_mm = 4000 - 20 - 50 - 300 - 15  # the announcement waits for the debouncing distance
    assert request.deadline_s == pytest.approx(way_mm / 500 - SETTINGS.margin_s, abs=0.05)
    assert request.capture_id == "line-1:1:1"


@pytest.mark.parametrize(
    ("row", "answer", "rule", "item_id"),
    [
        (make_rows(1)[0], gone, "no_verdict", "RET-0"),
        (make_rows(1)[0], always(Grade.NEW, 60), "too_late", "RET-0"),
        (make_rows(1, no_plate=frozenset({0}))[0], by_number, "no_read", None),
    ],
)
def test_what_is_missing_or_late_goes_to_the_manual_lane(
    row: FeedRow, answer: Any, rule: str, item_id: str | None
) -> None:
    (outcome,) = ended(make_rehearsal([row], answer))
    assert (outcome.lane, outcome.ending, outcome.rule) == ("manual", Ending.DEFAULTED, rule)
    assert outcome.item_id == item_id
    assert outcome.explanation.endswith(": manual.")


def test_an_item_that_nothing_is_known_about_is_not_sold() -> None:
    line = make_rehearsal(make_rows(1))
    line.facts = {}
    (outcome,) = ended(line)
    assert (outcome.lane, outcome.rule, outcome.item_id) == ("manual", "no_facts", "RET-0")


def test_a_hold_needs_no_verdict() -> None:
    held = {"RET-0": ItemFacts(item_id="RET-0", recalled=True)}
    (outcome,) = ended(make_rehearsal(make_rows(1), gone, facts=held))
    assert (outcome.lane, outcome.rule) == ("manual", "hold_recalled")


def test_a_doubtful_verdict_is_no_failure() -> None:
    (outcome,) = ended(make_rehearsal(make_rows(1), always(Grade.NEW, review=True)))
    assert (outcome.ending, outcome.rule) == (Ending.DIVERTED, "needs_review")


def override(line: Rehearsal, grade: Grade | None, seq: int = 1) -> None:
    answer = make_override("RET-0", grade, seq)
    controller(line).observe(Overridden((answer,)), line.now)


def test_a_person_steers_the_item_on_the_belt() -> None:
    line = make_rehearsal(make_rows(1), always(Grade.NEW))
    line.run(5)
    override(line, Grade.SALVAGE)
    (outcome,) = ended(line)
    assert (outcome.lane, outcome.rule, outcome.override_id) == ("salvage", "operator", "o-1")
    assert (outcome.grade, outcome.ending) == (Grade.SALVAGE, Ending.DIVERTED)
    assert line.deposits[0].lane == 4


@pytest.mark.parametrize("delay_s", [0.2, 4.0])
def test_an_answer_that_came_while_the_controller_was_away_steers_all_the_same(
    delay_s: float,
) -> None:
    """The server may tell of it before the PLC has named the item, decided already or not."""
    line = make_rehearsal(make_rows(1), always(Grade.NEW, delay_s, review=True))
    line.run(4)
    line.kill_controller()
    line.start_controller()
    override(line, Grade.REPAIRABLE)
    (outcome,) = ended(line)
    assert (outcome.lane, outcome.rule) == ("repair", "operator")


def test_answers_are_kept_for_the_newest_items_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "KEPT_ANSWERS", 2)
    line = make_rehearsal(make_rows(1), gone)
    given = [make_override(name, Grade.NEW, seq) for seq, name in enumerate("abac", start=1)]
    controller(line).observe(Overridden(tuple(given)), line.now)
    assert {item_id: each.seq for item_id, each in controller(line).state.overrides.items()} == {
        "a": 3,
        "c": 4,
    }


def test_a_person_gives_a_lane_to_an_item_that_waits_for_one() -> None:
    line = make_rehearsal(make_rows(1), always(Grade.NEW, review=True))
    line.run(5)
    override(line, Grade.REPAIRABLE)
    (outcome,) = ended(line)
    assert (outcome.lane, outcome.rule) == ("repair", "operator")


def test_an_answer_before_the_verdict_counts_when_the_verdict_comes() -> None:
    line = make_rehearsal(make_rows(1), always(Grade.NEW, 4.0))
    line.run(3)
    override(line, Grade.LIGHTLY_USED)
    (outcome,) = ended(line)
    assert (outcome.lane, outcome.rule) == ("open-box", "operator")


def test_an_answer_without_a_verdict_counts_too() -> None:
    line = make_rehearsal(make_rows(1), always(Grade.NEW, 60))
    line.run(3)
    override(line, Grade.LIGHTLY_USED)
    (outcome,) = ended(line)
    assert (outcome.lane, outcome.rule) == ("open-box", "operator")


def test_the_newest_answer_holds_and_a_withdrawn_one_gives_the_verdict_back() -> None:
    line = make_rehearsal(make_rows(1), always(Grade.REPAIRABLE))
    line.run(5)
    override(line, Grade.SALVAGE, 1)
    override(line, None, 2)
    override(line, Grade.NEW, 1)
    (outcome,) = ended(line)
    assert (outcome.lane, outcome.rule, outcome.override_id) == (
        "repair",
        "grade_repairable",
        None,
    )


@pytest.mark.parametrize(
    ("graded", "answered", "position_mm"),
    [(Grade.NEW, Grade.SALVAGE, 4000), (Grade.SALVAGE, Grade.NEW, 4000)],
)
def test_an_answer_after_either_point_of_no_return_is_recorded_only(
    graded: Grade, answered: Grade, position_mm: float
) -> None:
    line = make_rehearsal(make_rows(1), always(graded))
    while not controller(line).state.items or (
        controller(line).state.position_mm(only_item(line)) < position_mm
    ):
        line.step()
    override(line, answered)
    (outcome,) = ended(line)
    assert (outcome.grade, outcome.rule) == (graded, f"grade_{graded}")
    assert outcome.override_id is None


def test_a_verdict_for_another_item_is_discarded() -> None:
    line = make_rehearsal(make_rows(1), always(Grade.NEW, 60))
    line.run(3)
    wrong = make_verdict("RET-9", Grade.NEW)
    controller(line).observe(Graded(only_item(line).tid, wrong), NOW)
    assert only_item(line).verdict is None
    controller(line).observe(Graded(999, wrong), NOW)
    (outcome,) = ended(line)
    assert outcome.rule == "too_late"


def test_a_second_verdict_is_discarded() -> None:
    line = make_rehearsal(make_rows(1), always(Grade.NEW))
    line.run(4)
    second = make_verdict("RET-0", Grade.SALVAGE)
    controller(line).observe(Graded(only_item(line).tid, second), NOW)
    (outcome,) = ended(line)
    assert (outcome.lane, outcome.grade) == ("restock", Grade.NEW)


def test_a_full_lane_has_its_alternative_also_after_the_assignment() -> None:
    line = make_rehearsal(make_rows(2), always(Grade.NEW))
    line.run(6)
    line.machine.world.fill(1)
    first, second = sorted(ended(line), key=lambda outcome: outcome.tid)
    assert [first.lane, second.lane] == ["open-box", "open-box"]
    assert "restock is" in first.explanation
    assert "restock is" in second.explanation


def test_after_a_failed_divert_the_item_is_planned_again() -> None:
    line = make_rehearsal(make_rows(1), always(Grade.NEW))
    line.machine.world.stick(1)
    (outcome,) = ended(line)
    assert (outcome.lane, outcome.ending) == ("open-box", Ending.DIVERTED)
    assert "restock is refused or missed" in outcome.explanation


def test_without_an_alternative_a_failed_divert_ends_in_the_manual_lane() -> None:
    line = make_rehearsal(make_rows(1), always(Grade.SALVAGE))
    line.machine.world.stick(4)
    (outcome,) = ended(line)
    assert (outcome.lane, outcome.ending, outcome.rule) == (
        "manual",
        Ending.DEFAULTED,
        "no_open_lane",
    )


def test_items_that_touch_each_other_go_to_the_manual_lane() -> None:
    line = make_rehearsal(make_rows(2, gap_mm=100))
    assert {(outcome.lane, outcome.rule) for outcome in ended(line)} == {("manual", "gap")}


def test_an_item_taken_off_the_belt_is_recorded_as_lost() -> None:
    line = make_rehearsal(make_rows(1))
    line.run(4)
    line.machine.world.remove(0)
    (outcome,) = ended(line)
    assert (outcome.ending, outcome.lane, outcome.item_id) == (Ending.LOST, None, "RET-0")


def test_a_stranger_is_recorded_without_a_name() -> None:
    line = make_rehearsal(make_rows(1))
    line.run(2)
    line.machine.world.place(-1, 200, 1200)
    stranger, known = sorted(ended(line), key=lambda outcome: outcome.tid)
    assert (stranger.item_id, stranger.lane, stranger.rule) == (None, "manual", "not_tracked")
    assert (known.item_id, known.lane) == ("RET-0", "restock")


def test_a_restarted_controller_grades_again_what_it_can_and_keeps_what_was_assigned() -> None:
    line = make_rehearsal(make_rows(6), always(Grade.REPAIRABLE, 3.0))
    line.run(9)
    line.kill_controller()
    line.run(0.5)
    line.start_controller()
    outcomes = ended(line)
    assert {outcome.lane for outcome in outcomes} == {"repair"}
    assert {outcome.item_id for outcome in outcomes} == {f"RET-{n}" for n in range(6)}


def test_items_whose_grading_was_lost_go_to_the_manual_lane_with_the_reason() -> None:
    line = make_rehearsal(make_rows(1), always(Grade.NEW, 5.0))
    line.run(3)
    line.kill_controller()
    line.run(5)
    line.start_controller()
    (outcome,) = ended(line)
    assert (outcome.lane, outcome.rule) == ("manual", "controller_restarted")
    assert outcome.item_id == "RET-0"


def test_items_that_passed_while_the_controller_was_away_are_in_the_record_by_name() -> None:
    line = make_rehearsal(make_rows(3))
    line.kill_controller()
    line.run(40)
    line.start_controller()
    outcomes = ended(line)
    assert {outcome.item_id for outcome in outcomes} == {"RET-0", "RET-1", "RET-2"}
    assert {(o.lane, o.ending, o.rule) for o in outcomes} == {
        ("manual", Ending.DEFAULTED, "not_assigned")
    }


def test_a_plc_restart_sweeps_what_was_on_the_belt_and_sorts_what_comes_after() -> None:
    line = make_rehearsal(make_rows(10), always(Grade.NEW))
    line.run(8)
    on_the_belt = {item.item_id for item in controller(line).state.items.values()}
    line.kill_plc()
    outcomes = ended(line)
    swept = {outcome.item_id for outcome in outcomes if outcome.rule == "plc_restarted"}
    assert swept == on_the_belt
    for outcome in outcomes:
        expected = "manual" if outcome.item_id in swept else "restock"
        assert outcome.lane == expected
        assert outcome.ending is (Ending.DEFAULTED if outcome.item_id in swept else Ending.DIVERTED)


def test_no_belt_time_passes_while_the_belt_stands_still() -> None:
    line = make_rehearsal(make_rows(1), always(Grade.NEW, 20))
    line.run(3)
    line.machine.press(Command.HOLD)
    line.run(30)
    line.machine.press(Command.UNHOLD)
    (outcome,) = ended(line)
    assert (outcome.lane, outcome.ending) == ("restock", Ending.DIVERTED)


def test_people_see_the_line_and_how_long_they_can_steer() -> None:
    line = make_rehearsal(make_rows(1), always(Grade.REPAIRABLE))
    line.run(4)
    state = controller(line).state
    controller(line).observe(PartiesChanged((("grading server", "away"),)), NOW)
    state = controller(line).state
    seen = line_state(state, SETTINGS, NOW)
    assert (seen.plc_connected, seen.packml_state, seen.belt_mm) == (True, "EXECUTE", 8000)
    assert [lane.name for lane in seen.lanes] == list(SETTINGS.policy.lanes)
    assert [lane.divert_mm for lane in seen.lanes] == [4000, 5000, 6000, 7000, 8000]
    (item,) = seen.items
    assert (item.item_id, item.lane, item.grade) == ("RET-0", "repair", Grade.REPAIRABLE)
    assert item.steerable_s == pytest.approx((5930 - item.position_mm) / 500)
    assert seen.alarms == ("grading server: away",)


def test_an_item_for_the_manual_lane_can_be_steered_up_to_the_last_divert() -> None:
    line = make_rehearsal(make_rows(1), always(Grade.NEW, review=True))
    line.run(4)
    state = controller(line).state
    item = only_item(line)
    assert steerable_s(state, item, SETTINGS) == pytest.approx(
        (6930 - state.position_mm(item)) / 500
    )
    assert steerable_s(state, replace(item, swept=True), SETTINGS) == 0


def test_a_lost_plc_is_an_alarm() -> None:
    line = make_rehearsal([])
    line.run(0.1)
    controller(line).observe(PlcLost("no answer"), NOW)
    seen = line_state(controller(line).state, SETTINGS, NOW)
    assert not seen.plc_connected
    assert seen.alarms == ("PLC: no answer",)
