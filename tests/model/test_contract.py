"""The contract refuses what cannot be true, and importing it costs no torch."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from model.contract import (
    Box,
    Bundle,
    BundleError,
    Grade,
    GradeInterval,
    ItemFacts,
    Manifest,
    Precision,
)
from model.contract.bundle import Golden, Graph, Int8, Trial, sha256_of
from model.graph import finish
from model.runtime import Grader
from tests.model.tiny_networks import SIDE, write_tiny


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
def test_the_bundle_is_used_without_torch_or_onnx(module: str) -> None:
    script = (
        f"import sys, {module}; sys.exit(bool({{'torch', 'onnx', 'onnxslim'}} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_an_old_format_says_how_to_write_it_anew(bundle_dir: Path) -> None:
    edit(bundle_dir, format_version=1)
    with pytest.raises(BundleError, match=f"regrade export --bundle {bundle_dir}"):
        Bundle.load(bundle_dir)


def test_a_newer_format_asks_for_a_newer_regrade(bundle_dir: Path) -> None:
    edit(bundle_dir, format_version=3)
    with pytest.raises(BundleError, match="update Regrade"):
        Bundle.load(bundle_dir)


@pytest.mark.parametrize("version", [None, "2", 0, 1.5])
def test_a_format_that_never_was_is_refused(bundle_dir: Path, version: object) -> None:
    edit(bundle_dir, format_version=version)
    with pytest.raises(BundleError, match="format_version is"):
        Bundle.load(bundle_dir)


def test_a_manifest_that_is_no_json_object_is_refused(bundle_dir: Path) -> None:
    for text in ("", "[]", "{", '"x"'):
        (bundle_dir / "manifest.json").write_text(text)
        with pytest.raises(BundleError, match=r"manifest\.json is not valid"):
            Bundle.load(bundle_dir)


INT8 = Int8(
    graph=Graph(opset=20, operators=9, producer="tests"),
    golden=(Golden(image="golden.png", grade=Grade.SALVAGE, probabilities={}),),
)


def test_without_an_int8_network_the_bundle_says_so(bundle_dir: Path) -> None:
    with pytest.raises(BundleError, match=r"no int8 network.*--precision fp32"):
        Grader(Bundle.load(bundle_dir), precision=Precision.INT8)


def test_a_refused_int8_network_is_explained(bundle_dir: Path, manifest: Manifest) -> None:
    trial = Trial(
        accepted=False,
        reason="it loses 2.00 points of accuracy",
        items=100,
        accuracy_lost=2.0,
        macro_f1_lost=None,
        kappa_lost=None,
        auroc_lost=None,
        coverage_lost=None,
        decisions_differ=9,
        grades_differ=2,
        speed_ratio=1.9,
        machine="tests",
        sweep=(),
    )
    bundle = Bundle(bundle_dir, manifest.model_copy(update={"int8_trial": trial}))
    with pytest.raises(BundleError, match=r"it loses 2\.00 points of accuracy"):
        bundle.at(Precision.INT8)


def test_a_bundle_without_the_int8_file_that_it_names_is_refused(bundle_dir: Path) -> None:
    edit(bundle_dir, int8=INT8.model_dump(mode="json"))
    with pytest.raises(BundleError, match=r"no hash for \['model\.int8\.onnx'\]"):
        Bundle.load(bundle_dir)


def test_int8_has_its_own_network_and_goldens_and_shares_what_a_site_edits(
    bundle_dir: Path, manifest: Manifest
) -> None:
    bundle = Bundle(bundle_dir, manifest.model_copy(update={"int8": INT8}))
    ours = bundle.at(Precision.INT8)
    assert bundle.precisions == (Precision.FP32, Precision.INT8)
    assert ours.network == bundle_dir / "model.int8.onnx"
    assert ours.manifest.golden == INT8.golden
    assert ours.manifest.calibration == manifest.calibration
    assert ours.manifest.conformal == manifest.conformal
    assert ours.manifest.thresholds == manifest.thresholds


def replace_network(bundle_dir: Path, data: bytes, *, hashed: bool) -> None:
    network = bundle_dir / "model.onnx"
    network.write_bytes(data)
    if hashed:
        files = json.loads((bundle_dir / "manifest.json").read_text())["files"]
        edit(bundle_dir, files=files | {"model.onnx": sha256_of(network)})


@pytest.fixture
def tiny_bundle(bundle_dir: Path) -> Path:
    """A bundle whose network is one, and fits the manifest."""
    write_tiny(bundle_dir / "model.onnx")
    finish(bundle_dir / "model.onnx", SIDE, name="tiny", version="1")
    edit(bundle_dir, input_size=SIDE)
    replace_network(bundle_dir, (bundle_dir / "model.onnx").read_bytes(), hashed=True)
    return bundle_dir


def test_one_changed_byte_of_the_network_is_refused(tiny_bundle: Path) -> None:
    assert Grader(Bundle.load(tiny_bundle)).network.damage_types == 2
    data = bytearray((tiny_bundle / "model.onnx").read_bytes())
    data[-20] ^= 1
    replace_network(tiny_bundle, bytes(data), hashed=False)
    with pytest.raises(BundleError, match=r"model\.onnx is not the file that was exported"):
        Bundle.load(tiny_bundle)


def test_a_truncated_network_is_refused_even_with_its_own_hash(tiny_bundle: Path) -> None:
    data = (tiny_bundle / "model.onnx").read_bytes()
    replace_network(tiny_bundle, data[: len(data) // 2], hashed=True)
    with pytest.raises(BundleError, match=r"refuses model\.onnx"):
        Grader(Bundle.load(tiny_bundle))


def test_a_network_of_other_damage_types_is_refused(tiny_bundle: Path) -> None:
    edit(tiny_bundle, damage_types=["dent"])
    with pytest.raises(BundleError, match="judges 2 damage types and the manifest names 1"):
        Grader(Bundle.load(tiny_bundle))


def test_a_network_that_answers_otherwise_than_its_goldens_is_refused(tiny_bundle: Path) -> None:
    golden = {"image": "golden.png", "grade": "salvage", "probabilities": {"salvage": 1.0}}
    edit(tiny_bundle, golden=[golden])
    with pytest.raises(BundleError, match="is graded"):
        Grader(Bundle.load(tiny_bundle)).verify()
