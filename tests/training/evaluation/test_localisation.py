"""Localisation on maps and regions that are drawn by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from datasets.manifest import Region
from model.contract import Box, DamageType, Grade
from tests.training.evaluation.factories import BAR, HOW, bundle_manifest, example, graded
from training.errors import DataError
from training.evaluation.bootstrap import draw
from training.evaluation.figures import Localisation, LocalisationFigures
from training.evaluation.graded import Graded
from training.evaluation.localisation import locate
from training.evaluation.located import localisation
from training.evaluation.regions import iou, region_mask

DENT = DamageType.DENT
EXACT = Box(x_min=0.25, y_min=0.25, x_max=0.75, y_max=0.5)
HALF = Box(x_min=0.25, y_min=0.25, x_max=0.5, y_max=0.5)
FAR = Box(x_min=0.75, y_min=0.75, x_max=1, y_max=1)


def _maps(rows: slice, columns: slice, inside: float = 0.9, outside: float = 0.0) -> Any:
    maps = np.full((1, 2, 8, 8), outside)
    maps[0, 1] = 0
    maps[0, 0, rows, columns] = inside
    return maps


ON_BAR = _maps(slice(2, 4), slice(2, 6))


def _dented(folder: Path, name: str, *boxes: Box, maps: Any = ON_BAR, **labels: Any) -> Graded:
    marked = Region(type=DENT, polygon=BAR)
    views = example(folder, name, present=(DENT,), **{"regions": (marked,), **labels})
    return graded(views, Grade.REPAIRABLE, maps=maps, boxes=boxes)


def _free(folder: Path, name: str, maps: Any) -> Graded:
    return graded(example(folder, name, absent=(DENT,)), maps=maps)


def _located(*items: Graded) -> Localisation:
    names = np.arange(len(items)).astype(np.str_)
    counts = draw(np.zeros(len(items), np.str_), names, HOW)
    return localisation(locate(items, bundle_manifest()), counts, HOW)


def _all(*items: Graded) -> LocalisationFigures:
    found = _located(*items).all
    assert found is not None
    return found


def test_iou_by_hand() -> None:
    assert iou((0, 0, 1, 1), (0.5, 0, 1.5, 1)) == pytest.approx(1 / 3)
    assert iou((0, 0, 1, 1), (2, 2, 3, 3)) == 0.0


def test_a_map_on_the_region_is_perfect(tmp_path: Path) -> None:
    found = _all(_dented(tmp_path, "a", EXACT))
    assert found.pointing_game.value == 1.0
    assert found.picture_hit_rate.value == found.box_hit_rate_50.value == 1.0
    assert found.box_precision_30.value == 1.0
    assert found.mask_iou.value == pytest.approx(1.0, abs=0.08)
    assert found.au_pro_30.value == pytest.approx(1.0, abs=0.05)


def test_a_map_beside_the_region_is_wrong(tmp_path: Path) -> None:
    found = _all(_dented(tmp_path, "a", FAR, maps=_maps(slice(6, 8), slice(6, 8))))
    assert found.pointing_game.value == 0.0
    assert found.box_hit_rate_30.value == found.box_precision_30.value == 0.0
    assert found.mask_iou.value == 0.0


def test_boxes_hit_at_their_overlap(tmp_path: Path) -> None:
    """Half of the region: IoU 0.5 exactly. A region without a box is missed, a box of none is wrong."""
    second = Region(type=DENT, polygon=((0, 0.8), (0.2, 0.8), (0.2, 1), (0, 1)))
    regions = (Region(type=DENT, polygon=BAR), second)
    found = _all(_dented(tmp_path, "a", HALF, FAR, regions=regions))
    assert (found.regions, found.pictures) == (2, 1)
    assert found.box_hit_rate_50.value == pytest.approx(1 / 2)
    assert found.picture_hit_rate.value == 1.0
    assert found.box_precision_30.value == pytest.approx(1 / 2)


def test_boxes_on_a_picture_free_of_the_type_are_wrong(tmp_path: Path) -> None:
    views = example(tmp_path, "b", absent=(DENT,))
    free = graded(views, maps=ON_BAR, boxes=[EXACT])
    found = _all(_dented(tmp_path, "a", EXACT), free)
    assert found.box_precision_30.value == pytest.approx(1 / 2)


def test_mask_iou_by_hand(tmp_path: Path) -> None:
    """The map holds the left half of the bar and as much again outside: 1 of 3."""
    maps = _maps(slice(2, 4), slice(0, 4))
    found = _all(_dented(tmp_path, "a", maps=maps))
    assert found.mask_iou.value == pytest.approx(1 / 3, abs=0.04)


def test_au_pro_of_a_map_that_knows_nothing_is_half_the_limit(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    items = [
        _dented(tmp_path, f"a{n}", maps=rng.random((1, 2, 8, 8)).astype(np.float32))
        for n in range(40)
    ]
    assert _all(*items).au_pro_30.value == pytest.approx(0.15, abs=0.05)


def test_au_pro_falls_with_false_positives_on_free_pictures(tmp_path: Path) -> None:
    """The free picture outshines the region in a quarter of its cells, an eighth of all free."""
    clean = _all(_dented(tmp_path, "a"), _free(tmp_path, "b", np.zeros((1, 2, 8, 8))))
    noisy = _all(_dented(tmp_path, "a"), _free(tmp_path, "b", _maps(slice(2), slice(8), 0.95)))
    assert clean.au_pro_30.value == pytest.approx(1.0, abs=0.05)
    share = 16 / (64 + 64 - 8)
    assert noisy.au_pro_30.value == pytest.approx(1 - share / 0.3, abs=0.12)


def test_what_is_not_marked_is_no_false_positive(tmp_path: Path) -> None:
    found = _all(_dented(tmp_path, "a", EXACT, FAR, complete=False))
    assert found.box_hit_rate_50.value == 1.0
    assert found.box_precision_30.n == 0
    assert found.mask_iou.value is None
    assert found.au_pro_30.value is None


def test_a_mask_is_read_and_a_broken_one_is_named(tmp_path: Path) -> None:
    pixels = np.zeros((80, 80), np.uint8)
    pixels[20:40, 20:60] = 255
    Image.fromarray(pixels).save(tmp_path / "mask.png")
    region = Region(type=DENT, mask="mask.png")
    found = _all(_dented(tmp_path, "a", EXACT, regions=(region,)))
    assert found.box_hit_rate_50.value == 1.0
    mask = region_mask(example(tmp_path, "b"), region)
    outlined = region_mask(example(tmp_path, "b"), Region(type=DENT, polygon=BAR))
    assert (mask & outlined).sum() / (mask | outlined).sum() > 0.9
    (tmp_path / "mask.png").write_text("no picture")
    with pytest.raises(DataError, match=r"mask\.png: not a readable mask"):
        _located(_dented(tmp_path, "a", regions=(region,)))


class Boxed(Region):
    """A region of a data set that draws boxes."""

    box: Box


def test_a_box_says_where_but_not_which_pixels(tmp_path: Path) -> None:
    region = Boxed(type=DENT, box=EXACT)
    found = _all(_dented(tmp_path, "a", EXACT, regions=(region,)))
    assert found.pointing_game.value == found.box_hit_rate_50.value == 1.0
    assert found.box_precision_30.value == 1.0
    assert found.mask_iou.value is None
    assert found.au_pro_30.value is None


def test_nothing_marked_gives_nothing(tmp_path: Path) -> None:
    assert _located(graded(example(tmp_path, "a"))).all is None
    assert _located().by_type == {}


def test_by_source_and_type(tmp_path: Path) -> None:
    items = (_dented(tmp_path, "a", EXACT), _dented(tmp_path, "b", FAR, source="right"))
    found = _located(*items)
    assert found.by_source["left"].box_hit_rate_50.value == 1.0
    assert found.by_source["right"].box_hit_rate_50.value == 0.0
    assert found.by_type["dent"].box_hit_rate_50.value == pytest.approx(1 / 2)
