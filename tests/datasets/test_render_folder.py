"""Rules of the output folder: complete items, resuming, one setting per folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from datasets.manifest import read_manifest
from datasets.render import RenderError, folder
from datasets.render.exposure import Exposure
from datasets.render.sampling import sample_item
from datasets.render.spec import MAX_DAMAGES, ItemSpec
from regrade.cli import app

SETTINGS = folder.Settings(seed=3, width=64, height=48)
DAMAGED = next(item for i in range(99) if len((item := sample_item(3, i)).damages) == 1)


def _store(root: Path, item: ItemSpec = DAMAGED) -> None:
    folder.open_folder(root, SETTINGS)
    rgb = np.full((48, 64, 3), 90, np.uint8)
    coverage = np.zeros((48, 64, MAX_DAMAGES), np.float32)
    hidden = coverage.copy()
    coverage[10:20, 10:20, 0] = 1
    folder.store(root, SETTINGS, item, [Exposure(rgb, coverage), Exposure(rgb, hidden)])


def test_an_item_is_complete_once_its_rows_and_files_are_there(tmp_path: Path) -> None:
    assert not folder.is_complete(tmp_path, DAMAGED.item_id)
    _store(tmp_path)
    assert folder.is_complete(tmp_path, DAMAGED.item_id)
    next((tmp_path / "masks").iterdir()).unlink()
    assert not folder.is_complete(tmp_path, DAMAGED.item_id)


def test_rows_cut_off_in_the_middle_are_redone(tmp_path: Path) -> None:
    _store(tmp_path)
    rows = next((tmp_path / "rows").iterdir())
    rows.write_text(rows.read_text()[:-40])
    assert not folder.is_complete(tmp_path, DAMAGED.item_id)


def test_the_manifest_says_what_each_view_shows(tmp_path: Path) -> None:
    _store(tmp_path)
    shown, hidden = read_manifest(folder.join_rows(tmp_path, [DAMAGED.item_id]))
    kind = DAMAGED.damages[0].type
    assert shown.present == (kind,)
    assert [region.type for region in shown.regions] == [kind]
    assert kind in hidden.absent
    assert hidden.regions == ()
    assert shown.grade is not None
    assert hidden.grade is not None
    assert hidden.grade.worst is shown.grade.worst
    assert (shown.view, hidden.view) == (0, 1)
    assert shown.group == hidden.group
    assert shown.split == hidden.split


def test_a_folder_keeps_to_one_setting(tmp_path: Path) -> None:
    folder.open_folder(tmp_path, SETTINGS)
    folder.open_folder(tmp_path, SETTINGS)
    with pytest.raises(RenderError, match="other settings"):
        folder.open_folder(tmp_path, SETTINGS.model_copy(update={"samples": 99}))


def test_without_blender_one_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    ran = CliRunner().invoke(app, ["data", "render", str(tmp_path / "out")])
    assert ran.exit_code == 1
    assert "pip install 'regrade[render]'" in ran.stderr
    assert ran.stdout == ""


def test_an_unknown_split_is_refused(tmp_path: Path) -> None:
    ran = CliRunner().invoke(app, ["data", "render", str(tmp_path), "--split", "holdout"])
    assert ran.exit_code == 2
    assert "split" in ran.stderr
