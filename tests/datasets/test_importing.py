"""Importing a miniature of every source."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from datasets.importers.places import Place
from datasets.importers.sightings import RefusedError, SourceError
from datasets.importing import Imported
from datasets.manifest import LabelledPicture, read_manifest
from datasets.rubric import Rubric
from datasets.sources import import_sources
from model.contract import DamageType, Grade, GradeInterval
from regrade.cli import app


def _picture(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def _coco(root: Path, part: str, images: list[str], annotations: list[dict[str, object]]) -> None:
    folder = root / "vehicle_damage"
    for number, name in enumerate(images):
        _picture(folder / "images" / part / name, hash_seed(part, number))
    (folder / "annotations").mkdir(exist_ok=True)
    (folder / "annotations" / f"instances_{part}.json").write_text(
        json.dumps(
            {
                "categories": [{"id": 1, "name": "minor-dent"}, {"id": 6, "name": "severe-broken"}],
                "images": [
                    {"id": n, "file_name": name, "width": 32, "height": 24}
                    for n, name in enumerate(images)
                ],
                "annotations": annotations,
            }
        )
    )


def hash_seed(part: str, number: int) -> int:
    return 1_000 + 10 * len(part) + number


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    square = [0, 0, 16, 0, 16, 12, 0, 12]
    _coco(
        root,
        "train",
        ["a.jpg", "b.jpg"],
        [{"image_id": 0, "category_id": 1, "segmentation": [square]}],
    )
    _coco(root, "val", ["c.jpg"], [{"image_id": 0, "category_id": 6, "segmentation": [square]}])
    for n, (part, label) in enumerate([("train", "minor"), ("val", "severe")]):
        _picture(root / "vehicle_severity" / part / label / "p.jpg", n)
    for n, name in enumerate(["x", "y"]):
        _picture(root / "parcels" / "damaged" / f"{name}.jpg", 10 + n)
    (root / "parcels" / "labels.csv").write_text(
        "file,label,near_duplicate_group\ndamaged/x.jpg,damaged,7\ndamaged/y.jpg,damaged,7\n"
    )
    _picture(root / "toys" / "missing_part" / "t.jpg", 20)
    _picture(root / "cookies" / "cracked" / "k.jpg", 21)
    _picture(root / "cookies" / "normal" / "n.jpg", 22)
    _picture(root / "cookies" / "masks" / "k.png", 23)
    _picture(root / "clean_items" / "packages" / "p.jpg", 24)
    _picture(root / "clean_items" / "clothing" / "hat" / "h.jpg", 25)
    return root


def _import(root: Path) -> Imported:
    return import_sources(Place(root, root), Rubric.load())


def _of(imported: Imported, source: str) -> list[LabelledPicture]:
    return [row for row in imported.rows if row.source == source]


def test_every_source_gives_rows_whose_pictures_exist(root: Path) -> None:
    imported = _import(root)
    assert len(imported.rows) == 11
    assert imported.missing_sources == []
    assert all((root / row.picture).is_file() for row in imported.rows)


def test_polygons_become_regions_in_fractions(root: Path) -> None:
    train, val = _of(_import(root), "vehicle_damage")
    (region,) = train.regions
    assert region.type is DamageType.DENT
    assert region.polygon is not None
    assert list(region.polygon) == [(0, 0), (0.5, 0), (0.5, 0.5), (0, 0.5)]
    assert train.regions_complete
    assert val.grade == GradeInterval(best=Grade.REPAIRABLE, worst=Grade.SALVAGE)


def test_a_sources_own_val_is_kept_and_its_train_never_becomes_test(root: Path) -> None:
    imported = _import(root)
    for source in ("vehicle_damage", "vehicle_severity"):
        train, val = _of(imported, source)
        assert train.split in {"train", "calibration"}
        assert val.split == "val"


def test_pictures_without_a_label_are_left_out_and_counted(root: Path) -> None:
    assert _import(root).left_out == {
        "vehicle_damage: no label": ["vehicle_damage/images/train/b.jpg"]
    }


def test_near_duplicates_share_a_group_and_a_split(root: Path) -> None:
    one, other = _of(_import(root), "parcels")
    assert one.group == other.group
    assert one.split == other.split


def test_identical_pictures_share_a_group(root: Path) -> None:
    toys = root / "toys" / "missing_part"
    (toys / "copy.jpg").write_bytes((toys / "t.jpg").read_bytes())
    one, other = _of(_import(root), "toys")
    assert one.group == other.group


def test_a_masks_path_is_relative_to_the_root(root: Path) -> None:
    cracked, normal = _of(_import(root), "cookies")
    assert [region.mask for region in cracked.regions] == ["cookies/masks/k.png"]
    assert normal.regions == ()
    assert set(normal.absent) == set(DamageType)


def test_a_second_import_gives_the_same_rows(root: Path) -> None:
    assert _import(root).rows == _import(root).rows


def test_a_missing_source_is_reported_and_a_missing_root_refused(
    tmp_path: Path, root: Path
) -> None:
    (root / "toys" / "missing_part" / "t.jpg").unlink()
    (root / "toys" / "missing_part").rmdir()
    (root / "toys").rmdir()
    assert _import(root).missing_sources == ["toys"]
    with pytest.raises(SourceError, match="is not a folder; give --from"):
        _import(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="nothing was imported"):
        _import(tmp_path / "empty")


def test_a_mask_of_another_size_refuses_the_import(root: Path) -> None:
    Image.new("L", (16, 24), 255).save(root / "cookies" / "masks" / "k.png")
    imported = _import(root)
    with pytest.raises(RefusedError, match=r"cracked/k\.jpg.*16 x 24 px, the picture 32 x 24"):
        imported.require_whole()


def test_the_command_writes_a_manifest(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "runs" / "manifest.jsonl"
    result = CliRunner().invoke(app, ["data", "import", "--from", str(root), "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert len(read_manifest(out)) == 11
    assert "left out: 1 of vehicle_damage: no label" in result.stderr


def test_the_command_says_in_one_line_that_the_folder_is_missing(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["data", "import", "--from", str(tmp_path / "nowhere")])
    assert result.exit_code == 2
    assert len(result.stderr.strip().splitlines()) == 1
