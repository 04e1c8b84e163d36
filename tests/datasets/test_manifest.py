"""The manifest's rows and regions, and their page."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from datasets import manifest_page
from datasets.manifest import (
    LabelledPicture,
    ManifestError,
    Region,
    Rle,
    read_manifest,
    write_manifest,
)
from model.contract import Box, DamageType


def test_the_page_is_current() -> None:
    page = manifest_page.PAGE.read_text("utf-8")
    assert page == manifest_page.with_tables(page), "python -m datasets.manifest_page"


@pytest.mark.parametrize("model", [LabelledPicture, Region])
def test_every_field_is_described(model: type[LabelledPicture] | type[Region]) -> None:
    assert all(field.description for field in model.model_fields.values())


def test_a_region_is_in_exactly_one_form() -> None:
    box = Box(x_min=0, y_min=0, x_max=1, y_max=1)
    assert Region(type=DamageType.DENT, box=box).polygon is None
    with pytest.raises(ValidationError, match="it has 0"):
        Region(type=DamageType.DENT)
    with pytest.raises(ValidationError, match="it has 2"):
        Region(type=DamageType.DENT, box=box, mask="m.png")


@pytest.mark.parametrize("x", [-0.1, 1.1, float("nan"), float("inf")])
def test_outlines_lie_in_the_picture(x: float) -> None:
    with pytest.raises(ValidationError):
        Region(type=DamageType.DENT, polygon=((0, 0), (x, 0), (1, 1)))


@pytest.mark.parametrize(("size", "counts"), [((0, 5), "d0"), ((4, 5), ""), ((4, 5), "é")])
def test_runs_have_a_size_and_the_letters_of_coco(size: tuple[int, int], counts: str) -> None:
    with pytest.raises(ValidationError):
        Rle(size=size, counts=counts)


ROW = LabelledPicture(
    picture="p.png",
    sha256="0",
    item_id="i",
    source="s",
    category="c",
    group="g",
    licence="l",
    labelled_by="t",
)


def test_a_split_may_be_open() -> None:
    assert ROW.split is None
    assert LabelledPicture.model_validate_json(ROW.model_dump_json(exclude_defaults=True)) == ROW


def test_any_character_may_stand_in_a_name(tmp_path: Path) -> None:
    """Also those that some tools end a line at."""
    rows = [ROW.model_copy(update={"picture": f"größe{c}.png"}) for c in "\u2028\x85\x0b\r\n "]
    write_manifest(tmp_path / "m.jsonl", rows)
    assert read_manifest(tmp_path / "m.jsonl") == rows


def test_what_is_no_text_is_no_manifest(tmp_path: Path) -> None:
    (tmp_path / "m.jsonl").write_bytes(b"\xff\xfe\0")
    with pytest.raises(ManifestError, match="not UTF-8 text"):
        read_manifest(tmp_path / "m.jsonl")
