"""The pictures that ship: whole, labelled truly, and covering what the generator can make."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import datasets
from datasets.manifest import LabelledPicture, read_manifest
from datasets.render import VERSION
from datasets.render.grades import GRADE_OF, Product, grade_of
from datasets.render.sampling import sample_item
from datasets.render.spec import ItemSpec
from model.contract import Grade

ROOT = Path(datasets.__file__).parent / "samples"
ROWS = read_manifest(ROOT / "manifest.jsonl")


def _item(row: LabelledPicture) -> ItemSpec:
    _, seed, index = row.item_id.split("-")
    return sample_item(int(seed), int(index))


def test_the_items_show_every_grade_product_and_damage() -> None:
    views = defaultdict(list)
    for row in ROWS:
        views[row.item_id].append(row.view)
    assert len(views) == 22
    assert all(seen in ([0, 1], [0, 1, 2]) for seen in views.values())
    assert {row.grade.exact for row in ROWS if row.grade} >= set(Grade)
    assert {row.category for row in ROWS} == set(Product)
    assert {kind for row in ROWS for kind in row.present} == set(GRADE_OF)


def test_samples_are_for_testing_alone() -> None:
    assert {row.split for row in ROWS} == {"test"}


def test_samples_are_small() -> None:
    assert sum(file.stat().st_size for file in ROOT.rglob("*") if file.is_file()) < 3.2e6


def test_every_file_is_named_by_a_row() -> None:
    named = {row.picture for row in ROWS} | {g.mask for row in ROWS for g in row.regions}
    named |= {"manifest.jsonl"}
    assert {
        file.relative_to(ROOT).as_posix() for file in ROOT.rglob("*") if file.is_file()
    } == named


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.picture)
def test_a_sample_is_what_its_row_says(row: LabelledPicture) -> None:
    encoded = (ROOT / row.picture).read_bytes()
    assert hashlib.sha256(encoded).hexdigest() == row.sha256
    with Image.open(ROOT / row.picture) as picture:
        size = picture.size
    assert size == (640, 480)
    assert row.labelled_by == f"regrade render {VERSION}"
    assert not {*row.present} & {*row.absent}
    assert {region.type for region in row.regions} == {*row.present}
    for region in row.regions:
        assert region.mask is not None
        with Image.open(ROOT / region.mask) as mask:
            assert mask.size == size
            damaged = np.asarray(mask) > 127
        assert 1e-4 <= damaged.mean() < 0.5


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.picture)
def test_labels_follow_from_the_items_description(row: LabelledPicture) -> None:
    """A change of the generator that moves its items needs a new version and new samples."""
    item = _item(row)
    made = {(damage.type, round(damage.severity, 3)) for damage in item.damages}
    assert {(region.type, region.severity) for region in row.regions} <= made
    assert row.grade is not None
    assert row.grade.worst is grade_of((d.type, d.severity) for d in item.damages)
    assert {*row.present} <= {d.type for d in item.damages}
