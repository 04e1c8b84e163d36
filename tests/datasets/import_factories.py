"""Miniature data sets in every format, and the command that imports them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from typer.testing import CliRunner, Result

from datasets.manifest import LabelledPicture, read_manifest
from regrade.cli import app

WIDTH, HEIGHT = 40, 20
BOX: dict[str, Any] = {"image_id": 1, "category_id": 1, "bbox": [1, 1, 9, 9]}
RUBRIC = """\
[mini]
category = "toy"
licence = "CC0"
labelled_by = "a friend"
[mini.labels]
fine = { grade = "new" }
dented = { grade = ["lightly_used", "repairable"], present = ["dent"] }
holed = { grade = "repairable", present = ["puncture"], severity = 0.5 }
logo = {}
"""


def picture(path: Path, seed: int = 0, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Path:
    """A picture of noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    width, height = size
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def mask(path: Path, size: tuple[int, int] = (WIDTH, HEIGHT), *, empty: bool = False) -> Path:
    """A mask whose left half is marked."""
    path.parent.mkdir(parents=True, exist_ok=True)
    width, height = size
    pixels = np.zeros((height, width), np.uint8)
    if not empty:
        pixels[:, : width // 2] = 255
    Image.fromarray(pixels).save(path)
    return path


def rubric(folder: Path, more: str = "") -> Path:
    """The rubric of these data sets."""
    path = folder / "rubric.toml"
    path.write_text(RUBRIC + more)
    return path


def write_json(path: Path, value: object) -> Path:
    """A file of json."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
    return path


def coco(
    folder: Path,
    annotations: Sequence[Mapping[str, Any]],
    images: Sequence[Mapping[str, Any]] | None = None,
) -> Path:
    """``labels.json`` for the picture ``a.png``, which is made too."""
    picture(folder / "a.png")
    if images is None:
        images = [{"id": 1, "file_name": "a.png", "width": WIDTH, "height": HEIGHT}]
    document = {
        "categories": [{"id": 1, "name": "dented"}, {"id": 2, "name": "holed"}],
        "images": images,
        "annotations": annotations,
    }
    return write_json(folder / "labels.json", document)


def task(result: Sequence[Mapping[str, Any]], image: str = "a.png", **more: Any) -> dict[str, Any]:
    """A task of Label Studio with one annotation."""
    sizes = {"original_width": WIDTH, "original_height": HEIGHT}
    places = [each if each["type"] == "choices" else {**sizes, **each} for each in result]
    return {"id": 7, "data": {"image": image}, "annotations": [{"result": places}], **more}


def import_(tmp_path: Path, form: str, origin: Path | str, *more: str) -> Result:
    """Run ``regrade data import`` into ``out/manifest.jsonl``."""
    rubric_file = tmp_path / "rubric.toml"
    if not rubric_file.exists():
        rubric(tmp_path)
    out = tmp_path / "out" / "manifest.jsonl"
    arguments = ["--from", str(origin), "--rubric", str(rubric_file), "--out", str(out)]
    source = [] if "--source" in more else ["--source", "mini"]
    return CliRunner().invoke(app, ["data", "import", form, *arguments, *source, *more])


def rows(tmp_path: Path) -> list[LabelledPicture]:
    """What was imported."""
    return read_manifest(tmp_path / "out" / "manifest.jsonl")


def imported(tmp_path: Path, form: str, origin: Path, *more: str) -> list[LabelledPicture]:
    """Rows of an import that works."""
    result = import_(tmp_path, form, origin, *more)
    assert result.exit_code == 0, result.output
    return rows(tmp_path)


def refused(tmp_path: Path, form: str, origin: Path | str, *more: str) -> str:
    """What an import that is refused prints; nothing was written."""
    result = import_(tmp_path, form, origin, *more)
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    assert not (tmp_path / "out").exists()
    return result.stderr
