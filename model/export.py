"""Export: the trained network as one ONNX file, proved to decide as the network itself does."""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from model.contract import Manifest
from model.decision import RawOutputs, assess
from model.familiarity import Unfamiliarity
from model.network import GradingNetwork

OUTPUTS = ("grade_logits", "damage_logits", "damage_maps", "unfamiliarity")
_OPSET = 20


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
            self.unfamiliarity(outputs.features),
        )

    @torch.inference_mode()
    def run(self, images: NDArray[np.uint8]) -> RawOutputs:
        """The same as ``model.runtime.Grader.run``, by torch."""
        return RawOutputs(*(output.numpy() for output in self(torch.from_numpy(images))))


def export(exported: ExportedNetwork, path: Path, side: int) -> None:
    """Write the ONNX file, with a free batch dimension and `side` px pictures."""
    exported.eval()
    example = torch.zeros(2, side, side, 3, dtype=torch.uint8)
    logging.getLogger("torch.onnx").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        torch.onnx.export(
            exported.to(memory_format=torch.contiguous_format),
            (example,),
            path,
            input_names=["images"],
            output_names=list(OUTPUTS),
            dynamic_shapes={"images": {0: torch.export.Dim("batch")}},
            opset_version=_OPSET,
            external_data=False,
            verbose=False,
        )


@dataclass(frozen=True, slots=True)
class Agreement:
    """How close the file came to the network."""

    pictures: int
    largest_logit_difference: float


def compare(expected: RawOutputs, answered: RawOutputs, manifest: Manifest) -> Agreement:
    """Require the same decision for every picture.

    Args:
        expected: The torch network's outputs for N pictures.
        answered: The ONNX file's outputs for the same pictures.
        manifest: Calibration and thresholds to decide with.

    Raises:
        ExportError: A grade, a prediction set or a review differs.
    """
    count = len(expected.unfamiliarity)
    for n in range(count):
        one = slice(n, n + 1)
        ours, theirs = (assess(raw[one], (), manifest) for raw in (expected, answered))
        if (ours.grade, ours.prediction_set, ours.review_reasons) != (
            theirs.grade,
            theirs.prediction_set,
            theirs.review_reasons,
        ):
            raise ExportError(
                f"picture {n}: the network decides {ours.grade} {ours.prediction_set} and the ONNX "
                f"file {theirs.grade} {theirs.prediction_set}; the bundle was not written"
            )
    apart = max(
        float(np.abs(expected.grade_logits - answered.grade_logits).max()),
        float(np.abs(expected.damage_logits - answered.damage_logits).max(initial=0.0)),
    )
    return Agreement(count, apart)
