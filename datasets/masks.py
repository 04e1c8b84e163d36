"""Masks: what a region says, as pixels, and pixels as COCO's runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pycocotools import mask as coco_mask

from datasets.manifest import Region, Rle

Mask = NDArray[np.bool_]
"""(H, W), True where the damage is."""

_LARGEST = 50_000_000
_BRIGHT = 127
_DEEP = ("I", "F")


class MaskError(Exception):
    """A mask cannot be read; the message says why."""


def require_size(width: int, height: int) -> None:
    """Refuse a mask that is larger than any picture may be, before it is made.

    Raises:
        MaskError: It is.
    """
    if width * height > _LARGEST:
        raise MaskError(f"a mask of {width} x {height} has more than {_LARGEST:,} pixels")


def encode(mask: Mask) -> Rle:
    """Pixels as compressed runs."""
    encoded = coco_mask.encode(np.asfortranarray(mask, np.uint8))
    height, width = mask.shape
    return Rle(size=(height, width), counts=encoded["counts"].decode("ascii"))


def compress(runs: list[int], height: int, width: int) -> Rle:
    """Compress runs down the columns that begin with the empty pixels.

    Raises:
        MaskError: The runs do not fill the mask.
    """
    if any(not isinstance(run, int) or isinstance(run, bool) or run < 0 for run in runs):
        raise MaskError("RLE counts must be whole numbers of at least 0")
    require_size(width, height)
    if sum(runs) != height * width:
        raise MaskError(f"the RLE has {sum(runs)} pixels, the mask {width} x {height}")
    encoded = coco_mask.frPyObjects({"size": [height, width], "counts": runs}, height, width)
    return Rle(size=(height, width), counts=encoded["counts"].decode("ascii"))


def decode(rle: Rle) -> Mask:
    """Compressed runs as pixels.

    Raises:
        MaskError: The runs do not fill the mask, or it is larger than any picture may be.
    """
    height, width = rle.size
    require_size(width, height)
    if sum(_runs(rle.counts)) != height * width:
        raise MaskError(f"the RLE does not fill its {width} x {height} pixels")
    decoded = coco_mask.decode({"size": [height, width], "counts": rle.counts.encode("ascii")})
    return np.asarray(decoded, np.bool_)


def _runs(counts: str) -> list[int]:
    """Lengths of the runs: the library itself does not check that they fit the mask.

    5 bits a character, low first, sign-extended; from the fourth on each run is the difference
    from the run two before (maskApi.c of cocoapi, rleFrString).
    """
    runs: list[int] = []
    value = shift = 0
    for character in counts:
        bits = ord(character) - 48
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:
            continue
        if bits & 0x10:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        if runs[-1] < 0:
            raise MaskError("the RLE has a run of negative length")
        value = shift = 0
    if shift:
        raise MaskError("the RLE ends within a number")
    return runs


def read_mask(path: Path) -> Mask:
    """A mask picture of any colour: damage is where the brightest channel is over 127.

    Raises:
        MaskError: No such file, not a picture, or one of more than 8 bits a channel.
    """
    try:
        with Image.open(path) as image:
            require_size(image.width, image.height)
            if image.mode.startswith(_DEEP):
                raise MaskError(
                    f"pixel format {image.mode} has more than 8 bits a channel; save it with 8"
                )
            brightest: NDArray[np.uint8] = np.asarray(image.convert("RGB")).max(axis=2)
            return brightest > _BRIGHT
    except (OSError, SyntaxError, ValueError) as error:
        raise MaskError(f"not a readable mask ({error})") from error


def pixels_of(region: Region, root: Path, width: int, height: int) -> Mask:
    """Pixels of a region that names them; a box does not.

    Args:
        region: With a polygon, mask or rle.
        root: Folder that mask files are relative to.
        width: Of the grid that a polygon is drawn on; a mask keeps its own size.
        height: Of that grid.

    Raises:
        MaskError: The mask cannot be read, or the region is a box.
    """
    if region.polygon is not None:
        image = Image.new("1", (width, height))
        scaled = [(x * width, y * height) for x, y in region.polygon]
        ImageDraw.Draw(image).polygon(scaled, fill=1, outline=1)
        return np.asarray(image, np.bool_)
    if region.rle is not None:
        return decode(region.rle)
    if region.mask is not None:
        return read_mask(root / region.mask)
    raise MaskError("a box does not say which of its pixels are damaged")
