"""The simulated machine's disk: what lies on the belt, and where every object went.

One transaction holds both, so that an object is either on the belt or in one lane, whenever the
process dies.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from pydantic import ValidationError

from sorter_control.errors import SettingsError
from sorter_control.sim.feed import Feed
from sorter_control.sim.machine import Remains
from sorter_control.sim.plc.state import Retained
from sorter_control.sim.world import Deposit

FILE = "world.sqlite"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS world (
    id INTEGER PRIMARY KEY CHECK (id = 1), feed TEXT NOT NULL, remains TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS deposits (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    serial INTEGER NOT NULL UNIQUE, item_id TEXT, lane INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS captures (tid INTEGER PRIMARY KEY, serial INTEGER NOT NULL) STRICT;
"""


class WorldStore:
    """Saves a machine; a ``kill -9`` loses nothing, a power cut at most the last moments."""

    def __init__(self, folder: Path, feed: Feed) -> None:
        self._feed = feed
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(folder / FILE, isolation_level=None)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise SettingsError(f"--state {folder}: {error}") from error
        self._folder = folder

    def load(self) -> Remains:
        """What an earlier process left; a new world has numbers that no other had.

        Raises:
            SettingsError: The folder belongs to another feed.
        """
        row = self._db.execute("SELECT feed, remains FROM world").fetchone()
        if row is None:
            return Remains(
                plc=Retained(
                    boot_id=secrets.randbelow(65535),
                    next_tid=secrets.randbelow(2**24) + 1,
                    event_head=secrets.randbelow(60000) + 1,
                )
            )
        if row[0] != self._feed.fingerprint:
            raise SettingsError(
                f"--state {self._folder} belongs to another feed: give this one its own folder"
            )
        try:
            return Remains.model_validate_json(row[1])
        except ValidationError as error:
            raise SettingsError(f"--state {self._folder}: {error}") from error

    def captures(self, limit: int) -> list[tuple[int, int]]:
        """(tid, serial) of the newest pictures, oldest first."""
        rows = self._db.execute(
            "SELECT tid, serial FROM captures ORDER BY rowid DESC LIMIT ?", (limit,)
        )
        return list(reversed(rows.fetchall()))

    def save(
        self,
        remains: Remains,
        deposits: Iterable[Deposit],
        captures: Iterable[tuple[int, int]] = (),
    ) -> None:
        """Store everything or nothing."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._db.execute(
                "INSERT OR REPLACE INTO world VALUES (1, ?, ?)",
                (self._feed.fingerprint, remains.model_dump_json()),
            )
            self._db.executemany(
                "INSERT INTO deposits (serial, item_id, lane) VALUES (?, ?, ?)",
                [
                    (deposit.serial, self._feed.rows[deposit.serial].item_id, deposit.lane)
                    for deposit in deposits
                ],
            )
            self._db.executemany("INSERT OR REPLACE INTO captures VALUES (?, ?)", captures)
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        self._db.close()
