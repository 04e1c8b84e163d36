"""Facts: all that the checks need of one picture, measured in one pass over its bytes."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps
from pydantic import BaseModel, ConfigDict

from datasets.checks.cache import Cache
from datasets.checks.entries import Entry
from datasets.progress import Track
from model.pictures import PictureError, Pixels, decode

#: Part of the cache's key: raise it when a fact is measured otherwise.
_KIND = "facts-1"
_KEPT_AT_ONCE = 512
_STYLE_SIDE = 128
_BORDER_SHARE = 32
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


class Facts(BaseModel):
    """What was measured of one readable picture."""

    model_config = ConfigDict(frozen=True)

    width: int
    height: int
    format: str
    mode: str
    turned: bool
    """The file asks to be turned (EXIF orientation)."""
    bytes: int
    quantisation: float
    """Mean of the JPEG's luminance table: about 58 at quality 50, 12 at 90; 0 for other formats."""
    pixels: str
    """SHA-256 of size and RGB pixels: equal for one picture in two lossless files."""
    phash: str
    phash_mirrored: str
    style: tuple[float, ...]
    """Mean, deviation and 5 % / 95 % quantiles of luminance, means and deviations of R, G, B, mean
    saturation, all in 0..1."""
    border: tuple[float, ...]
    """Means and deviations of R, G, B along the picture's edge, in 0..1."""


class Broken(BaseModel):
    """Why a picture gave no facts."""

    model_config = ConfigDict(frozen=True)

    problem: str


class Measured(BaseModel):
    """A file as it was found."""

    model_config = ConfigDict(frozen=True)

    sha256: str | None
    """None: the file could not be read."""
    found: Facts | Broken


def measure_all(
    entries: Sequence[Entry], cache: Cache, threads: int, track: Track
) -> list[Measured]:
    """Read, hash and measure every entry's picture; what is cached is not decoded again."""
    known = cache.read(_KIND, [entry.row.sha256 for entry in entries])
    fresh: dict[str, bytes] = {}
    measured: list[Measured] = []
    with ThreadPoolExecutor(threads) as pool:
        results = pool.map(lambda entry: _measure(entry.path, known), entries)
        for one in track(results, "read pictures", len(entries)):
            measured.append(one)
            if one.sha256 and one.sha256 not in known and isinstance(one.found, Facts):
                fresh[one.sha256] = one.found.model_dump_json().encode()
            if len(fresh) >= _KEPT_AT_ONCE:
                cache.write(_KIND, fresh)
                fresh.clear()
    cache.write(_KIND, fresh)
    return measured


def _measure(path: Path, known: Mapping[str, bytes]) -> Measured:
    try:
        data = path.read_bytes()
    except OSError as error:
        return Measured(sha256=None, found=Broken(problem=error.strerror or str(error)))
    sha256 = hashlib.sha256(data).hexdigest()
    if sha256 in known:
        return Measured(sha256=sha256, found=Facts.model_validate_json(known[sha256]))
    try:
        return Measured(sha256=sha256, found=measure(data))
    except PictureError as error:
        return Measured(sha256=sha256, found=Broken(problem=str(error)))


def measure(data: bytes) -> Facts:
    """Measure one picture.

    Raises:
        PictureError: It cannot be decoded.
    """
    pixels = decode(data)
    with Image.open(io.BytesIO(data)) as header:
        tables: dict[int, list[int]] = getattr(header, "quantization", None) or {}
        orientation = header.getexif().get(ExifTags.Base.Orientation, 1)
        file_format, mode = header.format or "", header.mode
    height, width = pixels.shape[:2]
    upright = Image.fromarray(pixels)
    mirrored = ImageOps.mirror(upright)
    return Facts(
        width=width,
        height=height,
        format=file_format,
        mode=mode,
        turned=orientation != 1,
        bytes=len(data),
        quantisation=float(np.mean(tables[min(tables)])) if tables else 0.0,
        pixels=hashlib.sha256(f"{width}x{height}".encode() + pixels.tobytes()).hexdigest(),
        phash=str(imagehash.phash(upright)),
        phash_mirrored=str(imagehash.phash(mirrored)),
        style=_style(np.asarray(upright.resize((_STYLE_SIDE, _STYLE_SIDE)))),
        border=_border(pixels),
    )


def _style(pixels: Pixels) -> tuple[float, ...]:
    scaled = pixels.reshape(-1, 3).astype(np.float32) / 255
    luma = scaled @ _LUMA
    saturation = scaled.max(axis=1) - scaled.min(axis=1)
    quantiles = np.quantile(luma, (0.05, 0.95))
    parts = (luma.mean(), luma.std(), *quantiles, *_colour(scaled), saturation.mean())
    return tuple(round(float(part), 5) for part in parts)


def _border(pixels: Pixels) -> tuple[float, ...]:
    rows, columns = (max(1, side // _BORDER_SHARE) for side in pixels.shape[:2])
    edges = (pixels[:rows], pixels[-rows:], pixels[:, :columns], pixels[:, -columns:])
    ring = np.concatenate([edge.reshape(-1, 3) for edge in edges]).astype(np.float32) / 255
    return tuple(round(float(part), 5) for part in _colour(ring))


def _colour(scaled: NDArray[np.float32]) -> list[float]:
    return [*scaled.mean(axis=0), *scaled.std(axis=0)]
