"""Label errors and shortcuts on made-up features: what is told, what is not, and what is luck."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from datasets.checks.facts import Facts
from datasets.checks.findings import Severity
from datasets.checks.label_errors import check_labels, judge_labels
from datasets.checks.shortcuts import ALL, LOOKING, Shortcut, check_shortcuts, measure_shortcuts
from datasets.manifest import LabelledPicture
from datasets.progress import silently
from model.contract import Grade, GradeInterval
from tests.datasets.photographs import DAMAGED, NEW

COUNT = 60
REPAIRABLE = GradeInterval.exactly(Grade.REPAIRABLE)
WIDE = GradeInterval(best=Grade.NEW, worst=Grade.SALVAGE)


def _rows(grades: Sequence[GradeInterval], source: str = "shop") -> list[LabelledPicture]:
    return [
        LabelledPicture(
            picture=f"{n}.jpg",
            sha256=f"{n:064x}",
            item_id=str(n),
            source=source,
            category="box",
            group=f"{source}:{n}",
            grade=grade,
            licence="Apache-2.0",
            labelled_by="tests",
        )
        for n, grade in enumerate(grades)
    ]


def _facts(**differing: object) -> Facts:
    same = {
        "width": 640,
        "height": 480,
        "format": "JPEG",
        "mode": "RGB",
        "turned": False,
        "bytes": 50_000,
        "quantisation": 12.0,
        "pixels": "",
        "phash": "",
        "phash_mirrored": "",
        "style": (0.5,) * 11,
        "border": (0.5,) * 6,
    }
    return Facts.model_validate({**same, **differing})


def _seen(kinds: Sequence[int]) -> NDArray[np.float32]:
    """(N, 30) features that tell the kind of each picture clearly."""
    noise = np.random.default_rng(0).normal(0, 0.2, (len(kinds), 30))
    return (noise + np.eye(3)[list(kinds)].repeat(10, axis=1)).astype(np.float32)


def _measured(
    grades: Sequence[GradeInterval], facts: Sequence[Facts], features: NDArray[np.float32]
) -> dict[str, Shortcut]:
    found = measure_shortcuts(_rows(grades), facts, features, np.arange(len(grades)), silently)
    assert {shortcut.scope for shortcut in found} == {"shop"}
    return {shortcut.predictor: shortcut for shortcut in found}


def _suspects(
    grades: Sequence[GradeInterval], kinds: Sequence[int], clearest: Sequence[int]
) -> list[int]:
    units = np.arange(COUNT)
    features = _seen(kinds)
    features[clearest] *= 1.5
    judged = judge_labels("shop", _rows(grades), units.tolist(), features, units)
    assert judged.pictures == COUNT
    return [shown.number for shown in judged.suspects]


def test_a_flipped_label_is_the_only_suspect() -> None:
    kinds = [n % 2 for n in range(COUNT)]
    grades = [DAMAGED if kind else NEW for kind in kinds]
    assert _suspects(grades, kinds, [7]) == []
    grades[7] = NEW
    features = _seen(kinds)
    features[7] *= 1.5
    judged = judge_labels("shop", _rows(grades), range(100, 160), features, np.arange(COUNT))
    assert [shown.number for shown in judged.suspects] == [107]
    assert "looks lightly used to salvage" in judged.suspects[0].note
    assert judged.balanced_accuracy > 0.9
    (finding,) = check_labels(judged)
    assert finding.severity is Severity.WARNING
    assert finding.title == "shop: 1 picture of 60 judged may be mislabelled"


def test_a_prediction_within_the_labels_range_makes_no_suspect() -> None:
    """What looks repairable and is labelled lightly used to salvage is finer, not contrary."""
    kinds = [n % 3 for n in range(COUNT)]
    grades = [(NEW, REPAIRABLE, DAMAGED)[kind] for kind in kinds]
    looks = [*kinds]
    looks[2], looks[5] = 1, 0
    assert (grades[2], grades[5]) == (DAMAGED, DAMAGED)
    assert _suspects(grades, looks, [2, 5]) == [5]


def test_a_source_whose_labels_all_overlap_is_not_judged() -> None:
    grades = [NEW if n % 2 else WIDE for n in range(COUNT)]
    features = _seen([n % 2 for n in range(COUNT)])
    judged = judge_labels("shop", _rows(grades), range(COUNT), features, np.arange(COUNT))
    assert judged.pictures == 0
    assert check_labels(judged) == []


def test_pictures_of_one_item_never_judge_each_other() -> None:
    """Features that name the item and nothing else tell nothing of items that are held out."""
    items = np.repeat(np.arange(24), 4)
    grades = [NEW if item % 2 else DAMAGED for item in items]
    features = np.eye(24, dtype=np.float32)[items]
    judged = judge_labels("shop", _rows(grades), range(96), features, items)
    assert judged.balanced_accuracy <= 0.6


@pytest.mark.parametrize(
    ("predictor", "differing"),
    [
        ("picture size", {"width": 320, "height": 240}),
        ("file and compression", {"quantisation": 40.0}),
        ("light and colour", {"style": (0.9,) * 11}),
        ("border colour", {"border": (0.9,) * 6}),
    ],
)
def test_what_differs_with_the_damage_is_a_shortcut(
    predictor: str, differing: dict[str, object]
) -> None:
    damaged = [n % 2 for n in range(COUNT)]
    # Halving both sides at a quarter of the bytes keeps the compression.
    size = {"bytes": 12_500} if predictor == "picture size" else {}
    facts = [_facts(**differing, **size) if each else _facts() for each in damaged]
    found = _measured([DAMAGED if each else NEW for each in damaged], facts, _seen(damaged))
    assert {name for name, shortcut in found.items() if shortcut.is_risk} == {predictor}
    assert found[predictor].auroc == pytest.approx(1.0)
    assert found[predictor].balanced_accuracy == pytest.approx(1.0)
    assert found[predictor].chance == pytest.approx(0.5)
    (finding,) = check_shortcuts([*found.values()])
    assert f"{predictor} (1.00)" in finding.title


def test_what_has_nothing_to_do_with_the_damage_is_no_shortcut() -> None:
    rng = np.random.default_rng(1)
    damaged = [n % 2 for n in range(COUNT)]
    facts = [
        _facts(
            width=int(rng.integers(300, 900)),
            bytes=int(rng.integers(20_000, 90_000)),
            style=tuple(rng.uniform(size=11)),
            border=tuple(rng.uniform(size=6)),
        )
        for _ in damaged
    ]
    found = _measured([DAMAGED if each else NEW for each in damaged], facts, _seen(damaged))
    assert not any(shortcut.is_risk for shortcut in found.values())
    assert found[LOOKING].auroc > 0.99


def test_the_data_sets_name_is_a_shortcut_where_each_set_has_one_label() -> None:
    rows = [*_rows([NEW] * 30, "shelf"), *_rows([DAMAGED] * 30, "returns")]
    features = _seen([0] * 30 + [1] * 30)
    facts = [_facts()] * COUNT
    found = measure_shortcuts(rows, facts, features, np.arange(COUNT), silently)
    assert {shortcut.scope for shortcut in found} == {ALL}
    assert {shortcut.predictor for shortcut in found if shortcut.is_risk} == {"data set"}


def test_labels_that_leave_new_open_are_not_asked_about() -> None:
    """'New to salvage' is neither damaged nor new; counting it as either would be a guess."""
    rows = _rows([NEW if n % 2 else WIDE for n in range(COUNT)])
    features = _seen([0] * COUNT)
    assert measure_shortcuts(rows, [_facts()] * COUNT, features, np.arange(COUNT), silently) == []
