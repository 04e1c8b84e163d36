"""The frozen test set: a lock file that names its pictures, so that figures stay comparable."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from datasets.manifest import LabelledPicture
from datasets.splits import label_digest, split_fingerprint

_SHOWN = 3


class FrozenError(Exception):
    """A lock cannot be used or would be broken; the message says why and what to do."""


class FrozenPicture(BaseModel):
    """One picture of the frozen test set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    group: str
    labels: str
    """``datasets.splits.label_digest`` at the time of freezing."""


class FrozenSet(BaseModel):
    """``splits.lock``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format_version: Literal[1] = 1
    frozen_at: AwareDatetime
    fingerprint: str
    """``datasets.splits.split_fingerprint`` of the test split."""
    pictures: dict[str, FrozenPicture]
    """By content hash."""

    @classmethod
    def of(cls, rows: Sequence[LabelledPicture], now: AwareDatetime) -> Self:
        """Freeze the test split of `rows`.

        Raises:
            FrozenError: No row is in the test split.
        """
        pictures = {
            row.sha256: FrozenPicture(group=row.group, labels=label_digest(row))
            for row in sorted(rows, key=lambda row: row.sha256)
            if row.split == "test"
        }
        if not pictures:
            raise FrozenError("no picture is in the test split; give it a share in --shares")
        return cls(frozen_at=now, fingerprint=split_fingerprint(rows, "test"), pictures=pictures)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a lock.

        Raises:
            FrozenError: It cannot be read, is not valid or was edited by hand.
        """
        try:
            return cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise FrozenError(f"{path}: {error.strerror}") from error
        except ValidationError as error:
            raise FrozenError(
                f"{path} is not a lock of `regrade data split --freeze`: {error.errors()[0]['msg']}; "
                "take it back from version control"
            ) from error

    def save(self, path: Path) -> None:
        """Write the lock."""
        partial = path.with_suffix(".partial")
        partial.write_text(self.model_dump_json(indent=1) + "\n", "utf-8")
        partial.replace(path)

    def differences(self, rows: Sequence[LabelledPicture]) -> list[str]:
        """How the test split of `rows` differs from the frozen one; empty: not at all."""
        tested = {row.sha256: row for row in rows if row.split == "test"}
        missing = self.pictures.keys() - tested.keys()
        added = tested.keys() - self.pictures.keys()
        relabelled = {
            sha256
            for sha256 in tested.keys() & self.pictures.keys()
            if label_digest(tested[sha256]) != self.pictures[sha256].labels
        }
        cases = (
            (missing, "frozen pictures are missing from it"),
            (added, "pictures were added to it"),
            (relabelled, "pictures have other labels now"),
        )
        return [f"{len(found):,} {what} ({_some(found)})" for found, what in cases if found]


def _some(hashes: Collection[str]) -> str:
    shown = ", ".join(sha256[:12] for sha256 in sorted(hashes)[:_SHOWN])
    return shown if len(hashes) <= _SHOWN else f"{shown}, ..."
