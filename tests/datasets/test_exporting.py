"""Labels are never locked in: what is exported and imported again is what it was."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools.coco import COCO
from typer.testing import CliRunner

from datasets.exporters import coco as to_coco
from datasets.exporters import label_studio as to_studio
from datasets.exporters.words import INTERVALS, SECTION, absent_word, grade_word
from datasets.importers import coco, label_studio
from datasets.importers.pictures import inspect
from datasets.importers.places import Place
from datasets.importers.sightings import Options
from datasets.importing import Imported, import_found
from datasets.manifest import SPLITS, LabelledPicture, Region, Rle, read_manifest, write_manifest
from datasets.masks import encode, read_mask
from datasets.merging import same_labels
from datasets.rubric import Rubric
from model.contract import Box, DamageType
from regrade.cli import app
from tests.datasets.import_factories import HEIGHT, WIDTH, mask, picture, write_json

RUBRIC = Rubric.load()

#: A pixel's hundredth apart, so that no outline or box is without area.
_steps = st.integers(0, 4000)


@st.composite
def _boxes(draw: st.DrawFn) -> Box:
    x, y = draw(st.tuples(_steps, _steps).filter(lambda pair: max(pair) < 4000))
    right, bottom = draw(st.integers(x + 1, 4000)), draw(st.integers(y + 1, 4000))
    return Box(x_min=x / 4000, y_min=y / 4000, x_max=right / 4000, y_max=bottom / 4000)


_points = st.tuples(_steps, _steps).map(lambda pair: (pair[0] / 4000, pair[1] / 4000))
_outlines = st.lists(_points, min_size=3, max_size=6).filter(
    lambda points: len({x for x, _ in points}) > 1 and len({y for _, y in points}) > 1
)
_runs = (
    arrays(np.bool_, (HEIGHT, WIDTH), elements=st.booleans(), fill=st.just(False))
    .filter(np.any)
    .map(encode)
)


@st.composite
def _labels(draw: st.DrawFn) -> dict[str, Any]:
    kinds = draw(st.lists(st.sampled_from(DamageType), unique=True, max_size=6))
    cut = draw(st.integers(0, len(kinds)))
    present, absent = kinds[:cut], kinds[cut:]
    places: st.SearchStrategy[dict[str, object]] = st.one_of(
        st.builds(lambda value: {"box": value}, _boxes()),
        st.builds(lambda value: {"polygon": tuple(value)}, _outlines),
        st.builds(lambda value: {"rle": value}, _runs),
        st.just({"mask": "mask.png"}),
    )
    regions = []
    for kind in present:
        for place in draw(st.lists(places, max_size=2)):
            severity = draw(st.one_of(st.none(), st.floats(0, 1)))
            regions.append(Region.model_validate({"type": kind, "severity": severity, **place}))
    return {
        "grade": draw(st.one_of(st.none(), st.sampled_from(INTERVALS))),
        "present": tuple(present),
        "absent": tuple(absent),
        "regions": tuple(regions),
        "regions_complete": draw(st.booleans()),
        "split": draw(st.one_of(st.none(), st.sampled_from(SPLITS))),
        "view": draw(st.integers(0, 3)),
        "labelled_at": draw(st.one_of(st.none(), st.just(datetime(2026, 1, 2, tzinfo=UTC)))),
    }


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name).resolve()
        picture(root / "goods & more" / "a é.png")
        mask(root / "mask.png")
        yield root


def _row(folder: Path, labels: dict[str, Any]) -> LabelledPicture:
    path = folder / "goods & more" / "a é.png"
    found = inspect(path, folder, None)
    return LabelledPicture(
        picture=path.relative_to(folder).as_posix(),
        sha256=found.sha256,
        width=found.width,
        height=found.height,
        item_id="R-1",
        source="mini",
        category="toy",
        group="mini:R-1",
        licence="CC0",
        labelled_by="Anna",
        **labels,
    )


def _again(folder: Path, form: str, row: LabelledPicture) -> LabelledPicture:
    """The row, exported and imported."""
    options = Options(pictures=folder)
    if form == "coco":
        file = write_json(folder / "coco.json", to_coco.document([row], folder))
        found = coco.read(file, options)
    else:
        file = write_json(folder / "tasks.json", to_studio.tasks([row], folder))
        found = label_studio.read(file, options)
    imported = Imported()
    import_found(imported, found, RUBRIC, Place(folder, folder), "other", SECTION)
    imported.require_whole()
    (again,) = imported.rows
    return again


@pytest.mark.parametrize("form", ["coco", "label-studio"])
@settings(max_examples=60, deadline=None)
@given(labels=_labels())
def test_a_round_trip_gives_the_same_row(form: str, folder: Path, labels: dict[str, Any]) -> None:
    row = _row(folder, labels)
    again = _again(folder, form, row)

    def mask_of(name: str) -> Rle:
        return encode(read_mask(folder / name))

    assert same_labels(row, again, mask_of, mask_of)
    places: dict[str, Any] = {"regions": (), "present": (), "absent": ()}
    assert again.model_copy(update=places) == row.model_copy(update=places)


def test_the_words_of_exports_are_in_the_rubric() -> None:
    for interval in INTERVALS:
        assert RUBRIC.judge(SECTION, [grade_word(interval)]).grade == interval
    for kind in DamageType:
        assert RUBRIC.judge(SECTION, [kind.value]).present == (kind,)
        assert RUBRIC.judge(SECTION, [absent_word(kind)]).absent == (kind,)


def test_the_labelling_page_offers_every_word_that_tasks_use(folder: Path) -> None:
    page = ET.fromstring(to_studio.labelling_page())  # noqa: S314 - our own text
    offered = {(c.get("name"), v.get("value")) for c in page for v in c}
    box = Box(x_min=0, y_min=0, x_max=0.5, y_max=0.5)
    region = Region(type=DamageType.DENT, box=box)
    labels = {
        "grade": INTERVALS[1],
        "present": (DamageType.DENT, DamageType.TEAR),
        "absent": (DamageType.STAIN,),
        "regions": (region,),
    }
    (task,) = to_studio.tasks([_row(folder, labels)], folder)
    results = task["annotations"][0]["result"]
    used = {(r["from_name"], word) for r in results for word in r["value"][r["type"]]}
    assert used <= offered
    assert {name for name, _ in used} == {"grade", "present", "absent", "box"}


def _manifest(folder: Path, tmp_path: Path) -> Path:
    labels = {
        "grade": INTERVALS[4],
        "present": (DamageType.DENT,),
        "regions": (Region(type=DamageType.DENT, mask="mask.png"),),
    }
    path = tmp_path / "manifest.jsonl"
    write_manifest(path, [_row(folder, labels)])
    return path


def test_cocos_own_tools_read_the_export(folder: Path, tmp_path: Path) -> None:
    manifest, out = _manifest(folder, tmp_path), tmp_path / "sub" / "coco.json"
    arguments = ["--manifest", str(manifest), "--root", str(folder), "--out", str(out)]
    result = CliRunner().invoke(app, ["data", "export", "coco", *arguments])
    assert result.exit_code == 0, result.output
    read = COCO(str(out))
    (annotation,) = read.loadAnns(read.getAnnIds())
    np.testing.assert_array_equal(
        read.annToMask(annotation).astype(bool), read_mask(folder / "mask.png")
    )
    assert annotation["bbox"] == [0, 0, WIDTH // 2, HEIGHT]
    assert annotation["area"] == WIDTH // 2 * HEIGHT
    assert read.loadCats(annotation["category_id"])[0]["name"] == "dent"


def test_label_studio_gets_tasks_and_a_labelling_page(folder: Path, tmp_path: Path) -> None:
    manifest, out = _manifest(folder, tmp_path), tmp_path / "tasks.json"
    arguments = ["--manifest", str(manifest), "--root", str(folder), "--out", str(out)]
    more = ["--address", "https://pictures.example/"]
    result = CliRunner().invoke(app, ["data", "export", "label-studio", *arguments, *more])
    assert result.exit_code == 0, result.output
    (task,) = json.loads(out.read_text())
    assert task["data"]["image"] == "https://pictures.example/goods%20%26%20more/a%20%C3%A9.png"
    assert (tmp_path / "tasks.xml").read_text() == to_studio.labelling_page()


def test_a_missing_manifest_or_picture_is_one_line(folder: Path, tmp_path: Path) -> None:
    manifest = _manifest(folder, tmp_path)
    out = ["--out", str(tmp_path / "coco.json")]
    for arguments, reason in (
        (["--manifest", str(tmp_path / "gone.jsonl"), *out], "gone.jsonl: No such file"),
        (["--manifest", str(manifest), *out], "give --root the folder of the pictures"),
    ):
        result = CliRunner().invoke(app, ["data", "export", "coco", *arguments])
        assert result.exit_code == 2
        assert reason in result.stderr
        assert len(result.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "coco.json").exists()
    assert len(read_manifest(manifest)) == 1
