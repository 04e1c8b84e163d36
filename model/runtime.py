"""Runs a bundle with ONNX Runtime; holds no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from model.contract import Assessment, Bundle, BundleError, ViewQuality
from model.contract.bundle import Golden
from model.decision import RawOutputs, assess
from model.pictures import Pixels, decode, resize
from model.quality import measure

_OUTPUTS = ("grade_logits", "damage_logits", "damage_maps", "unfamiliarity")


@dataclass(frozen=True, slots=True)
class View:
    """One picture, ready for the network."""

    pixels: Pixels
    """(S, S, 3) uint8 at the bundle's input size."""
    quality: ViewQuality


class Grader:
    """Grades items with one bundle. Its methods may be called from several threads at once."""

    def __init__(self, bundle: Bundle, *, threads: int = 1) -> None:
        """Load the network.

        Args:
            bundle: A verified bundle.
            threads: Threads that ONNX Runtime uses for one call.

        Raises:
            BundleError: The network cannot be loaded or does not fit the manifest.
        """
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        try:
            self._session = ort.InferenceSession(
                bundle.network, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime's errors share no other base
            raise BundleError(bundle.path, f"ONNX Runtime refuses the network: {error}") from error
        if missing := set(_OUTPUTS) - {output.name for output in self._session.get_outputs()}:
            raise BundleError(bundle.path, f"the network has no outputs {sorted(missing)}")
        self.bundle = bundle

    def prepare(self, data: bytes) -> View:
        """Decode a picture file, resize it and measure its quality.

        Raises:
            PictureError: The picture cannot be graded.
        """
        picture = decode(data)
        pixels = resize(picture, self.bundle.manifest.input_size)
        height, width = picture.shape[:2]
        quality = measure(pixels, (width, height), self.bundle.manifest.thresholds.quality)
        return View(pixels, quality)

    def run(self, images: NDArray[np.uint8]) -> RawOutputs:
        """Run the network on (N, S, S, 3) uint8."""
        outputs = self._session.run(list(_OUTPUTS), {"images": images})
        return RawOutputs(*(np.asarray(output) for output in outputs))

    def assess(self, views: Sequence[View]) -> Assessment:
        """Grade one item by its views."""
        raw = self.run(np.stack([view.pixels for view in views]))
        return assess(raw, [view.quality for view in views], self.bundle.manifest)

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
                f"(probabilities differ by up to {apart:.3f}, {golden.tolerance} are allowed)",
            )
