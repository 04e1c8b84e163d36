"""Which pictures may go, and when: a TOML file that a site edits, and a pure decision."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from inference.records import ItemStatus, PictureUse

#: A picture that was saved within this time is never deleted: a grading may be about to name it.
GRACE = timedelta(days=1)
_GIGABYTE = 1_000_000_000


class RetentionError(Exception):
    """The file cannot be followed; the message says why."""


class Kind(StrEnum):
    """What a picture is kept for, the strongest reason first."""

    RECENT = "recent"
    """Saved a moment ago."""
    HELD = "held"
    """Somebody holds its item, for a claim or a court."""
    REVIEW = "review"
    """Its item waits for a person."""
    DISAGREED = "disagreed"
    """A person gave another grade than the model."""
    ANSWERED = "answered"
    """A person gave the grade that the model gave."""
    GRADED = "graded"
    """Nobody said anything."""
    UNNAMED = "unnamed"
    """No grading names it: its own failed, or was never finished."""


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class KeepDays(_Settings):
    """Days from the grading, or from the answer where that is later. None: for ever."""

    disagreed: float | None = Field(default=None, ge=1)
    answered: float | None = Field(default=None, ge=1)
    graded: float | None = Field(default=None, ge=1)


class Limit(_Settings):
    """Room for all pictures together."""

    gigabytes: float = Field(gt=0)


class Retention(_Settings):
    """A policy. Empty, it keeps everything that a grading names."""

    keep_days: KeepDays = KeepDays()
    limit: Limit | None = None

    @property
    def limit_bytes(self) -> int | None:
        """The limit; None: there is none."""
        return round(self.limit.gigabytes * _GIGABYTE) if self.limit else None

    def fate(self, saved_at: datetime, uses: Sequence[PictureUse], now: datetime) -> Fate:
        """What is to become of a picture, whatever the room.

        Args:
            saved_at: When a grading last brought it.
            uses: Of the gradings that name it.
            now: To count from.
        """
        if saved_at > now - GRACE:
            return Fate(Kind.RECENT, saved_at, None)
        if not uses:
            return Fate(Kind.UNNAMED, saved_at, saved_at + GRACE)
        ends = [self._use(use) for use in uses]
        for_ever = [each for each in ends if each.until is None]
        if for_ever:
            return min(for_ever, key=lambda fate: list(Kind).index(fate.kind))
        return max(ends, key=lambda fate: fate.until or now)

    def _use(self, use: PictureUse) -> Fate:
        kind = _kind(use)
        match kind:
            case Kind.DISAGREED:
                days = self.keep_days.disagreed
            case Kind.ANSWERED:
                days = self.keep_days.answered
            case Kind.GRADED:
                days = self.keep_days.graded
            case _:
                days = None
        return Fate(kind, use.since, None if days is None else use.since + timedelta(days=days))


@dataclass(frozen=True, slots=True)
class Fate:
    """What a picture is kept for."""

    kind: Kind
    since: datetime
    until: datetime | None
    """From then on it may go; None: never, also where room is short."""


def _kind(use: PictureUse) -> Kind:
    if use.held:
        return Kind.HELD
    if use.status is ItemStatus.REVIEW:
        return Kind.REVIEW
    if use.status is ItemStatus.ANSWERED:
        return Kind.DISAGREED if use.disagreed else Kind.ANSWERED
    return Kind.GRADED


def read_retention(path: Path) -> Retention:
    """A policy from its file.

    Raises:
        RetentionError: It cannot be read, or says what is not known.
    """
    try:
        return Retention.model_validate(tomllib.loads(path.read_text("utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RetentionError(f"{path} cannot be read: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RetentionError(f"{path}: {where}: {first['msg']}") from error


def saved_at(mtime_ns: int) -> datetime:
    """A file's time."""
    return datetime.fromtimestamp(mtime_ns / 1e9, UTC)
