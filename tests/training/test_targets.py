"""Targets say what the labels say and leave the rest unknown."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from datasets.manifest import LabelledPicture, Region
from datasets.masks import encode
from model.contract import Box, DamageType, Grade, GradeInterval
from training.errors import DataError
from training.examples import Example
from training.targets import DAMAGED, DOUBTFUL, GRID, make_targets

TYPES = (DamageType.DENT, DamageType.TEAR)


def _example(root: Path, **labels: object) -> Example:
    row = LabelledPicture.model_validate(
        {
            "picture": "p.png",
            "sha256": "0",
            "item_id": "i",
            "source": "s",
            "category": "c",
            "group": "g",
            "split": "train",
            "licence": "l",
            "labelled_by": "t",
            **labels,
        }
    )
    return Example(row, root)


def test_intervals_become_ranks_and_no_grade_is_the_whole_scale(tmp_path: Path) -> None:
    damaged = GradeInterval(best=Grade.LIGHTLY_USED, worst=Grade.SALVAGE)
    targets = make_targets([_example(tmp_path, grade=damaged), _example(tmp_path)], TYPES)
    assert targets.best.tolist() == [1, 0]
    assert targets.worst.tolist() == [3, 3]


def test_a_type_that_is_neither_present_nor_absent_is_unknown(tmp_path: Path) -> None:
    example = _example(tmp_path, present=[DamageType.DENT], absent=[DamageType.CRACK])
    targets = make_targets([example], TYPES)
    assert targets.present.tolist() == [[1.0, 0.0]]
    assert targets.known.tolist() == [[True, False]]
    assert targets.everywhere.tolist() == [[False, False]]


def test_a_polygon_is_drawn_where_it_is(tmp_path: Path) -> None:
    corner = ((0.0, 0.0), (0.5, 0.0), (0.5, 0.25), (0.0, 0.25))
    region = Region(type=DamageType.DENT, polygon=corner)
    example = _example(tmp_path, present=[DamageType.DENT], regions=[region], regions_complete=True)
    targets = make_targets([example], TYPES)
    grid = targets.regions[0, 0]
    assert grid[: GRID // 4, : GRID // 2].all()
    assert grid[GRID // 4 + 1 :].sum() == 0
    assert not targets.regions[0, 1].any()
    assert targets.everywhere.tolist() == [[True, False]]


def test_a_thin_scratch_does_not_vanish(tmp_path: Path) -> None:
    scratch = ((0.1, 0.5), (0.9, 0.5001), (0.1, 0.5))
    region = Region(type=DamageType.DENT, polygon=scratch)
    targets = make_targets([_example(tmp_path, regions=[region])], TYPES)
    assert targets.regions[0, 0].sum() >= 0.8 * GRID - 1


def test_a_mask_of_any_colour_is_read(tmp_path: Path) -> None:
    mask = np.zeros((112, 112, 3), np.uint8)
    mask[:56, :56] = (35, 164, 54)
    Image.fromarray(mask).save(tmp_path / "m.png")
    region = Region(type=DamageType.TEAR, mask="m.png")
    grid = make_targets([_example(tmp_path, regions=[region])], TYPES).regions[0, 1]
    assert torch.equal(grid[: GRID // 2, : GRID // 2], torch.ones(28, 28, dtype=torch.int8))
    assert grid.sum() == (GRID // 2) ** 2


def test_a_mask_that_is_inline_is_read(tmp_path: Path) -> None:
    mask = np.zeros((112, 168), np.bool_)
    mask[:56, :84] = True
    region = Region(type=DamageType.TEAR, rle=encode(mask))
    grid = make_targets([_example(tmp_path, regions=[region])], TYPES).regions[0, 1]
    assert torch.equal(grid[: GRID // 2, : GRID // 2], torch.ones(28, 28, dtype=torch.int8))
    assert grid.sum() == (GRID // 2) ** 2


def _boxed(root: Path, *places: dict[str, object], complete: bool = True) -> Example:
    regions = [Region.model_validate({"type": DamageType.DENT, **place}) for place in places]
    return _example(root, present=[DamageType.DENT], regions=regions, regions_complete=complete)


def test_a_box_says_that_the_damage_is_somewhere_in_it(tmp_path: Path) -> None:
    half = Box(x_min=0, y_min=0, x_max=0.5, y_max=0.25)
    targets = make_targets([_boxed(tmp_path, {"box": half})], TYPES)
    inside = targets.regions[0, 0, : GRID // 4, : GRID // 2]
    assert (inside == DOUBTFUL).all()
    assert (targets.regions[0, 0] == DOUBTFUL).sum() == inside.numel()
    assert targets.everywhere.tolist() == [[True, False]]


def test_cells_outside_a_box_are_unknown_where_not_all_damage_is_marked(tmp_path: Path) -> None:
    half = Box(x_min=0, y_min=0, x_max=0.5, y_max=0.25)
    targets = make_targets([_boxed(tmp_path, {"box": half}, complete=False)], TYPES)
    assert targets.everywhere.tolist() == [[False, False]]


def test_a_tiny_box_is_the_damage_itself(tmp_path: Path) -> None:
    tiny = Box(x_min=0.5, y_min=0.5, x_max=0.5 + 1.9 / GRID, y_max=0.5 + 0.9 / GRID)
    grid = make_targets([_boxed(tmp_path, {"box": tiny})], TYPES).regions[0, 0]
    assert (grid == DAMAGED).sum() == 2 * 1
    assert not (grid == DOUBTFUL).any()


@pytest.mark.parametrize("order", [1, -1])
def test_an_outline_within_a_box_stays_damage(tmp_path: Path, order: int) -> None:
    box: dict[str, object] = {"box": Box(x_min=0, y_min=0, x_max=1, y_max=1)}
    outline: dict[str, object] = {"polygon": ((0.0, 0.0), (0.5, 0.0), (0.5, 0.5), (0.0, 0.5))}
    grid = make_targets([_boxed(tmp_path, *[box, outline][::order])], TYPES).regions[0, 0]
    assert (grid[: GRID // 2, : GRID // 2] == DAMAGED).all()
    assert (grid[GRID // 2 + 1 :] == DOUBTFUL).all()


def test_a_missing_mask_is_named(tmp_path: Path) -> None:
    region = Region(type=DamageType.TEAR, mask="gone.png")
    with pytest.raises(DataError, match=r"gone\.png"):
        make_targets([_example(tmp_path, regions=[region])], TYPES)
