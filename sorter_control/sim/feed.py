"""The feed: what a simulated worker lays on the belt, one JSON object per line."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from model.contract import Identifier
from sorter_control.errors import SettingsError
from sorter_control.sim.geometry import LONGEST_MM, SHORTEST_MM


class FeedRow(BaseModel):
    """One item; the facts are for the controller's file, the belt does not know them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    item_id: Identifier | None = Field(description="License plate; null cannot be read.")
    pictures: tuple[Path, ...] = Field(min_length=1, max_length=8)
    facts: dict[str, object] = {}
    length_mm: int = Field(default=300, ge=SHORTEST_MM, le=LONGEST_MM)
    gap_mm: int = Field(default=400, ge=0, description="To the item before it.")


@dataclass(frozen=True, slots=True)
class Feed:
    """Rows in order, and a fingerprint that says whether a saved position belongs to them."""

    rows: tuple[FeedRow, ...]
    fingerprint: str

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read and check a feed; pictures are relative to its folder.

        Raises:
            SettingsError: The file, a row or a picture is missing or wrong.
        """
        try:
            data = path.read_bytes()
        except OSError as error:
            raise SettingsError(f"feed {path}: {error.strerror}") from error
        rows = tuple(
            _row(path, number, line)
            for number, line in enumerate(data.decode("utf-8").splitlines(), start=1)
            if line.strip()
        )
        return cls(rows, hashlib.sha256(data).hexdigest())


def _row(path: Path, number: int, line: str) -> FeedRow:
    try:
        row = FeedRow.model_validate_json(line)
    except ValidationError as error:
        raise SettingsError(f"feed {path}, line {number}: {error}") from error
    pictures = tuple(path.parent / picture for picture in row.pictures)
    for picture in pictures:
        if not _exists(picture):
            raise SettingsError(f"feed {path}, line {number}: no picture {picture}")
    return row.model_copy(update={"pictures": pictures})


@cache
def _exists(picture: Path) -> bool:
    """Whether there is such a file; a feed names the same ones again and again."""
    return picture.is_file()
