"""The proof of an export covers every picture through the path that serves, and names what differs."""

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from datasets.progress import silently
from model.contract import Bundle
from model.decision import RawOutputs
from model.export import ExportedNetwork, ExportError
from model.runtime import Grader
from tests.model.tiny_networks import SIDE
from tests.training.tiny_bundle import write_tiny_bundle
from training.cache import cached_pictures
from training.config import Data
from training.examples import Example, load_examples, of_split
from training.proof import Proof, prove


class AsTorch:
    """Stands in for the torch network: the file's own answers, all grade logits moved by `shift`."""

    def __init__(self, grader: Grader, shift: float) -> None:
        self.grader, self.shift = grader, shift

    def run(self, images: NDArray[np.uint8]) -> RawOutputs:
        answers = self.grader.run(images)
        return replace(answers, grade_logits=answers.grade_logits + self.shift)


@pytest.fixture
def held_out(squares: Path) -> list[Example]:
    return of_split(load_examples([Data(squares / "manifest.jsonl")]), "val")


def proof_with(shift: float, held_out: list[Example], tmp_path: Path) -> Proof:
    grader = Grader(Bundle.load(write_tiny_bundle(tmp_path / "bundle")))
    pictures = cached_pictures(held_out, SIDE, tmp_path / "cache", silently)
    network = cast("ExportedNetwork", AsTorch(grader, shift))
    return prove(network, grader, held_out, pictures, silently)


def test_the_largest_differences_are_recorded(held_out: list[Example], tmp_path: Path) -> None:
    figures: dict[str, Any] = proof_with(1e-4, held_out, tmp_path).figures()
    assert figures["pictures"] == len(held_out) == 8
    assert figures["largest_difference"]["grade_logits"] == pytest.approx(1e-4, rel=0.1)
    assert figures["largest_difference"]["damage_logits"] < 1e-5
    assert figures["own_size"]["largest_logit_difference"] < 0.5


def test_another_decision_stops_the_export_and_is_named(
    held_out: list[Example], tmp_path: Path
) -> None:
    with pytest.raises(ExportError, match=rf"decide \d of 8 .*{held_out[0].row.picture}"):
        proof_with(50.0, held_out, tmp_path)
