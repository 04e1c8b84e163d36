"""Picture cache: every picture is decoded and resized once, then read from one mapped file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.pictures import PictureError, decode, resize
from training.errors import DataError
from training.examples import Example
from training.progress import Track


def cached_pictures(
    examples: Sequence[Example], side: int, folder: Path, track: Track
) -> NDArray[np.uint8]:
    """(N, side, side, 3) uint8 RGB, mapped from a file that is made on first use.

    Raises:
        DataError: A picture is missing, has changed or cannot be decoded.
    """
    key = hashlib.sha256(str(side).encode())
    for example in examples:
        key.update(example.row.sha256.encode())
    path = folder / f"{side}-{key.hexdigest()[:16]}.npy"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        tracked = track(examples, f"decode at {side} px", len(examples))
        _write(partial, tracked, (len(examples), side, side, 3))
        partial.replace(path)
    pictures: NDArray[np.uint8] = np.load(path, mmap_mode="r")
    return pictures


def _write(path: Path, examples: Iterable[Example], shape: tuple[int, int, int, int]) -> None:
    pictures = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
    for n, example in enumerate(examples):
        try:
            pictures[n] = resize(decode(example.read()), shape[1])
        except PictureError as error:
            raise DataError(f"{example.root / example.row.picture}: {error}") from error
    pictures.flush()
