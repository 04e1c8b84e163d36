"""Arrays of 32-bit floats."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float32]
Texels = tuple[NDArray[np.intp], ...]
"""Index of some texels: one array per axis."""


def floats(values: ArrayLike) -> Floats:
    """Values as 32-bit floats."""
    return np.asarray(values, np.float32)
