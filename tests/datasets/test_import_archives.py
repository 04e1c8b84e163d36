"""Archives are unpacked only where every entry stays below its folder and within the limits."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path

import pytest

from datasets.importers.archives import ArchiveLimits, unpacked
from datasets.importers.sightings import RefusedError, SourceError
from tests.datasets.import_factories import coco, imported, picture, refused


def _zip(path: Path, folder: Path, prefix: str = "") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, prefix + file.relative_to(folder).as_posix())
    return path


@pytest.mark.parametrize("prefix", ["", "export/"])
def test_an_archives_pictures_are_copied_beside_the_manifest(tmp_path: Path, prefix: str) -> None:
    picture(tmp_path / "data" / "dented" / "a.png", 1)
    picture(tmp_path / "data" / "fine" / "b.png", 2)
    archive = _zip(tmp_path / "data.zip", tmp_path / "data", prefix)
    rows = imported(tmp_path, "folders", archive)
    assert [row.picture for row in rows] == [
        "pictures/mini/dented/a.png",
        "pictures/mini/fine/b.png",
    ]
    for row in rows:
        copied = (tmp_path / "out" / row.picture).read_bytes()
        original = tmp_path / "data" / row.picture.removeprefix("pictures/mini/")
        assert copied == original.read_bytes()
    assert len(imported(tmp_path, "folders", archive)) == 2


def test_a_coco_file_may_come_in_an_archive(tmp_path: Path) -> None:
    coco(tmp_path / "data", [{"image_id": 1, "category_id": 1, "bbox": [1, 1, 9, 9]}])
    (row,) = imported(tmp_path, "coco", _zip(tmp_path / "data.zip", tmp_path / "data"))
    assert row.picture == "pictures/mini/a.png"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../a.png", "leads out of the folder"),
        ("fine/../../a.png", "leads out of the folder"),
        ("fine\\..\\..\\a.png", "leads out of the folder"),
        ("/a.png", "is an absolute path"),
        ("C:/a.png", "is an absolute path"),
    ],
)
def test_names_that_lead_out_are_refused(tmp_path: Path, name: str, reason: str) -> None:
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        archive.writestr("fine/b.png", picture(tmp_path / "b.png").read_bytes())
        archive.writestr(name, b"x")
    said = refused(tmp_path, "folders", tmp_path / "data.zip")
    assert "data.zip, entry 2" in said
    assert reason in said


def test_links_and_doubles_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        link = zipfile.ZipInfo("fine/link.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("fine/a.png", b"1")
        archive.writestr("fine/A.png", b"2")
    with pytest.raises(RefusedError) as refusal, unpacked(tmp_path / "data.zip"):
        pass
    reasons = [problem.reason for problem in refusal.value.problems]
    assert reasons == ["'fine/link.png' is a symbolic link", "'fine/A.png' is there twice"]


@pytest.mark.parametrize(
    "limits",
    [ArchiveLimits(max_entries=1), ArchiveLimits(max_bytes=99_999), ArchiveLimits(max_ratio=10)],
)
def test_archives_over_the_limits_are_refused(tmp_path: Path, limits: ArchiveLimits) -> None:
    path = tmp_path / "data.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", bytes(50_000))
        archive.writestr("b.png", bytes(50_000))
    with pytest.raises(SourceError, match=r"data\.zip"), unpacked(path, limits):
        pass
    with unpacked(path) as folder:
        assert sorted(file.name for file in folder.iterdir()) == ["a.png", "b.png"]
    assert not folder.exists()


def test_what_is_no_archive_is_said(tmp_path: Path) -> None:
    (tmp_path / "data.zip").write_text("no archive")
    assert "not a readable ZIP archive" in refused(tmp_path, "folders", tmp_path / "data.zip")
