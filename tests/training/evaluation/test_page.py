"""The pages: valid HTML that needs nothing else and shows the pictures."""

import base64
import io
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import html5lib
import numpy as np
import pytest
from PIL import Image

from datasets.manifest import Region
from model.contract import Box, DamageType, Grade, GradeInterval
from tests.training.evaluation.factories import (
    BAR,
    HOW,
    bundle_manifest,
    exactly,
    example,
    graded,
)
from training.evaluation.compare import Compared, compare
from training.evaluation.evaluate import Evaluation, figures_of
from training.evaluation.gallery import gallery
from training.evaluation.graded import Graded
from training.evaluation.page import compare_page, report_page

NAMESPACE = "{http://www.w3.org/1999/xhtml}"
DENT = DamageType.DENT


def _evaluation(*items: Graded) -> Evaluation:
    manifest = bundle_manifest()
    foreign = {"noise & <flat>": np.array([2.0, 3.0])}
    return Evaluation(manifest, items, figures_of(items, manifest, foreign, HOW))


@pytest.fixture(scope="module")
def items(tmp_path_factory: pytest.TempPathFactory) -> list[Graded]:
    """Sure and wrong (12 and 4), asked and wrong (8), asked though right, right; one label open."""
    folder = tmp_path_factory.mktemp("pictures")
    maps = np.zeros((1, 2, 8, 8))
    maps[0, 0, 2:4, 2:6] = 0.9
    box = Box(x_min=0.25, y_min=0.25, x_max=0.75, y_max=0.5)
    dent: dict[str, Any] = {"present": (DENT,), "regions": (Region(type=DENT, polygon=BAR),)}
    salvage = exactly(Grade.SALVAGE)
    return [
        graded(example(folder, "cheaper", grade=exactly(Grade.LIGHTLY_USED)), Grade.NEW),
        graded(example(folder, "dearest", grade=salvage, **dent), maps=maps, boxes=[box]),
        graded(example(folder, "asked", grade=exactly(Grade.REPAIRABLE)), review=True),
        graded(
            example(folder, "vain", grade=exactly(Grade.NEW), absent=(DENT,)),
            review=True,
        ),
        graded(example(folder, "right", source="right & <b>", grade=exactly(Grade.NEW))),
        graded(
            example(
                folder,
                "open",
                grade=GradeInterval(best=Grade.LIGHTLY_USED, worst=Grade.SALVAGE),
            ),
            Grade.REPAIRABLE,
        ),
        graded(example(folder, "unknown")),
    ]


@pytest.fixture(scope="module")
def report(items: list[Graded]) -> ET.Element:
    return _parsed(report_page(_evaluation(*items)))


def _parsed(page: str) -> ET.Element:
    """The page, refused if it is not valid HTML or would fetch anything."""
    tree: ET.Element = html5lib.HTMLParser(strict=True).parse(page)
    ids = [element.get("id") for element in tree.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    for element in tree.iter():
        assert element.tag not in {f"{NAMESPACE}script", f"{NAMESPACE}link", f"{NAMESPACE}iframe"}
        assert str(element.get("src", "data:")).startswith("data:")
        link = element.get("href")
        assert link is None or link.removeprefix("#") in ids
    assert "url(" not in page
    assert "@import" not in page
    return tree


def _photographs(tree: ET.Element) -> list[Image.Image]:
    sources = [str(element.get("src")) for element in tree.iter(f"{NAMESPACE}img")]
    photographs = [s.partition("base64,")[2] for s in sources if s.startswith("data:image/jpeg")]
    return [Image.open(io.BytesIO(base64.b64decode(text))) for text in photographs]


def _captions(tree: ET.Element) -> list[str]:
    return ["".join(element.itertext()) for element in tree.iter(f"{NAMESPACE}figcaption")]


def test_the_report_shows_the_dearest_sure_mistake_first(report: ET.Element) -> None:
    captions = _captions(report)
    order = ("dearest", "cheaper", "asked", "vain")
    assert [name for text in captions for name in order if text.endswith(name)] == [*order]
    assert "new, labelled salvage, costs 12" in captions[0]
    assert len(_photographs(report)) == 2 * len(order)
    assert any("labelled regions" in text for text in report.itertext())


def test_every_figure_says_its_n(report: ET.Element) -> None:
    for tile in report.iter(f"{NAMESPACE}div"):
        if tile.get("class") == "tile":
            assert " n " in " ".join(tile.itertext())
    cells = list(report.iter(f"{NAMESPACE}small"))
    assert cells
    assert all("n " in "".join(cell.itertext()) for cell in cells)


def test_heat_map_and_box_are_drawn_where_they_are(items: list[Graded]) -> None:
    dearest = gallery(items, bundle_manifest()).sure_and_wrong.shown[0]
    assert dearest.heat_type is DENT
    data = base64.b64decode(dearest.heat.partition("base64,")[2])
    heat = np.asarray(Image.open(io.BytesIO(data)), float)
    side = heat.shape[0]
    inside = heat[side * 2 // 8 : side * 4 // 8, side * 3 // 8 : side * 5 // 8]
    below = heat[side * 6 // 8 :]
    redness = [(part[..., 0] - part[..., 2]).mean() for part in (inside, below)]
    assert redness[0] > redness[1] + 20


def test_no_items_and_no_labels_still_make_a_report(tmp_path: Path) -> None:
    for evaluation in (_evaluation(), _evaluation(graded(example(tmp_path, "unknown")))):
        tree = _parsed(report_page(evaluation))
        assert _captions(tree) == []


def test_the_comparison_shows_where_the_two_differ(items: list[Graded]) -> None:
    a = _evaluation(*items)
    views = items[1].views
    b = _evaluation(items[0], graded(views, Grade.SALVAGE), *items[2:])
    compared = Compared(a, b, compare(a, b, HOW))
    tree = _parsed(compare_page(compared))
    first, second = _captions(tree)
    assert first.startswith("A: new, labelled salvage")
    assert second.startswith("B: salvage, labelled salvage")
    assert "no difference shown" in "".join(tree.itertext())
