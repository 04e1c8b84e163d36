"""Each format's labels and places arrive as the manifest means them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from datasets import brush
from datasets.manifest import LabelledPicture
from datasets.masks import decode, encode
from model.contract import Box, DamageType, Grade, GradeInterval
from tests.datasets.import_factories import (
    HEIGHT,
    WIDTH,
    coco,
    imported,
    mask,
    picture,
    task,
    write_json,
)

LEFT_HALF = np.zeros((HEIGHT, WIDTH), np.bool_)
LEFT_HALF[:, : WIDTH // 2] = True


def _by_name(rows: list[LabelledPicture]) -> dict[str, LabelledPicture]:
    return {Path(row.picture).name: row for row in rows}


def test_a_folder_names_the_label_of_its_pictures(tmp_path: Path) -> None:
    data = tmp_path / "data"
    picture(data / "dented" / "a.png", 1)
    picture(data / "fine" / "deeper" / "b.png", 2)
    rows = _by_name(imported(tmp_path, "folders", data))
    assert rows["a.png"].picture == "dented/a.png"
    assert rows["a.png"].grade == GradeInterval(best=Grade.LIGHTLY_USED, worst=Grade.REPAIRABLE)
    assert rows["a.png"].present == (DamageType.DENT,)
    assert rows["a.png"].absent == ()
    assert rows["b.png"].grade == GradeInterval.exactly(Grade.NEW)
    assert (rows["a.png"].width, rows["a.png"].height) == (WIDTH, HEIGHT)
    assert rows["a.png"].split is None


def test_folders_of_splits_are_kept_but_for_what_calibration_takes_of_train(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for n in range(20):
        picture(data / "train" / "fine" / f"{n}.png", n)
    picture(data / "valid" / "dented" / "v.png", 100)
    rows = imported(tmp_path, "folders", data)
    assert {row.split for row in rows if "train" in row.picture} == {"train", "calibration"}
    assert [row.split for row in rows if "valid" in row.picture] == ["val"]


def test_a_masks_folder_marks_the_pictures_of_the_same_name(tmp_path: Path) -> None:
    data = tmp_path / "data"
    picture(data / "dented" / "a.png")
    mask(data / "masks" / "a.png")
    (row,) = imported(tmp_path, "folders", data, "--masks", "masks")
    assert [region.mask for region in row.regions] == ["masks/a.png"]


def test_one_label_may_hold_for_all_pictures(tmp_path: Path) -> None:
    data = tmp_path / "data"
    picture(data / "2024" / "may" / "a.png", 1)
    picture(data / "b.png", 2)
    rows = imported(tmp_path, "folders", data, "--label", "fine")
    assert [row.picture for row in rows] == ["2024/may/a.png", "b.png"]


def test_a_table_names_labels_items_views_and_people(tmp_path: Path) -> None:
    picture(tmp_path / "data" / "a.png", 1)
    picture(tmp_path / "data" / "b.png", 2)
    (tmp_path / "data" / "t.csv").write_text(
        "file,condition,item_id,view,labelled_by,labelled_at,split,shelf\n"
        "a.png,dented;logo,R-1,0,Anna,2026-01-02T03:04:05Z,test,9\n"
        "b.png,fine,R-1,1,,,,9\n"
    )
    a, b = imported(tmp_path, "csv", tmp_path / "data", "--column", "label=condition")
    assert (a.item_id, a.view, a.labelled_by, a.split) == ("R-1", 0, "Anna", "test")
    assert a.labelled_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert (b.view, b.labelled_by, b.labelled_at, b.split) == (1, "a friend", None, None)
    assert a.group == b.group == "mini:R-1"


def test_a_table_from_windows_and_with_lines_within_fields(tmp_path: Path) -> None:
    picture(tmp_path / "data" / "front" / "größe a.png")
    (tmp_path / "data" / "t.csv").write_text(
        'file,label,labelled_by\r\nfront\\größe a.png,fine,"Anna\r\nof the desk"\r\n', newline=""
    )
    (row,) = imported(tmp_path, "csv", tmp_path / "data")
    assert row.picture == "front/größe a.png"
    assert row.labelled_by == "Anna\r\nof the desk"


def test_coco_boxes_polygons_and_both_kinds_of_rle(tmp_path: Path) -> None:
    runs = coco_mask.encode(np.asfortranarray(LEFT_HALF, np.uint8))
    half = WIDTH * HEIGHT // 2
    labels = coco(
        tmp_path / "data",
        [
            {"image_id": 1, "category_id": 1, "bbox": [10, 5, 20, 10], "segmentation": []},
            {"image_id": 1, "category_id": 1, "segmentation": [[0, 0, 20, 0, 20, 10]]},
            {
                "image_id": 1,
                "category_id": 2,
                "segmentation": {"size": [HEIGHT, WIDTH], "counts": runs["counts"].decode()},
            },
            {
                "image_id": 1,
                "category_id": 2,
                "segmentation": {"size": [HEIGHT, WIDTH], "counts": [0, half, half]},
            },
        ],
    )
    (row,) = imported(tmp_path, "coco", labels)
    box, polygon, compressed, uncompressed = row.regions
    assert box.box == Box(x_min=0.25, y_min=0.25, x_max=0.75, y_max=0.75)
    assert list(polygon.polygon or ()) == [(0, 0), (0.5, 0), (0.5, 0.5)]
    for region in (compressed, uncompressed):
        assert region.rle is not None
        np.testing.assert_array_equal(decode(region.rle), LEFT_HALF)
        assert (region.type, region.severity) == (DamageType.PUNCTURE, 0.5)
    assert row.grade == GradeInterval.exactly(Grade.REPAIRABLE)


def test_what_is_outside_regions_is_unknown_unless_the_rubric_says_otherwise(
    tmp_path: Path,
) -> None:
    labels = coco(tmp_path / "data", [{"image_id": 1, "category_id": 1, "bbox": [1, 1, 9, 9]}])
    (row,) = imported(tmp_path, "coco", labels)
    assert row.regions_complete is False


@pytest.mark.parametrize("names", ["names: [dented, holed]\n", "names: {0: dented, 1: holed}\n"])
def test_yolo_boxes_and_outlines(tmp_path: Path, names: str) -> None:
    data = tmp_path / "data"
    for n, name in enumerate(["a", "b"]):
        picture(data / "train" / "images" / f"{name}.png", n)
    (data / "train" / "labels").mkdir()
    (data / "train" / "labels" / "a.txt").write_text("0 0.5 0.5 0.5 0.5\n1 0 0 1 0 1 1\n")
    # As Roboflow writes it, although the folder lies beside the file.
    (data / "data.yaml").write_text(f"train: ../train/images\n{names}")
    (row,) = imported(tmp_path, "yolo", data)
    box, outline = row.regions
    assert box.box == Box(x_min=0.25, y_min=0.25, x_max=0.75, y_max=0.75)
    assert (outline.type, outline.polygon) == (DamageType.PUNCTURE, ((0, 0), (1, 0), (1, 1)))


def test_yolo_with_classes_txt_beside_images_and_labels(tmp_path: Path) -> None:
    data = tmp_path / "data"
    picture(data / "images" / "a.png")
    (data / "labels").mkdir()
    (data / "labels" / "a.txt").write_text("1 0.5 0.5 1 1\n")
    (data / "classes.txt").write_text("dented\nholed\n")
    (row,) = imported(tmp_path, "yolo", data)
    assert row.present == (DamageType.PUNCTURE,)


def test_label_studio_choices_rectangles_polygons_and_brush(tmp_path: Path) -> None:
    data = tmp_path / "data"
    picture(data / "a.png")
    rectangle = {"x": 25, "y": 25, "width": 50, "height": 50, "rotation": 0}
    result = [
        {"type": "choices", "value": {"choices": ["logo"]}},
        {"type": "rectanglelabels", "value": {**rectangle, "rectanglelabels": ["dented"]}},
        {
            "type": "polygonlabels",
            "value": {"points": [[0, 0], [50, 0], [50, 50]], "polygonlabels": ["dented"]},
        },
        {
            "type": "brushlabels",
            "value": {"format": "rle", "rle": brush.encode(LEFT_HALF), "brushlabels": ["holed"]},
        },
    ]
    done = task(result, "/data/upload/3/0123abcd-a.png")
    done["annotations"][0] |= {
        "completed_by": {"email": "anna@example.org"},
        "updated_at": "2026-01-02T03:04:05.000006Z",
    }
    write_json(data / "export.json", [done])
    (row,) = imported(tmp_path, "label-studio", data)
    box, polygon, painted = row.regions
    assert box.box == Box(x_min=0.25, y_min=0.25, x_max=0.75, y_max=0.75)
    assert list(polygon.polygon or ()) == [(0, 0), (0.5, 0), (0.5, 0.5)]
    assert painted.rle == encode(LEFT_HALF)
    assert row.labelled_by == "anna@example.org"
    assert row.labelled_at == datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)


def test_a_turned_rectangle_becomes_the_box_around_it(tmp_path: Path) -> None:
    data = tmp_path / "data"
    picture(data / "a.png")
    # Turned by a right angle around its top left corner: 8 px wide, 4 px high -> 4 px, 8 px.
    turned = {"x": 50, "y": 20, "width": 20, "height": 20, "rotation": 90}
    write_json(
        data / "export.json",
        [task([{"type": "rectanglelabels", "value": {**turned, "rectanglelabels": ["dented"]}}])],
    )
    (row,) = imported(tmp_path, "label-studio", data)
    assert row.regions[0].box is not None
    sides = row.regions[0].box.model_dump()
    assert sides == pytest.approx({"x_min": 0.4, "y_min": 0.2, "x_max": 0.5, "y_max": 0.6})


def test_mvtec_masks_belong_to_defects_and_its_train_is_no_split(tmp_path: Path) -> None:
    data = tmp_path / "data"
    picture(data / "bottle" / "train" / "good" / "000.png", 1)
    picture(data / "bottle" / "test" / "dented" / "000.png", 2)
    mask(data / "bottle" / "ground_truth" / "dented" / "000_mask.png")
    (tmp_path / "rubric.toml").write_text(
        '[mini]\ncategory = "toy"\nlicence = "CC0"\nlabelled_by = "us"\nregions_complete = true\n'
        '[mini.labels]\ngood = { grade = "new" }\ndented = { present = ["dent"] }\n'
    )
    good, dented = imported(tmp_path, "mvtec", data)
    assert good.grade == GradeInterval.exactly(Grade.NEW)
    assert [r.mask for r in dented.regions] == ["bottle/ground_truth/dented/000_mask.png"]
    assert dented.regions_complete
    assert dented.grade is None
    assert {good.category, dented.category} == {"bottle"}
    assert {good.split, dented.split} == {None}


def test_solar_cells_have_four_grades_and_a_kind(tmp_path: Path) -> None:
    data = tmp_path / "data"
    lines = []
    for n, probability in enumerate(("0.0", "0.3333333333333333", "0.6666666666666666", "1.0")):
        picture(data / "images" / f"cell{n}.png", n)
        lines.append(f"images/cell{n}.png  {probability}   {'mono' if n % 2 else 'poly'}\n")
    (data / "labels.csv").write_text("".join(lines))
    shipped = Path(__file__).parents[2] / "datasets" / "rubric.toml"
    (tmp_path / "rubric.toml").write_text(shipped.read_text())
    rows = imported(tmp_path, "elpv", data, "--source", "elpv")
    assert [row.grade.exact for row in rows if row.grade] == [*Grade]
    assert rows[1].category == "solar_cell_mono"
    assert rows[0].absent == tuple(DamageType)
    assert rows[1].present == rows[1].absent == ()
    assert rows[3].present == (DamageType.BROKEN,)
    assert DamageType.CRACK not in rows[3].absent
    assert all((tmp_path / "out" / row.picture).is_file() for row in rows)
