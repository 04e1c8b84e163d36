"""The manifest: one table of labelled pictures, as JSON Lines (docs/decisions/0003)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, get_args

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from model.contract import DamageType, GradeInterval

Split = Literal["train", "calibration", "val", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)


class ManifestError(Exception):
    """A manifest, or a picture that it names, cannot be used; the message says which and why."""


class Region(BaseModel):
    """Where one damage is: a polygon in fractions of width and height, or a mask picture."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: DamageType
    polygon: tuple[tuple[float, float], ...] | None = None
    mask: str | None = Field(
        default=None,
        description="PNG, relative to `root` too; damage is where the brightest channel is over 127.",
    )
    severity: float | None = Field(default=None, ge=0, le=1)


class LabelledPicture(BaseModel):
    """One picture and all that its labels say. What they do not say is unknown, never 'no'."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    picture: str = Field(description="Path relative to the manifest's `root`.")
    sha256: str
    item_id: str
    view: int = Field(default=0, ge=0)
    source: str = Field(description="Data set that the picture comes from.")
    category: str
    group: str = Field(description="Pictures of one group (item, near-duplicates) share a split.")
    split: Split | None = Field(default=None, description="None: not assigned yet.")
    grade: GradeInterval | None = None
    present: tuple[DamageType, ...] = ()
    absent: tuple[DamageType, ...] = ()
    regions: tuple[Region, ...] = ()
    regions_complete: bool = Field(
        default=False, description="True: pixels outside the regions are free of `present` damage."
    )
    licence: str
    labelled_by: str
    labelled_at: AwareDatetime | None = None


def read_manifest(path: Path) -> list[LabelledPicture]:
    """Read every row.

    Raises:
        ManifestError: The file cannot be read, or a row is not valid (with its line number).
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError as error:
        raise ManifestError(f"{path}: {error.strerror}") from error
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
