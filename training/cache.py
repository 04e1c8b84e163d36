"""Picture cache: every picture is decoded and resized once, then read from one mapped file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock
from numpy.typing import NDArray

from datasets.progress import Track
from model.pictures import PictureError, Pixels, squash
from training.errors import DataError
from training.examples import Example

_AT_ONCE = 64
#: Changes with what ``model.pictures.squash`` makes of a picture.
_RECIPE = 2


def cached_pictures(
    examples: Sequence[Example], side: int, folder: Path, track: Track
) -> NDArray[np.uint8]:
    """(N, side, side, 3) uint8 RGB, mapped from a file that is made on first use.

    Raises:
        DataError: A picture is missing, has changed or cannot be decoded.
    """
    key = hashlib.sha256(f"{_RECIPE} {side}".encode())
    for example in examples:
        key.update(example.row.sha256.encode())
    path = folder / f"{side}-{key.hexdigest()[:16]}.npy"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):  # two runs may want the same pictures
        if not path.exists():
            partial = path.with_suffix(".partial")
            _write(partial, examples, side, track)
            partial.replace(path)
    pictures: NDArray[np.uint8] = np.load(path, mmap_mode="r")
    return pictures


def _write(path: Path, examples: Sequence[Example], side: int, track: Track) -> None:
    shape = (len(examples), side, side, 3)
    pictures = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
    tracked = track(_decoded(examples, side), f"decode at {side} px", len(examples))
    for n, pixels in enumerate(tracked):
        pictures[n] = pixels
    pictures.flush()


def _decoded(examples: Sequence[Example], side: int) -> Iterator[Pixels]:
    """The pictures in order; decoders run without the interpreter's lock, so threads help."""
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        for start in range(0, len(examples), _AT_ONCE):
            some = examples[start : start + _AT_ONCE]
            yield from pool.map(lambda example: _resized(example, side), some)


def _resized(example: Example, side: int) -> Pixels:
    try:
        return squash(example.read(), side).pixels
    except PictureError as error:
        raise DataError(f"{example.root / example.row.picture}: {error}") from error
