"""INT8 is kept only if it costs little and gives speed; the card tells what became of it."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from datasets.progress import silently
from inference.grader import BundleGrader
from model.contract import Bundle, Precision
from model.contract.bundle import (
    Graph,
    SweepResult,
    sha256_of,
)
from model.quantise import RangeMethod, Recipe
from model.runtime import Grader
from regrade.cli import app
from tests.model.tiny_networks import write_tiny
from tests.training.tiny_bundle import write_tiny_bundle
from training import acceptance, int8
from training.config import Data
from training.errors import DataError
from training.examples import load_examples, of_split
from training.network_card import with_network_section


@pytest.fixture
def bundle_dir(tmp_path: Path) -> Path:
    return write_tiny_bundle(tmp_path / "bundle")


@pytest.fixture
def lenient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any INT8 network is accepted, by few pictures too."""
    monkeypatch.setattr(int8, "speed_ratio", lambda *_: 1.4)
    monkeypatch.setattr(acceptance, "MOST_LOST_POINTS", 100.0)
    monkeypatch.setattr(acceptance, "FEWEST_LABELLED", 1)


@pytest.mark.parametrize(
    ("apart", "best"),
    [
        ({0: 0.004, 4: 0.002, 8: 0.001}, 0),
        ({0: 0.006, 4: 0.005, 8: 0.001}, 4),
        ({0: 0.03, 4: 0.02, 8: 0.01}, 8),
        ({0: 0.01, 4: 0.02, 8: 0.03}, 0),
    ],
)
def test_the_fastest_close_network_is_taken_else_the_closest(
    apart: dict[int, float], best: int
) -> None:
    candidates = [_candidate(stride, difference) for stride, difference in apart.items()]
    assert int8.best_first(candidates)[0].recipe.float_to_stride == best


def _candidate(stride: int, difference: float) -> int8.Candidate:
    return int8.Candidate(
        Recipe(RangeMethod.MIN_MAX, stride),
        Path(),
        Graph(opset=20, operators=1, producer="tests"),
        SweepResult(recipe="", mean_probability_difference=difference, decisions_differ=0),
    )


def _export(bundle: Path, squares: Path) -> str:
    arguments = ["--bundle", str(bundle), "--manifest", str(squares / "manifest.jsonl")]
    done = CliRunner().invoke(app, ["export", *arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_an_accepted_network_serves_beside_the_float_one(
    bundle_dir: Path, squares: Path, lenient: None
) -> None:
    before = Bundle.load(bundle_dir)
    assert "INT8 is accepted" in _export(bundle_dir, squares)
    bundle = Bundle.load(bundle_dir)
    assert bundle.precisions == (Precision.FP32, Precision.INT8)
    assert bundle.manifest.golden == before.manifest.golden
    trial = bundle.manifest.int8_trial
    assert trial is not None
    assert trial.items == 8
    assert {result.recipe for result in trial.sweep} == {str(recipe) for recipe in int8.RECIPES}
    picture = (squares / "val-1.png").read_bytes()
    answers = []
    for precision in bundle.precisions:
        grader = Grader(bundle, precision=precision)
        grader.verify()
        answers.append(grader.assess([grader.prepare(picture)]).probabilities)
    assert answers[0] != answers[1]
    assert BundleGrader(bundle).model.version == "1"
    assert BundleGrader(bundle, precision=Precision.INT8).model.version == "1+int8"
    card = (bundle_dir / "card.md").read_text()
    assert "## Not for" in card
    assert "1.40" in card


def test_a_refused_network_is_not_shipped_and_the_card_says_why(
    bundle_dir: Path, squares: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(int8, "speed_ratio", lambda *_: 0.9)
    assert "INT8 is not in the bundle" in _export(bundle_dir, squares)
    bundle = Bundle.load(bundle_dir)
    assert bundle.precisions == (Precision.FP32,)
    assert "model.int8.onnx" not in bundle.manifest.files
    assert "INT8 is not in the bundle" in (bundle_dir / "card.md").read_text()
    refused = CliRunner().invoke(
        app,
        [
            "evaluate",
            "--bundle",
            str(bundle_dir),
            "--manifest",
            str(squares / "manifest.jsonl"),
            "--precision",
            "int8",
        ],
    )
    assert refused.exit_code == 2
    assert "it has no int8 network" in refused.stderr


def test_the_network_comes_from_the_calibration_split_alone(
    bundle_dir: Path, squares: Path, lenient: None
) -> None:
    examples = load_examples([Data(squares / "manifest.jsonl")])
    calibration, val = of_split(examples, "calibration"), of_split(examples, "val")
    bundle = Bundle.load(bundle_dir)
    made = [
        int8.add_int8(bundle.manifest, bundle_dir, calibration, held_out, silently).int8
        for held_out in (val, val[:4])
    ]
    assert made[0] == made[1]
    assert made[0] is not None


def test_too_few_calibration_pictures_are_an_error(bundle_dir: Path, squares: Path) -> None:
    examples = load_examples([Data(squares / "manifest.jsonl")])
    manifest = Bundle.load(bundle_dir).manifest
    few, held_out = of_split(examples, "calibration")[:7], of_split(examples, "val")
    with pytest.raises(DataError, match="7 pictures to calibrate INT8"):
        int8.add_int8(manifest, bundle_dir, few, held_out, silently)


def test_an_old_bundle_is_brought_to_the_present_format(bundle_dir: Path) -> None:
    manifest = bundle_dir / "manifest.json"
    raw = json.loads(manifest.read_text())
    old = {key: raw[key] for key in raw if key not in ("graph", "int8", "int8_trial")}
    write_tiny(bundle_dir / "model.onnx")
    old["files"]["model.onnx"] = sha256_of(bundle_dir / "model.onnx")
    manifest.write_text(json.dumps(old | {"format_version": 1}))
    done = CliRunner().invoke(app, ["export", "--bundle", str(bundle_dir)])
    assert done.exit_code == 0, done.output
    assert done.stdout.strip() == str(bundle_dir)
    bundle = Bundle.load(bundle_dir)
    assert bundle.manifest.graph.opset == 20
    Grader(bundle).run(np.zeros((1, 30, 50, 3), dtype=np.uint8))


def test_a_damaged_bundle_is_left_as_it_is(bundle_dir: Path) -> None:
    (bundle_dir / "model.onnx").write_bytes(b"cut")
    before = {path.name: path.read_bytes() for path in bundle_dir.iterdir()}
    done = CliRunner().invoke(app, ["export", "--bundle", str(bundle_dir)])
    assert done.exit_code == 2
    assert "model.onnx is not the file that was exported" in done.stderr
    assert {path.name: path.read_bytes() for path in bundle_dir.iterdir()} == before


def test_a_trial_that_fails_leaves_the_bundle_and_no_rest(bundle_dir: Path, squares: Path) -> None:
    rows = (squares / "manifest.jsonl").read_text().splitlines()
    only_train = squares.parent / f"{bundle_dir.parent.name}.jsonl"
    only_train.write_text("\n".join(row for row in rows if '"train"' in row) + "\n")
    before = (bundle_dir / "manifest.json").read_bytes()
    arguments = ["--bundle", str(bundle_dir), "--manifest", str(only_train), "--root", str(squares)]
    done = CliRunner().invoke(app, ["export", *arguments])
    assert done.exit_code == 2
    assert "no picture is in the split 'calibration'" in done.stderr
    assert (bundle_dir / "manifest.json").read_bytes() == before
    assert [path.name for path in bundle_dir.parent.iterdir()] == ["bundle"]


def test_the_card_has_one_section_in_its_place(bundle_dir: Path) -> None:
    manifest = Bundle.load(bundle_dir).manifest
    card = "# Card\n\n## Networks\n\nold\n\n## How it was made\n\nSo.\n"
    once = with_network_section(card, manifest)
    assert once.index("## Networks") < once.index("## How it was made")
    assert "old" not in once
    assert with_network_section(once, manifest) == once
    added = with_network_section("# Card\n", manifest)
    assert added.count("## Networks") == 1
    assert with_network_section(added, manifest) == added
