"""Proof of an export: the file decides as the network that was trained, picture by picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.progress import Track
from model.contract import Manifest
from model.export import Agreement, ExportedNetwork, compare, require_agreement
from model.pictures import decode
from model.runtime import Grader
from training.examples import Example

_BATCH = 16


@dataclass(frozen=True, slots=True)
class Proof:
    """What was compared over the validation split."""

    torch: Agreement
    """The torch network on the pictures that training squashed, the file through the serving path."""
    own_size: Agreement
    """The file on pictures squashed before it, and on the same at their own size."""

    def figures(self) -> dict[str, Any]:
        """For the manifest and the card."""
        return {
            "pictures": self.torch.pictures,
            "largest_logit_difference": self.torch.largest_logit_difference,
            "largest_probability_difference": self.torch.largest_probability_difference,
            "largest_difference": self.torch.largest_difference,
            "own_size": {
                "decisions_differ": len(self.own_size.differing),
                "largest_logit_difference": self.own_size.largest_logit_difference,
                "largest_probability_difference": self.own_size.largest_probability_difference,
            },
        }


def prove(
    exported: ExportedNetwork,
    grader: Grader,
    examples: Sequence[Example],
    pictures: NDArray[np.uint8],
    track: Track,
) -> Proof:
    """Compare the ONNX file, through the path that serves, with the network on every picture.

    Args:
        exported: The torch network.
        grader: The bundle with the file.
        examples: The pictures as files, at their own sizes.
        pictures: (N, S, S, 3) uint8, the same as training sees them.
        track: Shows progress.

    Raises:
        ExportError: A decision differs between torch and the file; the first ones are named.
    """
    manifest = grader.bundle.manifest
    starts = range(0, len(examples), _BATCH)
    by_torch, by_size = [], []
    for start in track(starts, "compare ONNX with torch", len(starts)):
        part = examples[start : start + _BATCH]
        names = [example.row.picture for example in part]
        data = [example.read() for example in part]
        served = grader.run(np.stack([grader.prepare(each).pixels for each in data]))
        trained = exported.run(np.array(pictures[start : start + _BATCH]))
        by_torch.append(compare(trained, served, manifest, names))
        by_size += list(_own_size(grader, data, names, manifest))
    proof = Proof(_sum(by_torch), _sum(by_size))
    require_agreement(proof.torch, "torch and the ONNX file")
    return proof


def _own_size(
    grader: Grader, data: Sequence[bytes], names: Sequence[str], manifest: Manifest
) -> Iterator[Agreement]:
    for name, each in zip(names, data, strict=True):
        squashed = grader.run(grader.prepare(each).pixels[None])
        yield compare(squashed, grader.run(decode(each)[None]), manifest, [name])


def _sum(parts: Sequence[Agreement]) -> Agreement:
    total = parts[0]
    for part in parts[1:]:
        total += part
    return total
