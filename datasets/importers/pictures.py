"""Looking at the files themselves: every picture is decoded once before it is believed in."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from datasets.importers.files import inside
from datasets.masks import Mask, MaskError, read_mask
from model.pictures import PictureError, decode


class UnusableError(ValueError):
    """A picture or a mask cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What is known of a picture that was decoded."""

    sha256: str
    width: int
    """Upright, px."""
    height: int


def inspect(path: Path, base: Path, stated: tuple[int, int] | None) -> Picture:
    """Read and decode a picture.

    Args:
        path: Of the file.
        base: Folder that it may not lie outside of, symbolic links followed.
        stated: Width and height that its labels are for, where they say it.

    Raises:
        UnusableError: Missing, unreadable, outside `base`, or of another size.
    """
    if not inside(path, base):
        raise UnusableError(f"the path leads out of {base} by a symbolic link")
    try:
        data = path.read_bytes()
        height, width = decode(data).shape[:2]
    except FileNotFoundError:
        raise UnusableError("there is no such picture") from None
    except OSError as error:
        raise UnusableError(f"not readable ({error.strerror})") from error
    except PictureError as error:
        raise UnusableError(f"not a usable picture: {error}") from error
    if stated is not None and stated != (width, height):
        raise UnusableError(
            f"labelled as {stated[0]} x {stated[1]} px, but it has {width} x {height} "
            "(turned upright as its EXIF says)"
        )
    return Picture(hashlib.sha256(data).hexdigest(), width, height)


def check_mask_file(path: Path, base: Path, picture: Picture) -> None:
    """Require a readable mask of the picture's size that marks something.

    Raises:
        UnusableError: It is not one.
    """
    if not inside(path, base):
        raise UnusableError(f"the mask {path.name} leads out of {base} by a symbolic link")
    try:
        mask = read_mask(path)
    except MaskError as error:
        raise UnusableError(f"mask {path.name}: {error}") from error
    check_mask(mask, picture, f"the mask {path.name}")


def check_mask(mask: Mask, picture: Picture, name: str) -> None:
    """Require that a mask fits its picture.

    Raises:
        UnusableError: Another size, or no pixel marked.
    """
    height, width = mask.shape
    if (width, height) != (picture.width, picture.height):
        raise UnusableError(
            f"{name} has {width} x {height} px, the picture {picture.width} x {picture.height}"
        )
    if not mask.any():
        raise UnusableError(f"{name} marks no pixel")
