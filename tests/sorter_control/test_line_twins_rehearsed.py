"""Twins on a whole simulated line: plant, controller and graders together."""

from __future__ import annotations

import pytest

from model.contract import Ending, Grade, ItemFacts, Verdict
from sorter_control.controller.commands import RequestGrade
from sorter_control.controller.observations import Overridden
from sorter_control.controller.values import Failure, Settings
from sorter_control.policy import SHIPPED, parse_policy
from sorter_control.sim.feed import FeedRow
from tests.sorter_control.factories import (
    by_number,
    make_override,
    make_rehearsal,
    make_rows,
)

_RULE = """
[[rules]]
name = "cheap"
when = { price_below = 8 }
lane = "salvage"
otherwise = []
"""


@pytest.mark.parametrize("with_answer", [False, True])
def test_neither_a_rule_nor_a_person_can_tell_twins_apart(with_answer: bool) -> None:
    rows = make_rows(1)
    facts = {"RET-0": ItemFacts(item_id="RET-0", list_price=5)}
    line = make_rehearsal([rows[0], rows[0]], facts=facts)
    line.kill_controller()
    text = SHIPPED.read_text() + ("" if with_answer else _RULE)
    line.settings = Settings("line-1", parse_policy(text.encode(), SHIPPED))
    line.start_controller()
    if with_answer:
        assert line.controller is not None
        answer = make_override("RET-0", Grade.REPAIRABLE)
        line.controller.observe(Overridden((answer,)), line.now)
    line.run_until_empty(60)
    ends = [(each.lane, each.rule) for each in line.journal.outcomes()]
    assert ends == [("manual", "plate_twice")] * 2


def test_a_twin_is_not_graded_for_nothing() -> None:
    rows = make_rows(1)
    asked: list[int] = []

    def answer(row: FeedRow, request: RequestGrade) -> tuple[float, Verdict | Failure]:
        asked.append(request.tid)
        return by_number(row, request)

    line = make_rehearsal([rows[0], rows[0]], answer)
    line.run_until_empty(60)
    assert {each.rule for each in line.journal.outcomes()} == {"plate_twice"}
    assert len(asked) == 1


def test_an_item_that_the_plc_has_forgotten_is_no_twin() -> None:
    """It runs out untracked: nothing can confuse the two any more."""
    rows = make_rows(1, gap_mm=1500)
    line = make_rehearsal([rows[0], rows[0]])
    line.run(2)
    line.kill_plc()
    line.run_until_empty(90)
    rules = [each.rule for each in sorted(line.journal.outcomes(), key=lambda each: each.tid)]
    assert rules == ["plc_restarted", "grade_new"]


def test_a_hold_holds_twins_too() -> None:
    rows = make_rows(1)
    facts = {"RET-0": ItemFacts(item_id="RET-0", recalled=True)}
    line = make_rehearsal([rows[0], rows[0]], facts=facts)
    line.run_until_empty(60)
    assert {outcome.rule for outcome in line.journal.outcomes()} == {"hold_recalled"}


def counted(asked: list[str]) -> object:
    def answer(row: FeedRow, request: RequestGrade) -> tuple[float, Verdict | Failure]:
        asked.append(request.capture_id)
        return by_number(row, request)

    return answer


def test_an_item_that_ran_out_and_comes_again_is_not_graded_again() -> None:
    rows = make_rows(1)
    asked: list[str] = []
    line = make_rehearsal(rows, counted(asked))  # type: ignore[arg-type]
    line.run(2)
    line.kill_plc()
    line.run_until_empty(90)
    line.rows.append(rows[0])
    line.run_until_empty(90)
    first, again = line.journal.outcomes()
    assert (first.rule, first.ending) == ("plc_restarted", Ending.DEFAULTED)
    assert (again.lane, again.verdict_id) == ("restock", "v:line-1:1:1")
    assert asked == ["line-1:1:1"]


def test_the_verdict_by_which_an_item_was_sold_sells_no_other_with_its_plate() -> None:
    """A label that was printed twice, on items that do not meet on the belt."""
    rows = make_rows(1)
    asked: list[str] = []
    line = make_rehearsal(rows, counted(asked))  # type: ignore[arg-type]
    line.run_until_empty(60)
    line.rows.append(rows[0])
    line.run_until_empty(60)
    verdicts = [each.verdict_id for each in line.journal.outcomes()]
    assert verdicts == ["v:line-1:1:1", "v:line-1:1:2"]
    assert asked == ["line-1:1:1", "line-1:1:2"]


def test_the_verdict_about_one_of_two_twins_does_not_count_for_either_afterwards() -> None:
    rows = make_rows(1)
    asked: list[str] = []
    line = make_rehearsal([rows[0], rows[0]], counted(asked))  # type: ignore[arg-type]
    line.run_until_empty(60)
    line.rows.append(rows[0])
    line.run_until_empty(60)
    assert asked == ["line-1:1:1", "line-1:1:3"]
