"""Rules of contact sheets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from typer.testing import CliRunner

from datasets.manifest import LabelledPicture, Region, write_manifest
from datasets.masks import encode
from datasets.sheets.draw import CELL_WIDTH, Wanted, draw_sheet, spread
from model.contract import Box, DamageType, Grade, GradeInterval
from regrade.cli import app

GREY = 120


def _row(name: str, *kinds: DamageType, grade: Grade = Grade.NEW) -> LabelledPicture:
    square = ((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75))
    return LabelledPicture(
        picture=f"{name}.png",
        sha256="0" * 64,
        item_id=name,
        source="made",
        category="box" if kinds else "toy",
        group=name,
        split="train",
        grade=GradeInterval(best=grade, worst=grade),
        present=kinds,
        regions=tuple(Region(type=kind, polygon=square) for kind in kinds),
        licence="CC0-1.0",
        labelled_by="test",
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [_row("clean"), _row("dented", DamageType.DENT, grade=Grade.SALVAGE)]
    for row in rows:
        Image.new("RGB", (160, 120), (GREY,) * 3).save(tmp_path / row.picture)
    write_manifest(tmp_path / "manifest.jsonl", rows)
    return tmp_path


def _coloured(sheet: Image.Image) -> NDArray[np.bool_]:
    pixels = np.asarray(sheet, int)
    return np.asarray(np.ptp(pixels, axis=2) > 60)


def test_damage_is_outlined_where_it_is_and_not_filled(folder: Path) -> None:
    rows = [_row("clean"), _row("dented", DamageType.DENT)]
    sheet = draw_sheet(rows, folder, count=2, columns=2)
    height = CELL_WIDTH * 3 // 4
    clean, dented = (_coloured(sheet.crop((x, 0, x + CELL_WIDTH, height))) for x in (0, CELL_WIDTH))
    assert not clean.any()
    lines, columns = np.nonzero(dented)
    assert abs(columns.min() - CELL_WIDTH / 4) < 8
    assert abs(columns.max() - CELL_WIDTH * 3 / 4) < 8
    assert abs(lines.min() - height / 4) < 8
    assert not dented[height // 2, CELL_WIDTH // 2]


@pytest.mark.parametrize("form", ["mask", "rle", "box"])
def test_every_form_of_region_is_outlined_like_a_polygon(folder: Path, form: str) -> None:
    mask = Image.new("L", (160, 120))
    mask.paste(255, (40, 30, 120, 90))
    mask.save(folder / "mask.png")
    said = {
        "mask": "mask.png",
        "rle": encode(np.asarray(mask) > 0),
        "box": Box(x_min=0.25, y_min=0.25, x_max=0.75, y_max=0.75),
    }
    drawn = _row("dented", DamageType.DENT)
    region = Region.model_validate({"type": DamageType.DENT, form: said[form]})
    other = drawn.model_copy(update={"regions": (region,)})
    by_polygon, by_other = (
        _coloured(draw_sheet([row], folder, count=1, columns=1)) for row in (drawn, other)
    )
    assert abs(int(by_polygon.sum()) - int(by_other.sum())) < 0.2 * by_polygon.sum()


def test_pictures_are_spread_evenly() -> None:
    rows = [_row(str(index)) for index in range(10)]
    assert [row.item_id for row in spread(rows, 5)] == ["0", "2", "4", "6", "8"]
    assert spread(rows, 20) == rows


def test_options_choose_pictures() -> None:
    row = _row("dented", DamageType.DENT, grade=Grade.SALVAGE)
    assert Wanted(damage=DamageType.DENT, grade=Grade.SALVAGE, category="box").shows(row)
    assert not Wanted(damage=DamageType.TEAR).shows(row)
    assert not Wanted(grade=Grade.NEW).shows(row)
    assert not Wanted(category="toy").shows(row)


def _sheet(folder: Path, out: Path) -> list[str]:
    return ["data", "sheet", "--manifest", str(folder / "manifest.jsonl"), "--out", str(out)]


def test_the_command_writes_a_sheet_of_what_is_asked_for(folder: Path) -> None:
    out = folder / "sheets" / "dents.png"
    ran = CliRunner().invoke(app, [*_sheet(folder, out), "--damage", "dent"])
    assert ran.exit_code == 0, ran.stderr
    assert "1 of 1 pictures" in ran.stdout
    with Image.open(out) as sheet:
        assert sheet.width == CELL_WIDTH


@pytest.mark.parametrize(
    ("out", "options", "said"),
    [
        ("sheet.gif", [], ".jpg or .png"),
        ("sheet.png", ["--category", "shoe"], "no picture"),
        ("sheet.png", ["--root", "/nowhere"], "not a readable picture"),
    ],
)
def test_what_cannot_be_drawn_is_said_in_one_sentence(
    folder: Path, out: str, options: list[str], said: str
) -> None:
    ran = CliRunner().invoke(app, [*_sheet(folder, folder / out), *options])
    assert ran.exit_code == 2
    assert ran.stderr.count("error: ") == 1
    assert said in ran.stderr
    assert not (folder / out).exists()
