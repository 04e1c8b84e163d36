"""`regrade evaluate` and `regrade compare` on the shipped bundle and rendered samples."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import datasets
from datasets.manifest import read_manifest, write_manifest
from model.contract import SHIPPED, Bundle
from model.contract.bundle import MANIFEST
from regrade.cli import app
from training.evaluation.compare import Comparison
from training.evaluation.figures import Figures

SAMPLES = Path(datasets.__file__).parent / "samples"


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """Manifest of the first five items, two views each."""
    path = tmp_path / "few.jsonl"
    write_manifest(path, read_manifest(SAMPLES / "manifest.jsonl")[:10])
    return path


def _run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def _one_error(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 2
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("error: ")
    return line


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_evaluate_writes_figures_and_a_report(few: Path, tmp_path: Path) -> None:
    out, report = tmp_path / "new" / "figures.json", tmp_path / "new" / "report.html"
    foreign = tmp_path / "solar"
    foreign.mkdir()
    shutil.copy(SHIPPED / "golden-0.jpg", foreign)
    chosen = (
        "--bundle",
        SHIPPED,
        "--manifest",
        few,
        "--root",
        SAMPLES,
        "--split",
        "test",
        "--threads",
        1,
    )
    said = _run("evaluate", *chosen, "--foreign", foreign, "--report", report, "--out", out)
    assert "rendered" in said
    figures = Figures.model_validate_json(out.read_text())
    assert (figures.data.items, figures.data.pictures) == (5, 10)
    assert list(figures.familiarity.foreign) == ["solar", "noise", "flat colours", "gradients"]
    assert figures.bundle.network_sha256 == Bundle.load(SHIPPED).manifest.files["model.onnx"]
    page = report.read_text()
    assert page.startswith("<!doctype html>")
    assert "data:image/jpeg;base64," in page


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_compare_finds_a_bundle_that_asks_about_everything(few: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(SHIPPED, other)
    manifest = json.loads((other / MANIFEST).read_text())
    manifest["version"] = "asks"
    manifest["thresholds"]["max_unfamiliarity"] = 1e-6
    (other / MANIFEST).write_text(json.dumps(manifest))
    out, report = tmp_path / "comparison.json", tmp_path / "comparison.html"
    chosen = ("--manifest", few, "--root", SAMPLES, "--split", "test", "--threads", 1)
    said = _run("compare", SHIPPED, other, *chosen, "--report", report, "--out", out)
    comparison = Comparison.model_validate_json(out.read_text())
    assert comparison.all.differences["accuracy"].finding == "no difference shown"
    assert comparison.all.mcnemar.p_value is None
    assert "no difference shown" in said
    assert "asks" in report.read_text()


def test_evaluation_needs_no_torch() -> None:
    code = (
        "import sys, training.evaluation.page, training.evaluation.compare, training.tables; "
        "sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True)
    assert done.returncode == 0, done.stderr


def test_mistakes_are_one_line_before_anything_is_graded(few: Path, tmp_path: Path) -> None:
    chosen = ("evaluate", "--bundle", SHIPPED, "--manifest", few, "--root", SAMPLES)
    assert "no picture is in the split" in _one_error(*chosen, "--split", "val")
    of_test = (*chosen, "--split", "test")
    assert "name an .html file" in _one_error(*of_test, "--report", tmp_path / "report")
    assert "is a folder" in _one_error(*of_test, "--out", tmp_path)
    assert "no such folder or manifest" in _one_error(*of_test, "--foreign", tmp_path / "none")
    (tmp_path / "file").write_text("")
    assert "file" in _one_error(*of_test, "--out", tmp_path / "file" / "figures.json")
    compare = ("compare", tmp_path, SHIPPED, "--manifest", few, "--root", SAMPLES)
    assert "no readable manifest.json" in _one_error(*compare, "--split", "test")


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_foreign_picture_that_is_none_is_named(few: Path, tmp_path: Path) -> None:
    foreign = tmp_path / "broken"
    foreign.mkdir()
    (foreign / "a.png").write_text("no picture")
    chosen = ("--bundle", SHIPPED, "--manifest", few, "--root", SAMPLES, "--split", "test")
    result = CliRunner().invoke(app, ["evaluate", *map(str, chosen), "--foreign", str(foreign)])
    assert result.exit_code == 2
    assert "error: picture 1 of 'broken'" in result.stderr
