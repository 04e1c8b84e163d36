"""From the bytes of a picture to the pixels that the network sees; training and serving share it."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from model.resizing import exactly, quickly

Pixels = NDArray[np.uint8]
"""An RGB picture, (H, W, 3) uint8."""

FORMATS = ("JPEG", "PNG", "WEBP")
_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr"})
#: How much smaller a JPEG may be decoded, and how often the network's side must still be there. An
#: eighth takes the mean of each block, which is another filter.
_FACTORS = (4, 2)
_SPARE = 2
# What Pillow's decoders raise on hostile or broken bytes.
_DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    struct.error,
)


class PictureProblem(StrEnum):
    """Why a picture cannot be read."""

    EMPTY = "image_empty"
    NOT_AN_IMAGE = "image_not_recognised"
    TRUNCATED = "image_truncated"
    TOO_LARGE = "image_too_large"
    TOO_SMALL = "image_too_small"
    UNSUPPORTED = "image_unsupported"


class PictureError(ValueError):
    """A picture that cannot be graded; the message tells its sender what to do."""

    def __init__(self, problem: PictureProblem, message: str) -> None:
        super().__init__(message)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class PictureLimits:
    """Bounds that are checked from the header, before a pixel is decoded."""

    max_pixels: int = 50_000_000
    min_side_px: int = 16


DEFAULT_LIMITS = PictureLimits()


def decode(data: bytes, limits: PictureLimits = DEFAULT_LIMITS) -> Pixels:
    """Decode one JPEG, PNG or WebP picture, turned upright by its EXIF orientation.

    Returns:
        (H, W, 3) uint8 RGB. Transparency is laid over white.

    Raises:
        PictureError: Not a picture, broken, animated, of a pixel format that would lose precision
            in 8 bits, or outside ``limits``.
    """
    return np.asarray(_upright(_opened(data, limits)))


def resize(picture: Pixels, side: int) -> Pixels:
    """Squash a (H, W, 3) uint8 picture to (side, side, 3), with an antialiasing bilinear filter."""
    if picture.shape[:2] == (side, side):
        return picture
    return np.asarray(exactly(Image.fromarray(picture), side))


@dataclass(frozen=True, slots=True)
class Squashed:
    """A picture at the size that the network sees."""

    pixels: Pixels
    """(side, side, 3) uint8 RGB."""
    source_size: tuple[int, int]
    """(width, height) of the picture as it was sent, px."""


def squash(data: bytes, side: int, limits: PictureLimits = DEFAULT_LIMITS) -> Squashed:
    """Decode one picture and squash it: the way of every picture into training and serving.

    A JPEG is decoded at a half or a quarter of its size as long as both sides keep at least twice what
    the network needs, and then squashed quickly; other pictures give exactly
    ``resize(decode(data), side)``.

    Raises:
        PictureError: As ``decode`` does.
    """
    image = _opened(data, limits)
    width, height = image.size
    factor = _reduction(min(width, height), side) if image.format == "JPEG" else 1
    if factor > 1:
        image.draft(None, (width // factor, height // factor))
    upright = _upright(image)
    turned = (upright.width - upright.height) * (width - height) < 0
    squashed = (quickly if factor > 1 else exactly)(upright, side)
    return Squashed(np.asarray(squashed), (height, width) if turned else (width, height))


def squash_pixels(picture: Pixels, side: int, limits: PictureLimits = DEFAULT_LIMITS) -> Squashed:
    """Squash a decoded (H, W, 3) uint8 RGB picture, held to the limits that hold for files.

    Raises:
        PictureError: It is outside ``limits``.
    """
    height, width = picture.shape[:2]
    _check_size(width, height, limits)
    return Squashed(resize(picture, side), (width, height))


def _reduction(shorter: int, side: int) -> int:
    """The largest factor that leaves the shorter side the pixels that a fair squash needs."""
    fitting = (factor for factor in _FACTORS if shorter // factor >= _SPARE * side)
    return next(fitting, 1)


def _opened(data: bytes, limits: PictureLimits) -> Image.Image:
    if not data:
        raise PictureError(PictureProblem.EMPTY, "the picture has no bytes; send the whole file")
    image = _open(data, limits)
    _check(image, limits)
    return image


def _upright(image: Image.Image) -> Image.Image:
    """Decode, as RGB, turned by the EXIF orientation."""
    try:
        ImageOps.exif_transpose(image, in_place=True)  # else a picture that is upright is copied
        return _to_rgb(image)
    except _DECODER_ERRORS as error:
        raise PictureError(
            PictureProblem.TRUNCATED,
            f"the {image.format} data ends early or is damaged ({error}); send the whole file",
        ) from error


def _open(data: bytes, limits: PictureLimits) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError as error:
        raise PictureError(
            PictureProblem.NOT_AN_IMAGE, f"not a picture in {', '.join(FORMATS)}; send one of these"
        ) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PictureError(
            PictureProblem.TOO_LARGE,
            f"more than {limits.max_pixels:,} pixels; send a smaller picture",
        ) from error
    except _DECODER_ERRORS as error:
        raise PictureError(
            PictureProblem.TRUNCATED, f"the header is damaged ({error}); send the whole file"
        ) from error


def _check_size(width: int, height: int, limits: PictureLimits) -> None:
    if width * height > limits.max_pixels:
        raise PictureError(
            PictureProblem.TOO_LARGE,
            f"{width} x {height} pixels are more than {limits.max_pixels:,}; send a smaller picture",
        )
    if min(width, height) < limits.min_side_px:
        raise PictureError(
            PictureProblem.TOO_SMALL,
            f"{width} x {height} pixels: each side needs at least {limits.min_side_px}",
        )


def _check(image: Image.Image, limits: PictureLimits) -> None:
    _check_size(*image.size, limits)
    if image.format in ("PNG", "WEBP") and getattr(image, "is_animated", False):
        raise PictureError(
            PictureProblem.UNSUPPORTED, "the picture is animated; send each view as one still"
        )
    if image.mode not in _MODES:
        raise PictureError(
            PictureProblem.UNSUPPORTED,
            f"pixel format {image.mode} has more than 8 bits a channel; convert it to 8-bit RGB",
        )


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    image.load()
    return image if image.mode == "RGB" else image.convert("RGB")
