"""What an export needs of a row's files: its size in pixels, and its masks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from datasets.manifest import LabelledPicture, ManifestError, Region, Rle
from datasets.masks import MaskError, encode, pixels_of
from model.pictures import PictureError, decode


@dataclass(frozen=True, slots=True)
class Files:
    """The folder that a manifest's paths start from."""

    root: Path

    def size(self, row: LabelledPicture) -> tuple[int, int]:
        """Width and height, px, upright; read from the picture where the row does not say them.

        Raises:
            ManifestError: The picture cannot be read.
        """
        if row.width is not None and row.height is not None:
            return row.width, row.height
        path = self.root / row.picture
        try:
            height, width = decode(path.read_bytes()).shape[:2]
        except OSError as error:
            raise ManifestError(
                f"{path}: {error.strerror}; give --root the folder of the pictures"
            ) from error
        except PictureError as error:
            raise ManifestError(f"{path}: {error}") from error
        return width, height

    def rle(self, row: LabelledPicture, region: Region) -> Rle:
        """A mask as runs.

        Raises:
            ManifestError: The mask cannot be read.
        """
        if region.rle is not None:
            return region.rle
        width, height = self.size(row)
        try:
            return encode(pixels_of(region, self.root, width, height))
        except MaskError as error:
            raise ManifestError(
                f"{self.root / (region.mask or row.picture)}: {error}; give --root the folder of "
                "the pictures"
            ) from error
