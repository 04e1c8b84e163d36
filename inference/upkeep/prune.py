"""Deletes pictures that the retention policy lets go, a small bite at a time.

A grading that arrives with the same picture at the same moment, in this process or another, never
loses it: each save renews the file's time. A picture goes in four steps, any of which may be the
last before a crash. It is set aside if its time is still the one that was judged; its deletion is
noted in the database; it is removed. What is aside and was not removed is put back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from inference.pictures import PictureFile, PictureStore
from inference.records import Deletion
from inference.store import Store
from inference.upkeep.retention import GRACE, Fate, Kind, Retention, saved_at

_TOGETHER = 100
_HOUR = timedelta(hours=1)
#: Files that no grading names are left alone where they are a larger share of all than this: then
#: it is rather the database that is another one.
_MOST_UNNAMED = 0.5


@dataclass(slots=True)
class Tally:
    """Pictures, counted by what they are kept for or why they go."""

    pictures: Counter[str] = field(default_factory=Counter)
    bytes: Counter[str] = field(default_factory=Counter)

    def add(self, name: str, size: int, number: int = 1) -> None:
        """Count some."""
        self.pictures[name] += number
        self.bytes[name] += size

    def told(self) -> dict[str, dict[str, int]]:
        """By name."""
        return {
            name: {"pictures": number, "bytes": self.bytes[name]}
            for name, number in sorted(self.pictures.items())
        }


@dataclass(slots=True)
class Plan:
    """What a policy means for the pictures that are there."""

    now: datetime
    kept: Tally = field(default_factory=Tally)
    going: Tally = field(default_factory=Tally)
    before: datetime | None = None
    """Pictures older than this go for want of room; None: there is room."""
    over_bytes: int = 0
    """What is over the limit even then."""
    strange: bool = False
    """Too many pictures that no grading names: none of them goes."""


class Pruner:
    """One run over all pictures. Blocking; a step of ``plan`` or ``delete`` takes a fraction of a second.

    Args:
        store: Says what pictures are good for, and takes the deletions.
        pictures: Where they are.
        retention: What may go.
        now: When.
    """

    def __init__(
        self, store: Store, pictures: PictureStore, retention: Retention, now: datetime
    ) -> None:
        self._store = store
        self._pictures = pictures
        self._retention = retention
        self.plan = Plan(now)
        self.deleted = Tally()

    def survey(self) -> Iterator[None]:
        """Look at every picture; ``plan`` is whole when this ends."""
        can_go: dict[datetime, Tally] = {}
        unnamed = Tally()
        for files in self._pictures.files():
            for file, fate in self._judged(files):
                name = fate.kind.value
                if fate.kind is Kind.UNNAMED:
                    unnamed.add(name, file.bytes)
                elif fate.until is not None and fate.until <= self.plan.now:
                    self.plan.going.add(name, file.bytes)
                elif fate.until is not None and fate.since <= self.plan.now - GRACE:
                    hour = fate.since.replace(minute=0, second=0, microsecond=0)
                    can_go.setdefault(hour, Tally()).add(name, file.bytes)
                else:
                    self.plan.kept.add(name, file.bytes)
            yield
        self._settle_unnamed(unnamed)
        self._make_room(can_go)

    def delete(self) -> Iterator[None]:
        """Delete what ``plan`` says; ``deleted`` counts it."""
        self._pictures.put_back()
        for files in self._pictures.files() if self.plan.going.pictures else ():
            going = [
                (file, why) for file, fate in self._judged(files) if (why := self._why_now(fate))
            ]
            for start in range(0, len(going), _TOGETHER):
                self._delete(going[start : start + _TOGETHER])
                yield

    def told(self) -> dict[str, Any]:
        """What stays, what the policy lets go and what went, for a person or a program."""
        return {
            "kept": self.plan.kept.told(),
            "going": self.plan.going.told(),
            "deleted": self.deleted.told(),
            "over_limit_bytes": self.plan.over_bytes,
        }

    def _judged(self, files: Sequence[PictureFile]) -> Iterator[tuple[PictureFile, Fate]]:
        for start in range(0, len(files), _TOGETHER):
            some = files[start : start + _TOGETHER]
            uses = self._store.uses_of([file.sha256 for file in some])
            for file in some:
                named = uses.get(file.sha256, ())
                yield file, self._retention.fate(saved_at(file.mtime_ns), named, self.plan.now)

    def _settle_unnamed(self, unnamed: Tally) -> None:
        named = sum(self.plan.kept.pictures.values()) + sum(self.plan.going.pictures.values())
        number = unnamed.pictures[Kind.UNNAMED]
        self.plan.strange = number > _MOST_UNNAMED * (named + number)
        to = self.plan.kept if self.plan.strange else self.plan.going
        if number:
            to.add(Kind.UNNAMED.value, unnamed.bytes[Kind.UNNAMED], number)

    def _make_room(self, can_go: dict[datetime, Tally]) -> None:
        limit = self._retention.limit_bytes
        left = sum(self.plan.kept.bytes.values()) + sum(
            sum(tally.bytes.values()) for tally in can_go.values()
        )
        for hour, tally in sorted(can_go.items()):
            going = limit is not None and left > limit
            if going:
                self.plan.before = hour + _HOUR
                left -= sum(tally.bytes.values())
            for name, number in tally.pictures.items():
                size = tally.bytes[name]
                (self.plan.going if going else self.plan.kept).add(name, size, number)
        self.plan.over_bytes = max(0, left - limit) if limit is not None else 0

    def _why_now(self, fate: Fate) -> str | None:
        if fate.until is None or (fate.kind is Kind.UNNAMED and self.plan.strange):
            return None
        if fate.until <= self.plan.now:
            return f"{fate.kind.value}, its time was over on {fate.until:%Y-%m-%d}"
        before = self.plan.before
        if before is None or fate.since >= min(before, self.plan.now - GRACE):
            return None
        return f"{fate.kind.value}, the room was over"

    def _delete(self, going: Sequence[tuple[PictureFile, str]]) -> None:
        try:
            aside = [(file, why) for file, why in going if self._pictures.set_aside(file)]
            if not aside:
                return
            self._store.add_deletions(
                [Deletion(file.sha256, file.bytes, why, self.plan.now) for file, why in aside]
            )
        except BaseException:
            self._pictures.put_back()
            raise
        for file, why in aside:
            self._pictures.remove(file)
            self.deleted.add(why.partition(",")[0], file.bytes)
