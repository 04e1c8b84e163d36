"""Squashes pictures with an antialiasing bilinear filter, on the processor's vector units.

``cykooz-resizer`` has the filter of Pillow, four times as fast. Where there is no build of it (64-bit ARM
under Linux) Pillow does the work; a channel of a pixel may then differ by 1.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
"""An RGB picture, (H, W, 3) uint8."""
Resize = Callable[[Image.Image, int], Pixels]


def with_pillow(image: Image.Image, side: int) -> Pixels:
    """Squash a picture of mode RGB to (side, side, 3) uint8. Leaves the interpreter's lock."""
    return np.asarray(image.resize((side, side), Image.Resampling.BILINEAR))


def _best() -> Resize:
    try:
        import cykooz_resizer as fast  # noqa: PLC0415
    except ModuleNotFoundError:
        return with_pillow
    options = fast.ResizeOptions(fast.ResizeAlg.convolution(fast.FilterType.bilinear))

    class Kept(threading.local):
        """A resizer does one picture at a time, and keeps its memory: each thread has one."""

        def __init__(self) -> None:
            self.resizer: Any = fast.Resizer()

    kept = Kept()

    def with_vectors(image: Image.Image, side: int) -> Pixels:
        squashed = Image.new("RGB", (side, side))
        kept.resizer.resize_pil(image, squashed, options)
        return np.asarray(squashed)

    return with_vectors


#: Squashes a picture of mode RGB to (side, side, 3) uint8. Leaves the interpreter's lock.
resized: Resize = _best()
