"""The benchmark's figures, from curves written by hand."""

from pathlib import Path

import pytest

from benchmarks.generated import generated_manifest
from benchmarks.train import Curve, draw, summary, time_to
from datasets.manifest import read_manifest
from model.contract import GRADES

_PLAIN: list[Curve] = [[(10.0, 0.4), (20.0, 0.6)], [(12.0, 0.5), (24.0, 0.7)]]
_OURS: list[Curve] = [[(4.0, 0.5), (8.0, 0.6)], [(4.0, 0.65), (8.0, 0.7)]]
_LATE: list[Curve] = [[(1.0, 0.2), (2.0, 0.3)], [(1.0, 0.2), (2.0, 0.9)]]


def test_the_time_to_a_score_is_that_of_the_first_epoch_that_reaches_it() -> None:
    assert time_to(0.5, _OURS[0]) == 4.0
    assert time_to(0.6, _OURS[0]) == 8.0
    assert time_to(0.61, _OURS[0]) is None


def test_ratios_are_of_medians_and_none_where_a_round_missed_the_score(tmp_path: Path) -> None:
    curves = {"plain": _PLAIN, "ours": _OURS, "late": _LATE}
    found = summary(curves, pictures=100, score=None)
    assert found["score"] == 0.6
    table = found["contestants"]
    plain_speed = (200 / 20 + 200 / 24) / 2
    assert table["ours"]["pictures_per_s"] == pytest.approx(25.0)
    assert table["ours"]["times_as_fast"] == pytest.approx(25 / plain_speed)
    assert table["plain"]["seconds_to_score"] == pytest.approx((20 + 24) / 2)
    assert table["ours"]["times_sooner"] == pytest.approx(22 / 6)
    assert table["late"]["seconds_to_score"] is table["late"]["times_sooner"] is None
    draw(curves, found, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes()[:4] == b"\x89PNG"


def test_generated_pictures_show_every_grade_in_both_splits(tmp_path: Path) -> None:
    rows = read_manifest(generated_manifest(tmp_path, train=8, held_out=4))
    for split, each in (("train", 2), ("val", 1)):
        found = [row.grade.exact for row in rows if row.split == split and row.grade]
        assert sorted(found, key=GRADES.index) == [g for g in GRADES for _ in range(each)]
    assert all((tmp_path / row.picture).exists() for row in rows)
