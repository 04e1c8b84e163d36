"""Cross-validation's folds and the rules that join views, without a network."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.crossval import auroc, folds
from benchmarks.fusion import RULES, figures
from model.contract import Grade, GradeInterval
from tests.training.evaluation.factories import example, graded
from training.examples import Example

_DAMAGED = GradeInterval(best=Grade.LIGHTLY_USED, worst=Grade.SALVAGE)
_NEW = GradeInterval(best=Grade.NEW, worst=Grade.NEW)


def _moved(one: Example, split: str, group: str) -> Example:
    row = one.row.model_copy(update={"split": split, "group": group})
    return Example(row, one.root)


@pytest.fixture
def examples(tmp_path: Path) -> list[Example]:
    """Twenty pairs of near-duplicates of one data set, one of them in test, and one of another."""
    own = [
        _moved(
            example(tmp_path, f"{n}", source="mine", grade=_NEW if n // 2 % 2 else _DAMAGED),
            "test" if n < 2 else "train",
            group=str(n // 2),
        )
        for n in range(40)
    ]
    return [*own, _moved(example(tmp_path, "other", source="other"), "train", group="other")]


def test_each_item_is_judged_once_by_what_saw_nothing_of_its_group(
    examples: list[Example],
) -> None:
    judged: list[str] = []
    for fold in folds(examples, "mine", 5, seed=1):
        groups: dict[str, set[str]] = {}
        for one in fold:
            groups.setdefault(str(one.row.split), set()).add(one.row.group)
        assert groups["train"].isdisjoint(groups["val"])
        assert groups["calibration"].isdisjoint(groups["val"] | groups["train"])
        assert all(one.row.source == "mine" for one in fold)
        judged += [one.row.item_id for one in fold if one.row.split == "val"]
    assert sorted(judged, key=int) == [str(n) for n in range(2, 40)]


def test_auroc_leaves_out_items_that_may_be_new_or_not(tmp_path: Path) -> None:
    new, damaged, unsure = (
        example(tmp_path, name, grade=grade)
        for name, grade in (
            ("new", _NEW),
            ("damaged", _DAMAGED),
            ("unsure", GradeInterval(best=Grade.NEW, worst=Grade.REPAIRABLE)),
        )
    )
    right = [graded(new, Grade.NEW), graded(damaged, Grade.SALVAGE), graded(unsure, Grade.SALVAGE)]
    assert auroc(right) == 1.0
    assert auroc([graded(new, Grade.SALVAGE), graded(damaged, Grade.NEW)]) == 0.0


def test_worst_evidence_finds_what_one_view_shows() -> None:
    clean, broken = [-4.0, -8.0, -12.0], [9.0, 5.0, -3.0]
    logits = [np.array([clean, broken]), np.array([clean, clean])]
    found = {name: figures(logits, [2, 0], rule) for name, rule in RULES.items()}
    assert found["worst evidence (ships)"][2] == 1.0
    assert found["one view (the first)"][2] == 0.5
