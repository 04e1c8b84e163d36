"""`regrade train` and `regrade evaluate`, from pictures to a bundle that grades."""

import importlib.util
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from model.contract import Bundle, DamageType
from model.runtime import Grader
from regrade.cli import app


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_trained_bundle_loads_verifies_grades_and_is_evaluated(
    tiny_toml: Path, squares: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    trained = CliRunner().invoke(app, ["train", "--config", str(tiny_toml), "--out", str(out)])
    assert trained.exit_code == 0, trained.output
    assert trained.stdout.strip().endswith(str(out / "bundle"))

    bundle = Bundle.load(out / "bundle")
    assert bundle.network.stat().st_size < 19_000_000
    assert bundle.manifest.damage_types == (DamageType.DENT,)
    assert bundle.manifest.metrics["export"]["pictures"] == 8
    assert bundle.manifest.metrics["validation"]["all"]["items"] == 8
    card = (bundle.path / "card.md").read_text()
    assert f"regrade train --config {tiny_toml}" in card
    assert "| left | Apache-2.0 |" in card

    grader = Grader(bundle)
    grader.verify()
    view = grader.prepare((squares / "val-0.png").read_bytes())
    assert sum(grader.assess([view]).probabilities.values()) == pytest.approx(1.0)

    figures = tmp_path / "figures.json"
    arguments = ["--bundle", str(bundle.path), "--manifest", str(squares / "manifest.jsonl")]
    evaluated = CliRunner().invoke(app, ["evaluate", *arguments, "--out", str(figures)])
    assert evaluated.exit_code == 0, evaluated.output
    assert "left" in evaluated.stdout
    found, kept = json.loads(figures.read_text()), bundle.manifest.metrics["validation"]
    assert found["bundle"]["network_sha256"] == bundle.manifest.files["model.onnx"]
    assert found == kept


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_labels_that_tell_grades_only_are_enough(tiny_toml: Path, tmp_path: Path) -> None:
    too_few = ["--set", "min_damage_examples=100", "--set", "features.copies=2"]
    arguments = ["train", "--config", str(tiny_toml), "--out", str(tmp_path / "run"), *too_few]
    trained = CliRunner().invoke(app, arguments)
    assert trained.exit_code == 0, trained.output
    bundle = Bundle.load(tmp_path / "run" / "bundle")
    assert bundle.manifest.damage_types == ()
    assert bundle.manifest.metrics["validation"]["all"]["items"] == 8
    assert "features.copies=2" in (bundle.path / "card.md").read_text()


def _one_error(arguments: list[str]) -> str:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    (line,) = result.stderr.strip().splitlines()
    return line


def test_user_mistakes_are_one_line(tmp_path: Path, squares: Path) -> None:
    assert "no such file" in _one_error(["train", "--config", str(tmp_path / "x.toml")])
    nowhere = ["evaluate", "--bundle", str(tmp_path), "--manifest", str(tmp_path / "m.jsonl")]
    assert "m.jsonl" in _one_error(nowhere)
    manifest = str(squares / "manifest.jsonl")
    of_test = ["evaluate", "--bundle", str(tmp_path), "--manifest", manifest, "--split", "test"]
    assert "no picture is in the split 'test'" in _one_error(of_test)
    no_bundle = ["evaluate", "--bundle", str(tmp_path), "--manifest", manifest]
    assert "no readable manifest.json" in _one_error(no_bundle)


def test_without_torch_the_command_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "torch" else find(name)
    )
    assert _one_error(["train"]) == "error: this needs torch: pip install 'regrade[train]'"
