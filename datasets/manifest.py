"""The manifest: one table of labelled pictures, as JSON Lines (docs/decisions/0003)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Literal, Self, get_args

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from model.contract import Box, DamageType, GradeInterval

Split = Literal["train", "calibration", "val", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)

Point = tuple[Annotated[float, Field(ge=0, le=1)], Annotated[float, Field(ge=0, le=1)]]
"""x and y in fractions of the picture's width and height, from the top left."""


class ManifestError(Exception):
    """A manifest, or a picture that it names, cannot be used; the message says which and why."""


class Rle(BaseModel):
    """A mask as COCO writes it: runs down the columns, compressed to text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: tuple[Annotated[int, Field(gt=0)], Annotated[int, Field(gt=0)]] = Field(
        description="Height and width, px."
    )
    counts: str = Field(min_length=1, pattern=r"^[0-o]+$")


class Region(BaseModel):
    """Where one damage is: exactly one of polygon, box, mask and rle."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: DamageType = Field(description="Damage type.")
    polygon: Annotated[tuple[Point, ...], Field(min_length=3)] | None = Field(
        default=None, description="Outline in fractions of width and height."
    )
    box: Box | None = Field(
        default=None,
        description="The damage lies somewhere in here, in fractions; which pixels is not said.",
    )
    mask: str | None = Field(
        default=None,
        description="PNG, relative to `root` too; damage is where the brightest channel is over 127.",
    )
    rle: Rle | None = Field(default=None, description="Mask inline: COCO's compressed runs.")
    severity: float | None = Field(
        default=None, ge=0, le=1, description="0 barely visible to 1 worst; left out: not said."
    )

    @model_validator(mode="after")
    def _lies_somewhere(self) -> Self:
        said = sum(place is not None for place in (self.polygon, self.box, self.mask, self.rle))
        if said != 1:
            raise ValueError(f"a region needs one of polygon, box, mask, rle; it has {said}")
        return self


class LabelledPicture(BaseModel):
    """One picture and all that its labels say. What they do not say is unknown, never 'no'."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    picture: str = Field(description="Path relative to the manifest's `root`.")
    sha256: str = Field(description="Hex SHA-256 of the file: training refuses one that changed.")
    width: int | None = Field(default=None, gt=0, description="Pixels, upright (EXIF applied).")
    height: int | None = Field(default=None, gt=0, description="Pixels, upright.")
    item_id: str = Field(description="Item that the picture shows; unique within the source.")
    view: int = Field(default=0, ge=0, description="Number of the picture among its item's views.")
    source: str = Field(description="Data set that the picture comes from.")
    category: str = Field(description="Kind of goods, e.g. `parcel`.")
    group: str = Field(description="Pictures of one group (item, near-duplicates) share a split.")
    split: Split | None = Field(
        default=None,
        description="`train`, `calibration`, `val` or `test`; left out: not yet assigned.",
    )
    grade: GradeInterval | None = Field(
        default=None,
        description="`best` to `worst`, both included; equal where the label is exact. "
        "Left out: nothing is said of the grade.",
    )
    present: tuple[DamageType, ...] = Field(
        default=(), description="Damage types that the picture is known to show."
    )
    absent: tuple[DamageType, ...] = Field(
        default=(),
        description="Types that it is known not to show. A type in neither list is unknown.",
    )
    regions: tuple[Region, ...] = Field(default=(), description="Where the damage is (below).")
    regions_complete: bool = Field(
        default=False, description="True: pixels outside the regions are free of `present` damage."
    )
    licence: str = Field(description="Terms under which the picture may be used.")
    labelled_by: str = Field(description="Person, project or program that said so.")
    labelled_at: AwareDatetime | None = Field(default=None, description="When, with time zone.")


def read_manifest(path: Path) -> list[LabelledPicture]:
    """Read every row.

    Raises:
        ManifestError: The file cannot be read, or a row is not valid (with its line number).
    """
    try:
        lines = path.read_text("utf-8").split("\n")  # a name may hold other ends of lines
    except OSError as error:
        raise ManifestError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ManifestError(f"{path}: not UTF-8 text ({error}); is it a manifest?") from error
    return list(_rows(path, lines))


def _rows(path: Path, lines: Iterable[str]) -> Iterator[LabelledPicture]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield LabelledPicture.model_validate_json(line)
        except ValidationError as error:
            raise ManifestError(f"{path}, line {number}: {error}") from error


def write_manifest(path: Path, rows: Iterable[LabelledPicture]) -> None:
    """Write rows, one JSON object a line, defaults left out."""
    text = "".join(row.model_dump_json(exclude_defaults=True) + "\n" for row in rows)
    partial = path.with_suffix(".partial")
    partial.write_text(text, "utf-8")
    partial.replace(path)


def fingerprint(rows: Iterable[LabelledPicture]) -> str:
    """Hex SHA-256 over all rows, independent of their order: names the data that a run saw."""
    digest = hashlib.sha256()
    for line in sorted(row.model_dump_json() for row in rows):
        digest.update(line.encode())
    return digest.hexdigest()
