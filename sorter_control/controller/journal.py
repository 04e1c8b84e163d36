"""What survives the death of the controller: items on the belt, and outcomes not yet delivered.

SQLite with full synchronisation: when ``commit`` has returned, a power cut loses nothing of it.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol, Self

from pydantic import TypeAdapter

from model.contract import Outcome
from sorter_control.controller.book import LineBook, Report
from sorter_control.controller.values import Item
from sorter_control.errors import SettingsError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS items (tid INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS outbox (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    outcome_id TEXT NOT NULL UNIQUE,
    body TEXT NOT NULL,
    answer TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS outbox_unsent ON outbox (number) WHERE answer IS NULL;
CREATE TABLE IF NOT EXISTS book (only INTEGER PRIMARY KEY CHECK (only = 1), body TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS reports (number INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL) STRICT;
"""
_ITEM: Final = TypeAdapter(Item)
_BOOK: Final = TypeAdapter(LineBook)
_REPORT: Final[TypeAdapter[Report]] = TypeAdapter(Report)
_ACCEPTED = "accepted"

#: The newest outcomes that are kept although the server has them: events that are replayed after a
#: restart make no second ones.
KEPT_OUTCOMES = 10_000
_BITE = 1000
"""Rows that are dropped at a time: the PLC waits meanwhile."""


class Memory(Protocol):
    """What the controller needs of its journal; the simulation has one without a disk."""

    def new_host_boot_id(self) -> int:
        """See ``Journal``."""
        ...

    def event_seq(self) -> int:
        """See ``Journal``."""
        ...

    def items(self) -> list[Item]:
        """See ``Journal``."""
        ...

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
        ...

    def outcomes(self) -> list[Outcome]:
        """See ``Journal``."""
        ...

    def book(self) -> LineBook:
        """See ``Journal``."""
        ...


class Journal:
    """The controller's memory on disk; used by one thread."""

    def __init__(self, database: str) -> None:
        self._db = sqlite3.connect(database, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.executescript(_SCHEMA)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The journal in a folder, which is made if it does not exist.

        Raises:
            SettingsError: The folder cannot be used.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return cls(str(folder / "journal.sqlite"))
        except (OSError, sqlite3.Error) as error:
            raise SettingsError(f"--data {folder}: {error}") from error

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def new_host_boot_id(self) -> int:
        """A boot id that this controller did not use the last time; 1 to 65535."""
        last = self._meta("host_boot_id") or secrets.randbelow(65535) + 1
        boot_id = last % 65535 + 1
        self._db.execute("INSERT OR REPLACE INTO meta VALUES ('host_boot_id', ?)", (boot_id,))
        return boot_id

    def event_seq(self) -> int:
        """The last event of the PLC that was committed; 0 for none."""
        return self._meta("event_seq") or 0

    def items(self) -> list[Item]:
        """Items that had no outcome in the record at the last commit."""
        rows = self._db.execute("SELECT body FROM items ORDER BY tid")
        return [_ITEM.validate_json(body) for (body,) in rows]

    def commit(
        self,
        *,
        remembered: Iterable[Item] = (),
        recorded: Iterable[Outcome] = (),
        event_seq: int | None = None,
        book: LineBook | None = None,
        reports: Iterable[Report] = (),
    ) -> None:
        """Store everything or nothing; an outcome that is stored already stays as it is.

        Args:
            remembered: Items as they are now.
            recorded: Outcomes, which end their items.
            event_seq: Last event of the PLC that this follows from.
            book: The line's book where it has changed.
            reports: What the server has to be told.
        """
        with self._transaction():
            self._db.executemany(
                "INSERT OR REPLACE INTO items VALUES (?, ?)",
                [(item.tid, _ITEM.dump_json(item).decode()) for item in remembered],
            )
            for outcome in recorded:
                self._db.execute(
                    "INSERT OR IGNORE INTO outbox (outcome_id, body) VALUES (?, ?)",
                    (outcome.outcome_id, outcome.model_dump_json()),
                )
                self._db.execute("DELETE FROM items WHERE tid = ?", (outcome.tid,))
            if event_seq is not None:
                self._db.execute(
                    "INSERT OR REPLACE INTO meta VALUES ('event_seq', ?)", (event_seq,)
                )
            if book is not None:
                body = _BOOK.dump_json(book).decode()
                self._db.execute("INSERT OR REPLACE INTO book VALUES (1, ?)", (body,))
            self._db.executemany(
                "INSERT INTO reports (body) VALUES (?)",
                [(each.model_dump_json(),) for each in reports],
            )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing of what is done inside."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def unsent(self, limit: int) -> list[Outcome]:
        """The oldest outcomes that the server has not answered."""
        rows = self._db.execute(
            "SELECT body FROM outbox WHERE answer IS NULL ORDER BY number LIMIT ?", (limit,)
        )
        return [Outcome.model_validate_json(body) for (body,) in rows]

    def unsent_count(self) -> int:
        """How many outcomes the server has not answered."""
        (count,) = self._db.execute("SELECT count(*) FROM outbox WHERE answer IS NULL").fetchone()
        return int(count)

    def answered(self, outcomes: Iterable[Outcome], answer: str = _ACCEPTED) -> None:
        """Note the server's answer: they are not sent again.

        What the server has accepted is dropped when it is old; what it has refused stays, for it is
        recorded nowhere else.
        """
        with self._transaction():
            self._db.executemany(
                "UPDATE outbox SET answer = ? WHERE outcome_id = ?",
                [(answer, outcome.outcome_id) for outcome in outcomes],
            )
            self._db.execute(
                "DELETE FROM outbox WHERE number IN (SELECT number FROM outbox WHERE answer = ?"
                " AND number <= (SELECT max(number) FROM outbox) - ? ORDER BY number LIMIT ?)",
                (_ACCEPTED, KEPT_OUTCOMES, _BITE),
            )

    def size_bytes(self) -> int:
        """Size of the database, without its write-ahead log."""
        (pages,) = self._db.execute("PRAGMA page_count").fetchone()
        (page_bytes,) = self._db.execute("PRAGMA page_size").fetchone()
        return int(pages) * int(page_bytes)

    def book(self) -> LineBook:
        """The line's book as it was at the last commit."""
        row = self._db.execute("SELECT body FROM book").fetchone()
        return _BOOK.validate_json(row[0]) if row else LineBook()

    def untold(self, limit: int) -> list[tuple[int, Report]]:
        """The oldest reports that the server has not taken, each with its number."""
        rows = self._db.execute(
            "SELECT number, body FROM reports ORDER BY number LIMIT ?", (limit,)
        )
        return [(number, _REPORT.validate_json(body)) for number, body in rows]

    def told(self, numbers: Iterable[int]) -> None:
        """Forget reports: the server has them."""
        self._db.executemany(
            "DELETE FROM reports WHERE number = ?", [(number,) for number in numbers]
        )

    def outcomes(self) -> list[Outcome]:
        """What was recorded here and is still kept, oldest first."""
        rows = self._db.execute("SELECT body FROM outbox ORDER BY number")
        return [Outcome.model_validate_json(body) for (body,) in rows]

    def _meta(self, name: str) -> int | None:
        row = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return int(row[0]) if row else None
