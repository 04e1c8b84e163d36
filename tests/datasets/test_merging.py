"""Importing again adds nothing; a label that changed is a conflict until it is asked for."""

from __future__ import annotations

from pathlib import Path

from datasets.manifest import read_manifest, write_manifest
from model.contract import Grade, GradeInterval
from tests.datasets.import_factories import import_, imported, mask, picture, rows


def _labelled(data: Path, label: str, seed: int) -> None:
    picture(data / label / f"{seed}.png", seed)


def test_a_repeat_adds_nothing_and_new_pictures_are_added(tmp_path: Path) -> None:
    data = tmp_path / "data"
    _labelled(data, "fine", 1)
    first = imported(tmp_path, "folders", data)
    assert imported(tmp_path, "folders", data) == first
    _labelled(data, "fine", 2)
    result = import_(tmp_path, "folders", data)
    assert "1 new, 1 there already, 0 replaced: 2 pictures" in result.stdout


def test_a_changed_label_needs_replace_and_keeps_its_split(tmp_path: Path) -> None:
    data = tmp_path / "data"
    picture(data / "a.png")
    manifest = tmp_path / "out" / "manifest.jsonl"
    (before,) = imported(tmp_path, "folders", data, "--label", "fine")
    write_manifest(manifest, [before.model_copy(update={"split": "test"})])
    result = import_(tmp_path, "folders", data, "--label", "dented")
    assert result.exit_code == 2
    assert "the manifest says toy, new; the import says toy, lightly used to repairable" in (
        result.stderr
    )
    assert read_manifest(manifest)[0].grade == GradeInterval.exactly(Grade.NEW)
    result = import_(tmp_path, "folders", data, "--label", "dented", "--replace")
    assert "0 new, 0 there already, 1 replaced: 1 picture" in result.stdout
    (after,) = rows(tmp_path)
    assert after.grade is not None
    assert after.grade.exact is None
    assert after.split == "test"


def test_another_source_of_the_same_pictures_is_no_conflict(tmp_path: Path) -> None:
    picture(tmp_path / "data" / "a.png")
    imported(tmp_path, "folders", tmp_path / "data", "--label", "fine")
    more = ["--label", "dented", "--source", "others", "--labels", "mini"]
    assert [row.source for row in imported(tmp_path, "folders", tmp_path / "data", *more)] == [
        "mini",
        "others",
    ]


def test_a_mask_that_changed_is_a_conflict(tmp_path: Path) -> None:
    data = tmp_path / "data"
    picture(data / "dented" / "a.png")
    mask(data / "masks" / "a.png")
    more = ("--masks", "masks", "--copy")
    imported(tmp_path, "folders", data, *more)
    assert "1 there already" in import_(tmp_path, "folders", data, *more).stdout
    picture(data / "masks" / "a.png", 5)
    result = import_(tmp_path, "folders", data, *more)
    assert result.exit_code == 2
    assert "1 label changed; nothing was written" in result.stderr


def test_pictures_of_two_roots_are_not_mixed_unless_copied(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    picture(one / "a.png", 1)
    picture(two / "b.png", 2)
    imported(tmp_path, "folders", one, "--label", "fine")
    result = import_(tmp_path, "folders", two, "--label", "fine")
    assert result.exit_code == 2
    assert "1 pictures that are not below" in result.stderr
    assert "--copy" in result.stderr


def test_copies_of_two_roots_share_a_manifest(tmp_path: Path) -> None:
    for n, name in enumerate(("one", "two")):
        picture(tmp_path / name / f"{name}.png", n)
        imported(tmp_path, "folders", tmp_path / name, "--label", "fine", "--copy")
    found = rows(tmp_path)
    assert len(found) == 2
    assert all((tmp_path / "out" / row.picture).is_file() for row in found)


def test_a_copy_never_overwrites_another_picture(tmp_path: Path) -> None:
    picture(tmp_path / "one" / "a.png", 1)
    picture(tmp_path / "two" / "a.png", 2)
    imported(tmp_path, "folders", tmp_path / "one", "--label", "fine", "--copy")
    result = import_(tmp_path, "folders", tmp_path / "two", "--label", "fine", "--copy")
    assert result.exit_code == 2
    assert "is there already with other bytes" in result.stderr
    assert len(rows(tmp_path)) == 1
