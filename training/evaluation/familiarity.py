"""Familiarity: does the bundle find pictures strange that are unlike its own?"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from datasets.progress import Track
from model.pictures import PictureError
from model.runtime import Grader
from training.config import Data
from training.errors import DataError
from training.evaluation import weighted
from training.evaluation.bootstrap import Counts, Resampling, draw, estimate
from training.evaluation.columns import Columns
from training.evaluation.figures import Familiarity, ForeignSet
from training.examples import load_examples

Floats = NDArray[np.floating[Any]]
Picture = Callable[[], bytes]

_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})
_SYNTHETIC = 32
_SIDE_PX = 256


@dataclass(frozen=True, slots=True)
class Foreign:
    """Pictures that a bundle was not made for."""

    name: str
    pictures: tuple[Picture, ...]


def read_foreign(paths: Sequence[Path]) -> list[Foreign]:
    """Folders of pictures, or manifests whose pictures lie beside them.

    Raises:
        DataError: A path is neither, holds no picture, or two have the same name.
    """
    found = [_read_one(path) for path in paths]
    names = [foreign.name for foreign in found]
    if twice := {name for name in names if names.count(name) > 1}:
        raise DataError(f"two foreign sets are called {sorted(twice)}; rename a folder")
    return found


def _read_one(path: Path) -> Foreign:
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.suffix.lower() in _SUFFIXES)
        if not files:
            raise DataError(f"{path} holds no picture ({', '.join(sorted(_SUFFIXES))})")
        return Foreign(path.resolve().name, tuple(file.read_bytes for file in files))
    if path.is_file():
        examples = load_examples([Data(path)])
        return Foreign(path.stem, tuple(example.read for example in examples))
    raise DataError(f"{path}: no such folder or manifest of foreign pictures")


def synthetic(seed: int = 0) -> list[Foreign]:
    """Noise, flat colours and gradients: what a broken camera or an empty view may send."""
    rng = np.random.default_rng(seed)
    shape = (_SIDE_PX, _SIDE_PX, 3)
    noise = [rng.integers(0, 256, shape) for _ in range(_SYNTHETIC)]
    flat = [np.broadcast_to(rng.integers(0, 256, 3), shape) for _ in range(_SYNTHETIC)]
    gradients = [_gradient(rng) for _ in range(_SYNTHETIC)]
    return [
        Foreign(name, tuple(_png(pixels) for pixels in drawn))
        for name, drawn in (("noise", noise), ("flat colours", flat), ("gradients", gradients))
    ]


def _gradient(rng: np.random.Generator) -> NDArray[Any]:
    start, end = rng.integers(0, 256, (2, 3))
    angle = rng.uniform(0, 2 * np.pi)
    axis = np.linspace(-0.5, 0.5, _SIDE_PX)
    along = axis[None] * np.cos(angle) + axis[:, None] * np.sin(angle)
    share = (along - along.min()) / np.ptp(along)
    pixels: NDArray[Any] = start + share[..., None] * (end - start)
    return pixels


def _png(pixels: NDArray[Any]) -> Picture:
    def encode() -> bytes:
        out = io.BytesIO()
        Image.fromarray(pixels.astype(np.uint8)).save(out, "PNG", compress_level=1)
        return out.getvalue()

    return encode


def unfamiliarity_of(grader: Grader, foreign: Foreign, track: Track) -> Floats:
    """(M,) unfamiliarity of each picture, 1 at the bundle's limit.

    Raises:
        DataError: A picture cannot be read.
    """
    limit = grader.bundle.manifest.thresholds.max_unfamiliarity
    found = []
    what = f"unfamiliar: {foreign.name}"
    for number, picture in enumerate(track(foreign.pictures, what, len(foreign.pictures)), 1):
        try:
            view = grader.prepare(picture())
        except PictureError as error:
            raise DataError(f"picture {number} of {foreign.name!r}: {error}") from error
        found.append(float(grader.run(view.pixels[None]).unfamiliarity[0]) / limit)
    return np.array(found)


def familiarity(
    items: Columns, foreign: Mapping[str, Floats], counts: Counts, how: Resampling
) -> Familiarity:
    """AUROC of unfamiliarity, foreign against own, and the shares beyond the bundle's limit.

    Args:
        items: The evaluated items.
        foreign: Name -> (M,) unfamiliarity of its pictures.
        counts: (B, N) resamples of the items.
        how: For the resamples of the foreign pictures.
    """
    own, groups = items.unfamiliarity, len(np.unique(items.group))
    return Familiarity(
        own_beyond_limit=estimate(
            lambda weights: weighted.mean(own > 1, weights),
            counts,
            how.level,
            n=len(own),
            groups=groups,
            is_share=True,
        ),
        foreign={
            name: _against(own, groups, found, counts, how) for name, found in foreign.items()
        },
    )


def _against(
    own: Floats, groups: int, foreign: Floats, counts: Counts, how: Resampling
) -> ForeignSet:
    one_set = np.zeros(len(foreign), np.str_)
    drawn = draw(one_set, np.arange(len(foreign)).astype(np.str_), how)
    scores = np.concatenate([own, foreign])
    positive = np.arange(len(scores)) >= len(own)
    return ForeignSet(
        pictures=len(foreign),
        auroc=estimate(
            lambda weights: weighted.auroc(scores, positive, weights),
            np.concatenate([counts, drawn], axis=1),
            how.level,
            n=len(foreign),
            groups=min(groups, len(foreign)),
        ),
        beyond_limit=estimate(
            lambda weights: weighted.mean(foreign > 1, weights),
            drawn,
            how.level,
            n=len(foreign),
            groups=len(foreign),
            is_share=True,
        ),
    )
