"""Items of several views, and the slices that figures are stated by."""

from pathlib import Path

import numpy as np
import pytest

from model.contract import Grade, GradeInterval
from tests.training.evaluation.factories import HOW, bundle_manifest, exactly, example, graded
from training.evaluation.columns import size_bin
from training.evaluation.evaluate import figures_of
from training.evaluation.graded import items_of, joined


@pytest.mark.parametrize(
    ("px", "name"),
    [
        (16, "under 256 px"),
        (255, "under 256 px"),
        (256, "256 to 511 px"),
        (1023, "512 to 1023 px"),
        (1024, "1024 px and more"),
    ],
)
def test_size_bins(px: int, name: str) -> None:
    assert size_bin(px) == name


def test_an_item_is_as_bad_as_its_worst_view() -> None:
    open_label = GradeInterval(best=Grade.LIGHTLY_USED, worst=Grade.SALVAGE)
    assert joined([exactly(Grade.NEW), open_label]) == open_label
    assert joined([exactly(Grade.REPAIRABLE), open_label]) == GradeInterval(
        best=Grade.REPAIRABLE, worst=Grade.SALVAGE
    )
    assert joined([None]) is None


def test_a_view_without_a_label_leaves_open_how_bad_the_item_is() -> None:
    assert joined([exactly(Grade.NEW), None]) is None
    assert joined([exactly(Grade.REPAIRABLE), None]) == GradeInterval(
        best=Grade.REPAIRABLE, worst=Grade.SALVAGE
    )
    assert joined([exactly(Grade.SALVAGE), None]) == exactly(Grade.SALVAGE)


def test_a_label_that_allows_every_grade_counts_nowhere(tmp_path: Path) -> None:
    anything = GradeInterval(best=Grade.NEW, worst=Grade.SALVAGE)
    items = [
        graded(example(tmp_path, "a", grade=anything), Grade.NEW),
        graded(example(tmp_path, "b", grade=exactly(Grade.SALVAGE)), Grade.NEW),
    ]
    found = figures_of(items, bundle_manifest(), {}, HOW).all.estimates["interval_accuracy"]
    assert (found.value, found.n) == (0.0, 1)


def test_views_of_an_item_are_graded_together(tmp_path: Path) -> None:
    a, b, c = (
        example(tmp_path, name, source=s) for name, s in (("a", "x"), ("b", "x"), ("a", "y"))
    )
    assert items_of([a, b, c, a]) == [(a, a), (b,), (c,)]


def test_slices_hold_their_items(tmp_path: Path) -> None:
    items = [
        graded(example(tmp_path, "a", grade=exactly(Grade.NEW)), Grade.NEW),
        graded(example(tmp_path, "b", grade=exactly(Grade.SALVAGE)), Grade.NEW),
        graded(example(tmp_path, "c", source="right"), Grade.SALVAGE),
    ]
    found = figures_of(items, bundle_manifest(), {}, HOW)
    assert {name: one.items for name, one in found.by_source.items()} == {"left": 2, "right": 1}
    assert list(found.by_grade) == ["new", "salvage"]
    assert found.by_grade["salvage"].estimates["accuracy"].value == 0.0
    assert list(found.by_picture_size) == ["under 256 px"]
    assert found.by_category["box"].items == 3
    assert found.confusion["all"] == ((1, 0, 0, 0), (0,) * 4, (0,) * 4, (1, 0, 0, 0))
    assert set(found.confusion) == {"all", "left"}
    assert sum(one.items for one in found.reliability.after) == 2


def test_the_same_items_give_the_same_figures(tmp_path: Path) -> None:
    items = [graded(example(tmp_path, f"i{n}", grade=exactly(Grade.NEW))) for n in range(9)]
    strange = {"noise": np.array([2.0])}
    one, again = (figures_of(items, bundle_manifest(), strange, HOW) for _ in range(2))
    assert one == again
    assert type(one).model_validate_json(one.model_dump_json()) == one
