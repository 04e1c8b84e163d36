"""Taking rows back costs what those rows cost, however many others there are."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from datasets import importing
from datasets.importing import Imported
from datasets.manifest import LabelledPicture
from model.contract import Grade, GradeInterval


def _row(n: int, grade: Grade = Grade.NEW, picture: str | None = None) -> LabelledPicture:
    return LabelledPicture(
        picture=picture or f"{n}.png",
        sha256=hashlib.sha256(str(n).encode()).hexdigest(),
        item_id=str(n),
        source="mini",
        category="toy",
        group=str(n),
        grade=GradeInterval.exactly(grade),
        licence="CC0",
        labelled_by="tests",
    )


def _withdraw_all(rows: list[LabelledPicture]) -> Imported:
    imported = Imported()
    for row in rows:
        imported.add(row)
    for row in rows:
        imported.withdraw(row.picture, None)
    return imported


def _contradict_all(rows: list[LabelledPicture]) -> Imported:
    imported = Imported()
    for row in rows:
        imported.add(row)
    for row in rows:
        imported.add(row.model_copy(update={"grade": GradeInterval.exactly(Grade.SALVAGE)}))
    return imported


def _lines_run(act: Callable[[], Any]) -> int:
    """Lines of the module that `act` runs, each turn of a loop counted."""
    lines = 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal lines
        if frame.f_code.co_filename != importing.__file__:
            return None
        lines += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        act()
    finally:
        sys.settrace(before)
    return lines


@pytest.mark.parametrize("act", [_withdraw_all, _contradict_all])
def test_twice_the_doubled_rows_take_twice_the_steps(
    act: Callable[[list[LabelledPicture]], Imported],
) -> None:
    few, many = ([_row(n) for n in range(count)] for count in (100, 200))
    assert _lines_run(lambda: act(many)) <= 2.1 * _lines_run(lambda: act(few))


@pytest.mark.parametrize("act", [_withdraw_all, _contradict_all])
def test_what_is_taken_back_is_gone(
    act: Callable[[list[LabelledPicture]], Imported],
) -> None:
    assert act([_row(n) for n in range(5)]).rows == []


def test_only_the_item_that_is_listed_again_is_withdrawn() -> None:
    imported = Imported()
    one, other, third = _row(1, picture="a.png"), _row(2, picture="a.png"), _row(3)
    for row in (one, other, third):
        imported.add(row)
    imported.withdraw("a.png", "2")
    assert imported.rows == [one, third]
    imported.withdraw("a.png", None)
    assert imported.rows == [third]
    imported.withdraw("b.png", None)
    assert imported.rows == [third]
