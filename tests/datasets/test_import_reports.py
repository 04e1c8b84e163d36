"""What an import says of all that it could not take, and what it leaves unwritten."""

from __future__ import annotations

import csv
import importlib.util
from pathlib import Path

import pytest
from PIL import Image

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
)


def test_unknown_labels_are_told_once_each_with_count_and_example(tmp_path: Path) -> None:
    for n in range(30):
        picture(tmp_path / "data" / "dusty" / f"{n:02}.png", n)
    said = refused(tmp_path, "folders", tmp_path / "data")
    assert said.count("'dusty'") == 1
    assert "[mini] has no label 'dusty' (rows with it: 30, e.g. dusty/00.png)" in said


def test_twenty_problems_are_shown_and_the_rest_counted(tmp_path: Path) -> None:
    lines = "".join(f"{n}.png,fine\n" for n in range(25))
    (tmp_path / "t.csv").write_text(f"file,label\n{lines}")
    said = refused(tmp_path, "csv", tmp_path / "t.csv")
    assert said.count("there is no such picture") == 20
    assert "... and 5 more" in said
    assert "25 problems" in said


def test_broken_rows_can_be_left_out_and_are_reported(tmp_path: Path) -> None:
    data = tmp_path / "data"
    picture(data / "fine" / "a.png")
    picture(data / "dusty" / "b.png")
    Image.new("L", (WIDTH, HEIGHT)).save(data / "fine" / "c.bmp")
    result = import_(tmp_path, "folders", data, "--skip-broken")
    assert result.exit_code == 0, result.output
    assert [row.picture for row in rows(tmp_path)] == ["fine/a.png"]
    with (tmp_path / "out" / "manifest.broken.csv").open() as file:
        report = [(row["file"], row["reason"]) for row in csv.DictReader(file)]
    assert report == [
        ("dusty/b.png", "the rubric has no label 'dusty'"),
        ("fine/c.bmp", ".bmp is not read; convert it to JPEG, PNG or WebP"),
    ]


def test_one_picture_with_two_labels_is_left_out_under_both(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for place in ("fine/a.png", "dented/b.png", "fine/c.png"):
        picture(data / place, 1)
    picture(data / "fine" / "d.png", 2)
    said = refused(tmp_path, "folders", data)
    assert "dented/b.png: labelled toy, lightly used to repairable, with dent; the same" in said
    assert "fine/a.png: labelled toy, new; the same picture" in said
    assert import_(tmp_path, "folders", data, "--skip-broken").exit_code == 0
    assert [row.picture for row in rows(tmp_path)] == ["fine/d.png"]


def test_a_picture_listed_twice_is_left_out_altogether(tmp_path: Path) -> None:
    """Which of the two listings holds is not known."""
    for n, name in enumerate("ab"):
        picture(tmp_path / f"{name}.png", n)
    (tmp_path / "t.csv").write_text("file,label\na.png,fine\na.png,dented\nb.png,fine\n")
    assert import_(tmp_path, "csv", tmp_path / "t.csv", "--skip-broken").exit_code == 0
    assert [row.picture for row in rows(tmp_path)] == ["b.png"]


def test_annotations_of_a_doubled_image_id_are_given_to_neither(tmp_path: Path) -> None:
    data = tmp_path / "data"
    good = {"id": 1, "file_name": "a.png", "width": WIDTH, "height": HEIGHT}
    for n, name in enumerate("bc", start=1):
        picture(data / f"{name}.png", n)
    images = [good, {**good, "file_name": "b.png"}, {**good, "id": 2, "file_name": "c.png"}]
    labels = coco(data, [BOX, {**BOX, "image_id": 2}], images)
    assert import_(tmp_path, "coco", labels, "--skip-broken").exit_code == 0
    assert [row.picture for row in rows(tmp_path)] == ["c.png"]


def test_a_mask_whose_name_two_pictures_have_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "data"
    picture(data / "dented" / "a.png", 1)
    picture(data / "holed" / "a.png", 2)
    mask(data / "masks" / "a.png")
    said = refused(tmp_path, "folders", data, "--masks", "masks")
    assert "dented/a.png: 2 pictures are called a, so whose labels these are" in said


def test_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    picture(data / "fine" / "a.png")
    (data / "fine" / "round").symlink_to(data / "fine")
    assert "fine/round: links to folders are not followed" in refused(tmp_path, "folders", data)


def test_a_report_of_an_import_before_goes_with_the_next(tmp_path: Path) -> None:
    data = tmp_path / "data"
    picture(data / "fine" / "a.png")
    picture(data / "dusty" / "b.png")
    import_(tmp_path, "folders", data, "--skip-broken")
    (data / "dusty" / "b.png").unlink()
    import_(tmp_path, "folders", data, "--skip-broken")
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["manifest.jsonl"]


def test_nothing_is_written_where_all_rows_are_broken(tmp_path: Path) -> None:
    picture(tmp_path / "data" / "dusty" / "b.png")
    refused(tmp_path, "folders", tmp_path / "data", "--skip-broken")


@pytest.mark.parametrize(
    ("form", "more", "reason"),
    [
        ("tar", [], "there is no format 'tar'"),
        ("coco", ["--label", "x"], "the format coco has no --label"),
        ("folders", ["--column", "file=x"], "the format folders has no --column"),
        ("csv", ["--column", "file"], "is not OURS=ITS-NAME"),
        ("folders", ["--root", "elsewhere"], "do not lie below --root"),
        ("folders", ["--source", "other"], "no source 'other'"),
        ("folders", ["--labels", "other"], "no source 'other'"),
        ("folders", ["--source", "../mini"], "a name has letters"),
        ("photographs", [], "leave out --source"),
        ("folders", ["--copy", "--root", "elsewhere"], "leave out --root"),
    ],
)
def test_requests_that_make_no_sense_are_one_line(
    tmp_path: Path, form: str, more: list[str], reason: str
) -> None:
    picture(tmp_path / "data" / "fine" / "a.png")
    said = refused(tmp_path, form, tmp_path / "data", *more)
    assert reason in said
    assert len(said.strip().splitlines()) == 1


def test_an_input_that_is_not_there_or_empty_is_named(tmp_path: Path) -> None:
    assert "there is no such file or folder" in refused(tmp_path, "coco", tmp_path / "gone.json")
    (tmp_path / "empty" / "fine").mkdir(parents=True)
    assert "no labelled picture" in refused(tmp_path, "folders", tmp_path / "empty")


def test_without_the_libraries_the_command_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "pycocotools" else find(name)
    )
    assert refused(tmp_path, "coco", tmp_path) == (
        "error: this needs pycocotools: pip install 'regrade[train]'\n"
    )
