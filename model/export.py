"""Export: the trained network as one ONNX file, proved to decide as the network itself does."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from model.contract import Assessment, Manifest
from model.contract.bundle import Graph
from model.decision import RawOutputs, assess, grade_probabilities, sigmoid
from model.familiarity import Unfamiliarity
from model.graph import INPUT, GraphError, finish
from model.network import GradingNetwork
from model.runtime import OUTPUTS

_OPSET = 20
_NAMED = 5


class ExportError(Exception):
    """The exported file is not the network that was trained."""


class ExportedNetwork(nn.Module):
    """What the bundle's ONNX file computes: uint8 pictures in, its four outputs out."""

    def __init__(self, network: GradingNetwork, unfamiliarity: Unfamiliarity) -> None:
        super().__init__()
        self.network = network
        self.unfamiliarity = unfamiliarity

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(N, H, W, 3) uint8 -> grade logits, damage logits, damage maps, unfamiliarity."""
        outputs = self.network(images)
        return (
            outputs.grade_logits,
            outputs.damage_logits,
            outputs.map_logits.sigmoid(),
            self.unfamiliarity(outputs.statistics),
        )

    @torch.inference_mode()
    def run(self, images: NDArray[np.uint8]) -> RawOutputs:
        """The same as ``model.runtime.Grader.run``, by torch."""
        return RawOutputs(*(output.numpy() for output in self(torch.from_numpy(images))))


def export(exported: ExportedNetwork, path: Path, side: int, *, name: str, version: str) -> Graph:
    """Write the bundle's ONNX file: free batch and picture size, simplified and checked.

    Args:
        exported: The network with its familiarity statistics.
        path: File to write.
        side: Side of the square that it computes on, px.
        name: The bundle's name, kept in the file.
        version: The bundle's version.

    Raises:
        ExportError: The file is not valid or does not answer as the exporter's did.
    """
    exported.eval()
    example = torch.zeros(2, side, side, 3, dtype=torch.uint8)
    logging.getLogger("torch.onnx").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        torch.onnx.export(
            exported.to(memory_format=torch.contiguous_format),
            (example,),
            path,
            input_names=[INPUT],
            output_names=list(OUTPUTS),
            dynamic_shapes={"images": {0: torch.export.Dim("batch")}},
            opset_version=_OPSET,
            external_data=False,
            verbose=False,
        )
    try:
        return finish(path, side, name=name, version=version)
    except GraphError as error:
        raise ExportError(str(error)) from error


@dataclass(frozen=True, slots=True)
class Agreement:
    """How close two ways to the same answers came, over N pictures."""

    pictures: int
    differing: tuple[str, ...]
    """What differs for each picture that is decided otherwise, by name."""
    largest_difference: dict[str, float]
    """Of each output's values."""
    largest_probability_difference: float
    """Of a calibrated grade or damage probability."""

    @property
    def largest_logit_difference(self) -> float:
        """Of a grade or damage logit."""
        return max(self.largest_difference[name] for name in ("grade_logits", "damage_logits"))

    def __add__(self, other: Agreement) -> Agreement:
        ours, theirs = self.largest_difference, other.largest_difference
        return Agreement(
            self.pictures + other.pictures,
            self.differing + other.differing,
            {name: max(ours[name], theirs[name]) for name in ours},
            max(self.largest_probability_difference, other.largest_probability_difference),
        )


def compare(
    expected: RawOutputs, answered: RawOutputs, manifest: Manifest, names: Sequence[str]
) -> Agreement:
    """Compare outputs and decisions for the same N pictures.

    Args:
        expected: Outputs of the reference.
        answered: Outputs to compare with them.
        manifest: Calibration and thresholds to decide with.
        names: What to call each picture.
    """
    differing = []
    for n, name in enumerate(names):
        one = slice(n, n + 1)
        ours, theirs = (assess(raw[one], (), manifest) for raw in (expected, answered))
        if ours.decision != theirs.decision:
            differing.append(f"{name}: {_told(ours)} against {_told(theirs)}")
    heat = manifest.calibration
    probabilities = [
        np.concatenate(
            [
                grade_probabilities(raw.grade_logits, heat.grade_temperature),
                sigmoid(raw.damage_logits / heat.damage_temperature),
            ],
            axis=1,
        )
        for raw in (expected, answered)
    ]
    return Agreement(
        pictures=len(names),
        differing=tuple(differing),
        largest_difference={
            name: _apart(getattr(expected, name), getattr(answered, name)) for name in OUTPUTS
        },
        largest_probability_difference=_apart(*probabilities),
    )


def require_agreement(agreement: Agreement, what: str) -> None:
    """Refuse a single decision that differs.

    Raises:
        ExportError: There is one; the message names the first.
    """
    if agreement.differing:
        first = "; ".join(agreement.differing[:_NAMED])
        raise ExportError(
            f"{what} decide {len(agreement.differing)} of {agreement.pictures} pictures otherwise: "
            f"{first}; the bundle was not written"
        )


def _told(judged: Assessment) -> str:
    grades = "/".join(judged.prediction_set)
    return f"{judged.grade} [{grades}] {'/'.join(judged.review_reasons) or 'no review'}"


def _apart(one: NDArray[np.floating[Any]], other: NDArray[np.floating[Any]]) -> float:
    return float(np.abs(one - other).max(initial=0.0))
