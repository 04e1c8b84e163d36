"""A journal without a disk: as fast as virtual time wants it, and gone with the process."""

from __future__ import annotations

from collections.abc import Iterable

from model.contract import Outcome
from sorter_control.controller.book import LineBook, Report
from sorter_control.controller.values import Item


class MemoryJournal:
    """See ``controller.journal.Journal``; survives the simulated death of a controller."""

    def __init__(self) -> None:
        self._items: dict[int, Item] = {}
        self._outcomes: dict[str, Outcome] = {}
        self._book = LineBook()
        self.reports: list[Report] = []
        self._event_seq = 0
        self._boot_id = 0

    def new_host_boot_id(self) -> int:
        """See ``Journal``."""
        self._boot_id += 1
        return self._boot_id

    def event_seq(self) -> int:
        """See ``Journal``."""
        return self._event_seq

    def items(self) -> list[Item]:
        """See ``Journal``."""
        return [self._items[tid] for tid in sorted(self._items)]

    def commit(
        self,
        *,
        remembered: Iterable[Item] = (),
        recorded: Iterable[Outcome] = (),
        event_seq: int | None = None,
        book: LineBook | None = None,
        reports: Iterable[Report] = (),
    ) -> None:
        """See ``Journal``."""
        for item in remembered:
            self._items[item.tid] = item
        for outcome in recorded:
            self._outcomes.setdefault(outcome.outcome_id, outcome)
            self._items.pop(outcome.tid, None)
        if event_seq is not None:
            self._event_seq = event_seq
        self.reports.extend(reports)
        if book is not None:
            self._book = book

    def book(self) -> LineBook:
        """See ``Journal``."""
        return self._book

    def outcomes(self) -> list[Outcome]:
        """See ``Journal``."""
        return list(self._outcomes.values())
