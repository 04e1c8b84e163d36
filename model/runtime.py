"""Runs a bundle with ONNX Runtime; holds no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort

from model.contract import Assessment, Bundle, BundleError, Precision, ViewQuality
from model.contract.bundle import Golden
from model.decision import Floats, RawOutputs, assess
from model.pictures import Pixels, squash, squash_pixels
from model.quality import measure

OUTPUTS = ("grade_logits", "damage_logits", "damage_maps", "unfamiliarity")


@dataclass(frozen=True, slots=True)
class View:
    """One picture, ready for the network."""

    pixels: Pixels
    """(S, S, 3) uint8 at the bundle's input size."""
    quality: ViewQuality


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a bundle makes of one item, and what it saw."""

    assessment: Assessment
    damage_maps: Floats
    """(V, T, h, w), probability of each damage type in each cell of each view."""


class Network:
    """An ONNX file under ONNX Runtime. ``run`` may be called from several threads at once."""

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        """Load the file.

        Args:
            path: A bundle's ONNX file.
            threads: Threads that one call uses.

        Raises:
            BundleError: It cannot be loaded or is not a grading network.
        """
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        try:
            self._session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's errors share no other base
            raise BundleError(path.parent, f"ONNX Runtime refuses {path.name}: {error}") from error
        if missing := set(OUTPUTS) - {output.name for output in self._session.get_outputs()}:
            raise BundleError(path.parent, f"{path.name} has no outputs {sorted(missing)}")

    @property
    def damage_types(self) -> int:
        """T, the number of damage types that it judges."""
        shapes = {output.name: output.shape for output in self._session.get_outputs()}
        return int(shapes["damage_logits"][1])

    def run(self, images: Pixels) -> RawOutputs:
        """Answer for (N, H, W, 3) uint8; what is not of the network's own size is squashed to it."""
        outputs = self._session.run(list(OUTPUTS), {"images": images})
        return RawOutputs(*(np.asarray(output) for output in outputs))


class Grader:
    """Grades items with one bundle. Its methods may be called from several threads at once."""

    def __init__(
        self, bundle: Bundle, *, threads: int = 1, precision: Precision = Precision.FP32
    ) -> None:
        """Load the network.

        Args:
            bundle: A verified bundle.
            threads: Threads that ONNX Runtime uses for one call.
            precision: Which of the bundle's networks answers.

        Raises:
            BundleError: The bundle has no such network, or it cannot be loaded or does not fit the
                manifest.
        """
        bundle = bundle.at(precision)
        self.network = Network(bundle.network, threads=threads)
        if (found := self.network.damage_types) != (named := len(bundle.manifest.damage_types)):
            raise BundleError(
                bundle.path,
                f"{bundle.network.name} judges {found} damage types and the manifest names {named}",
            )
        self.bundle = bundle

    def prepare(self, picture: bytes | Pixels) -> View:
        """Decode a picture file, or take its RGB pixels (H, W, 3); resize, measure the quality.

        Raises:
            PictureError: The picture cannot be graded.
        """
        manifest = self.bundle.manifest
        squashed = (
            squash(picture, manifest.input_size)
            if isinstance(picture, bytes)
            else squash_pixels(picture, manifest.input_size)
        )
        quality = measure(squashed.pixels, squashed.source_size, manifest.thresholds.quality)
        return View(squashed.pixels, quality)

    def run(self, images: Pixels) -> RawOutputs:
        """Run the network on (N, H, W, 3) uint8."""
        return self.network.run(images)

    def judge(self, views: Sequence[View]) -> Judgement:
        """Grade one item by its views (1 or more)."""
        first, *others = (view.pixels for view in views)
        raw = self.run(np.stack([first, *others]) if others else first[None])
        assessment = assess(raw, [view.quality for view in views], self.bundle.manifest)
        return Judgement(assessment, raw.damage_maps)

    def assess(self, views: Sequence[View]) -> Assessment:
        """Grade one item by its views, and no more."""
        return self.judge(views).assessment

    def warm(self, views: int) -> None:
        """Run once on so many blank pictures: the first item of that many does not pay for it."""
        side = self.bundle.manifest.input_size
        self.run(np.zeros((views, side, side, 3), np.uint8))

    def verify(self) -> None:
        """Grade the golden pictures: proves that this machine answers as the exporting one did.

        Raises:
            BundleError: An answer is not the one in the manifest.
        """
        for golden in self.bundle.manifest.golden:
            self._verify_one(golden)

    def _verify_one(self, golden: Golden) -> None:
        path = self.bundle.path / golden.image
        answer = self.assess([self.prepare(path.read_bytes())])
        apart = max(
            abs(answer.probabilities[grade] - expected)
            for grade, expected in golden.probabilities.items()
        )
        if answer.grade is not golden.grade or apart > golden.tolerance:
            raise BundleError(
                self.bundle.path,
                f"{golden.image} is graded {answer.grade} here and {golden.grade} by its exporter "
                f"(probabilities differ by up to {apart:.3f}, {golden.tolerance} are allowed)"
                + self._advice(),
            )

    def _advice(self) -> str:
        if self.bundle.precision is Precision.FP32:
            return ""
        return (
            "; processors without VNNI round INT8 otherwise: use --precision fp32 on this machine"
        )
