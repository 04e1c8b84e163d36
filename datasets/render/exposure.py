"""What a camera is asked for, and what it gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datasets.render.arrays import Floats


@dataclass(frozen=True)
class Quality:
    """How pictures are rendered: size in pixels, and light paths per pixel."""

    width: int = 640
    height: int = 480
    samples: int = 6

    @property
    def texels(self) -> int:
        """Texels along each face of the item."""
        return round(self.width * 0.9)


@dataclass(frozen=True)
class Exposure:
    """One picture: 8-bit RGB (H, W, 3), and which share of each pixel shows damage i, (H, W, 3)."""

    rgb: NDArray[np.uint8]
    coverage: Floats
