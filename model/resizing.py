"""Squashes pictures with an antialiasing bilinear filter: exactly as ever, or on vector units.

``cykooz-resizer`` has the filter of Pillow, four times as fast; a channel of a pixel may differ by 1. Where
there is no build of it (64-bit ARM under Linux) Pillow does all the work.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from PIL import Image

Squash = Callable[[Image.Image, int], Image.Image]
"""Makes a picture of mode RGB (side, side). Leaves the interpreter's lock."""


def exactly(image: Image.Image, side: int) -> Image.Image:
    """Squash with Pillow, to the bit as the shipped model was trained and calibrated."""
    return image.resize((side, side), Image.Resampling.BILINEAR)


def _quickest() -> Squash:
    try:
        import cykooz_resizer as vectors  # noqa: PLC0415
    except ModuleNotFoundError:
        return exactly
    options = vectors.ResizeOptions(vectors.ResizeAlg.convolution(vectors.FilterType.bilinear))

    class Kept(threading.local):
        """A resizer does one picture at a time, and keeps its memory: each thread has one."""

        def __init__(self) -> None:
            self.resizer: Any = vectors.Resizer()

    kept = Kept()

    def with_vectors(image: Image.Image, side: int) -> Image.Image:
        squashed = Image.new("RGB", (side, side))
        kept.resizer.resize_pil(image, squashed, options)
        return squashed

    return with_vectors


quickly: Squash = _quickest()
"""Squash on vector units, where this machine has a build for that."""
