"""Broken input is refused whole, with file, row and reason; nothing is guessed."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from datasets.importers import elpv
from datasets.importers.sightings import SourceError
from tests.datasets.import_factories import (
    BOX,
    HEIGHT,
    WIDTH,
    coco,
    import_,
    mask,
    picture,
    refused,
    rows,
    rubric,
    task,
    write_json,
)


@pytest.mark.parametrize(
    ("annotation", "reason"),
    [
        ({"bbox": [30, 5, 20, 5]}, "50.0 px lies outside the picture of 40 px"),
        ({"bbox": [5, 5, 0, 5]}, "the box has no area: 0 x 5 px"),
        ({"bbox": [5, 5, -3, 5]}, "the box has no area: -3 x 5 px"),
        ({"bbox": [5, 5, math.nan, 5]}, "finite number"),
        ({"bbox": [5, 5, 5]}, "bbox"),
        ({"segmentation": [[0, 0, 50, 0, 50, 9]]}, "50.0 px lies outside the picture"),
        ({"segmentation": [[0, 0, 9, 0]]}, "has 2 points; it needs at least 3"),
        ({"segmentation": [[0, 0, 9, 0, 9]]}, "odd number of coordinates"),
        ({"segmentation": [[0, 0, 9, 0, 5, 0]]}, "the outline has no area"),
        ({"segmentation": [[0, 0, math.inf, 0, 9, 9]]}, "finite number"),
        ({"segmentation": {"size": [20, 30], "counts": [0, 600]}}, "30 x 20 px, the picture 40"),
        ({"segmentation": {"size": [20, 40], "counts": [0, 600]}}, "600 pixels, the mask 40 x 20"),
        ({"segmentation": {"size": [20, 40], "counts": [-4, 804]}}, "at least 0"),
        ({"segmentation": {"size": [20, 40], "counts": "53"}}, "does not fill its 40 x 20"),
        ({"segmentation": {"size": [20, 40], "counts": "ü"}}, "counts"),
        ({"segmentation": {"size": [20, 40], "counts": [800]}}, "marks no pixel"),
        ({"image_id": 9}, "there is no image with id 9"),
        ({"category_id": 9}, "there is no category with id 9"),
    ],
)
def test_a_broken_coco_annotation_is_named(
    tmp_path: Path, annotation: dict[str, Any], reason: str
) -> None:
    labels = coco(tmp_path / "data", [BOX, {**BOX, **annotation}])
    said = refused(tmp_path, "coco", labels)
    assert "labels.json, annotations[1]" in said
    assert reason in said
    assert "1 problem; nothing was written" in said


def test_a_box_that_leaves_the_picture_by_a_pixel_is_clipped(tmp_path: Path) -> None:
    labels = coco(tmp_path / "data", [{**BOX, "bbox": [-1, 0, 42, 20]}])
    assert import_(tmp_path, "coco", labels).exit_code == 0
    box = rows(tmp_path)[0].regions[0].box
    assert box is not None
    assert (box.x_min, box.x_max) == (0, 1)


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ({"file_name": "gone.png"}, "there is no such picture"),
        ({"file_name": "../a.png"}, "leads out of the folder ('..')"),
        ({"file_name": "/etc/passwd"}, "is an absolute path"),
        ({"file_name": "C:\\a.png"}, "is an absolute path"),
        ({"file_name": ""}, "the file name is empty"),
        ({"file_name": "link.png"}, "leads out of"),
        ({"file_name": "note.png"}, "not a usable picture"),
        ({"file_name": "half.png"}, "not a usable picture"),
        ({"width": 41}, "labelled as 41 x 20 px, but it has 40 x 20"),
        ({"height": 0}, "height"),
        ({"item_id": 5}, "item_id"),
        ({"split": "holdout"}, "split"),
        ({"labelled_at": "yesterday"}, "labelled_at"),
    ],
)
def test_a_broken_coco_image_is_named(tmp_path: Path, image: dict[str, Any], reason: str) -> None:
    data = tmp_path / "data"
    picture(tmp_path / "secret.png")
    data.mkdir()
    (data / "link.png").symlink_to(tmp_path / "secret.png")
    (data / "note.png").write_text("no picture")
    good = {"id": 1, "file_name": "a.png", "width": WIDTH, "height": HEIGHT}
    picture(data / "b.png", 1)
    broken = {**good, "id": 2, "file_name": "b.png", **image}
    labels = coco(data, [{**BOX, "image_id": 2}, BOX], [good, broken])
    (data / "half.png").write_bytes((data / "a.png").read_bytes()[:200])
    assert reason in refused(tmp_path, "coco", labels)


@pytest.mark.parametrize("second", [{"id": 1}, {"id": 2}])
def test_ids_and_files_may_not_repeat(tmp_path: Path, second: dict[str, Any]) -> None:
    image = {"id": 1, "file_name": "a.png", "width": WIDTH, "height": HEIGHT}
    labels = coco(tmp_path / "data", [BOX, {**BOX, "image_id": 2}], [image, {**image, **second}])
    said = refused(tmp_path, "coco", labels)
    assert "another image has the id 1" in said or "listed twice, first in image id 1" in said


@pytest.mark.parametrize("text", ["", "[1]", "{}", '{"images": 3}'])
def test_a_file_that_is_no_coco_json_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "labels.json").write_text(text)
    assert "labels.json" in refused(tmp_path, "coco", tmp_path / "labels.json")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("0 0.9 0.5 0.5 0.5", "46.0 px lies outside"),
        ("0 0.5 0.5 0 0.5", "has no area"),
        ("0 0.5 nan 0.5 0.5", "not finite"),
        ("0 0.5 0.5 0.5", "3 numbers after the class"),
        ("0 0.5 0.5 0.5 0.5 0.9", "5 numbers after the class"),
        ("7 0.5 0.5 0.5 0.5", "class 7 has no name"),
        ("dent 0.5 0.5 0.5 0.5", "not numbers"),
    ],
)
def test_a_broken_yolo_line_is_named(tmp_path: Path, line: str, reason: str) -> None:
    data = tmp_path / "data"
    picture(data / "images" / "a.png")
    (data / "labels").mkdir()
    (data / "labels" / "a.txt").write_text(f"0 0.5 0.5 0.5 0.5\n{line}\n")
    (data / "data.yaml").write_text("names: [dented]\n")
    said = refused(tmp_path, "yolo", data)
    assert "labels/a.txt, line 2" in said
    assert reason in said


def test_yolo_labels_without_a_picture_and_folders_outside_are_refused(tmp_path: Path) -> None:
    data = tmp_path / "data"
    picture(data / "images" / "a.png")
    (data / "labels").mkdir()
    (data / "labels" / "b.txt").write_text("0 0.5 0.5 0.5 0.5\n")
    (data / "data.yaml").write_text("names: [dented]\n")
    assert "labels/b.txt: there is no picture of this name" in refused(tmp_path, "yolo", data)
    picture(tmp_path / "elsewhere" / "images" / "a.png")
    (data / "data.yaml").write_text("train: ../elsewhere/images\nnames: [dented]\n")
    assert "folders outside it are not read" in refused(tmp_path, "yolo", data)


def test_yolo_labels_of_two_pictures_of_one_name_are_refused(tmp_path: Path) -> None:
    data = tmp_path / "data"
    picture(data / "images" / "a.png", 1)
    picture(data / "images" / "a.jpg", 2)
    (data / "labels").mkdir()
    (data / "labels" / "a.txt").write_text("0 0.5 0.5 0.5 0.5\n")
    (data / "classes.txt").write_text("dented\n")
    assert "2 pictures are called a" in refused(tmp_path, "yolo", data)


def _studio(**value: Any) -> dict[str, Any]:
    kind = value.pop("kind", "rectanglelabels")
    box = {"x": 10, "y": 10, "width": 10, "height": 10, "rotation": 0}
    return {"type": kind, "value": {**box, kind: ["dented"], **value}}


@pytest.mark.parametrize(
    ("done", "reason"),
    [
        (task([_studio(x=95)]), "42.0 px lies outside"),
        (task([_studio(width=0)]), "the rectangle has no area"),
        (task([_studio(kind="ellipselabels")]), "places of the type 'ellipselabels' are not read"),
        (task([_studio(kind="brushlabels", rle=[0, 0, 1])]), "ends too early"),
        (task([_studio(kind="brushlabels", rle=[0, 0, 1, 0, 9])]), "has 256 values"),
        (task([_studio(kind="brushlabels", rle=[900])]), "not a list of bytes"),
        (task([_studio() | {"image_rotation": 90}]), "turned while it was labelled"),
        (task([_studio() | {"original_width": 41}]), "labelled as 41 x 20 px"),
        (task([_studio()], "../a.png"), "leads out of the folder"),
        (task([_studio()], "/data/local-files/?d=../a.png"), "leads out of the folder"),
        (task([_studio()], "https://example.org/b.png"), "there is no such picture"),
        ({"id": 7, "image": "a.png", "choice": "dented"}, "not JSON-MIN"),
        (task([_studio()]) | {"annotations": [{"result": []}] * 2}, "2 annotations"),
    ],
)
def test_a_broken_task_is_named(tmp_path: Path, done: dict[str, Any], reason: str) -> None:
    picture(tmp_path / "data" / "a.png")
    export = write_json(tmp_path / "data" / "export.json", [done])
    said = refused(tmp_path, "label-studio", export)
    assert "export.json, task" in said
    assert reason in said


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ("file,label\na.png,fine\na.png,dented\n", "line 3, a.png: listed twice, first in line 2"),
        ("file,label\na.png\n", "line 2: the row has not as many fields as the header"),
        ("file,label\na.png,fine,3\n", "line 2: the row has not as many fields"),
        ("file,label\n../a.png,fine\n", "leads out of the folder"),
        ("file,label\nb.png,fine\n", "line 2, b.png: there is no such picture"),
        ("file,label,view\na.png,fine,-1\n", "view"),
        ("name,label\na.png,fine\n", "--column file=ITS-NAME"),
        ("file,label,label\na.png,fine,fine\n", "two columns of the same name"),
        ("", "is empty"),
        ('file,"label\na.png,fine\n', "t.csv, line"),
    ],
)
def test_a_broken_table_is_named(tmp_path: Path, table: str, reason: str) -> None:
    picture(tmp_path / "data" / "a.png")
    (tmp_path / "data" / "t.csv").write_text(table)
    assert reason in refused(tmp_path, "csv", tmp_path / "data" / "t.csv")


def _no_mask(data: Path) -> None:
    (data / "ground_truth" / "dented" / "0_mask.png").unlink()


def _other_size(data: Path) -> None:
    mask(data / "ground_truth" / "dented" / "0_mask.png", (20, 20))


def _empty(data: Path) -> None:
    mask(data / "ground_truth" / "dented" / "0_mask.png", empty=True)


def _no_picture(data: Path) -> None:
    mask(data / "ground_truth" / "dented" / "1_mask.png")


def _no_image(data: Path) -> None:
    (data / "ground_truth" / "dented" / "0_mask.png").write_text("x")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_no_mask, "its mask 0_mask.png is not in ground_truth/dented"),
        (_other_size, "0_mask.png has 20 x 20 px, the picture 40 x 20"),
        (_empty, "0_mask.png marks no pixel"),
        (_no_picture, "ground_truth/dented/1_mask.png: no picture belongs to this mask"),
        (_no_image, "0_mask.png: not a readable mask"),
    ],
)
def test_masks_must_fit_their_pictures(
    tmp_path: Path, spoil: Callable[[Path], None], reason: str
) -> None:
    data = tmp_path / "data"
    picture(data / "test" / "dented" / "0.png")
    mask(data / "ground_truth" / "dented" / "0_mask.png")
    spoil(data)
    assert reason in refused(tmp_path, "mvtec", data)


def test_solar_cells_outside_the_four_steps_are_refused(tmp_path: Path) -> None:
    picture(tmp_path / "data" / "a.png")
    (tmp_path / "data" / "labels.csv").write_text("a.png 0.5 mono\n")
    rubric(tmp_path, '[elpv]\ncategory="c"\nlicence="l"\nlabelled_by="b"\n[elpv.labels]\n')
    said = refused(tmp_path, "elpv", tmp_path / "data", "--source", "elpv")
    assert "labels.csv, line 1: needs a file, a probability of 0, 1/3, 2/3 or 1" in said


def test_a_missing_package_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elpv, "find_spec", lambda _: None)
    with pytest.raises(SourceError, match="pip install elpv-dataset"):
        elpv.package_folder()
