"""The contract refuses what cannot be true, and importing it costs no torch."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from model.contract import Box, Bundle, BundleError, Grade, GradeInterval, ItemFacts, Manifest
from model.contract.bundle import sha256_of
from model.runtime import Grader


@pytest.fixture
def bundle_dir(tmp_path: Path, manifest: Manifest) -> Path:
    """Files whose hashes hold; the network itself is not one."""
    Image.fromarray(np.zeros((64, 64, 3), dtype=np.uint8)).save(tmp_path / "golden.png")
    (tmp_path / "model.onnx").write_bytes(b"not a network")
    (tmp_path / "card.md").write_text("# tiny")
    files = {path.name: sha256_of(path) for path in tmp_path.iterdir()}
    text = manifest.model_copy(update={"files": files}).model_dump_json()
    (tmp_path / "manifest.json").write_text(text)
    return tmp_path


def edit(bundle_dir: Path, **changes: object) -> None:
    path = bundle_dir / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_whole_bundle_loads(bundle_dir: Path) -> None:
    assert Bundle.load(bundle_dir).manifest.name == "tiny"


def test_a_changed_missing_or_extra_file_is_named(bundle_dir: Path) -> None:
    (bundle_dir / "card.md").write_text("# other")
    with pytest.raises(BundleError, match=r"card\.md is not the file"):
        Bundle.load(bundle_dir)
    (bundle_dir / "card.md").unlink()
    with pytest.raises(BundleError, match=r"missing.*card\.md"):
        Bundle.load(bundle_dir)
    (bundle_dir / "card.md").write_text("# tiny")
    (bundle_dir / "notes.txt").touch()
    with pytest.raises(BundleError, match=r"notes\.txt"):
        Bundle.load(bundle_dir)


def test_labels_and_thresholds_must_fit(bundle_dir: Path) -> None:
    edit(bundle_dir, grades=["new", "salvage"])
    with pytest.raises(BundleError, match="grades must be"):
        Bundle.load(bundle_dir)


def test_unknown_keys_and_other_formats_are_refused(bundle_dir: Path) -> None:
    edit(bundle_dir, temprature=2)
    with pytest.raises(BundleError, match="temprature"):
        Bundle.load(bundle_dir)


def test_no_bundle_is_said_clearly(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"no readable manifest\.json"):
        Bundle.load(tmp_path / "nowhere")


def test_a_file_that_is_no_network_is_refused(bundle_dir: Path) -> None:
    with pytest.raises(BundleError, match="refuses model"):
        Grader(Bundle.load(bundle_dir))


def test_an_interval_holds_the_grades_between() -> None:
    damaged = GradeInterval(best=Grade.LIGHTLY_USED, worst=Grade.SALVAGE)
    assert Grade.NEW not in damaged
    assert Grade.REPAIRABLE in damaged
    assert damaged.exact is None
    assert GradeInterval.exactly(Grade.NEW).exact is Grade.NEW
    with pytest.raises(ValidationError, match="must not be worse"):
        GradeInterval(best=Grade.SALVAGE, worst=Grade.NEW)


@pytest.mark.parametrize("item_id", ["", "../../etc/passwd", "a b", "a/b", "x" * 129, "é"])
def test_ids_are_safe_in_urls_and_file_names(item_id: str) -> None:
    with pytest.raises(ValidationError):
        ItemFacts(item_id=item_id)


def test_a_box_is_not_inside_out() -> None:
    with pytest.raises(ValidationError, match="x_min < x_max"):
        Box(x_min=0.5, y_min=0.1, x_max=0.4, y_max=0.2)


@pytest.mark.parametrize("module", ["model.contract", "model.runtime"])
def test_the_bundle_is_used_without_torch(module: str) -> None:
    script = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
