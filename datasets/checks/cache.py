"""A cache on disk of what was computed from pictures, by the hash of their bytes."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from datasets.progress import Track

_ASKED_AT_ONCE = 500
_COMPUTED_AT_ONCE = 32


class Cache:
    """Values by kind and content hash, in one SQLite file; an unknown kind is simply empty."""

    def __init__(self, folder: Path) -> None:
        """Open or make ``checks.sqlite`` in `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "checks.sqlite"
        with closing(self._connect()) as connection, connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS found "
                "(kind TEXT, sha256 TEXT, value BLOB, PRIMARY KEY (kind, sha256)) WITHOUT ROWID"
            )

    def read(self, kind: str, hashes: Iterable[str]) -> dict[str, bytes]:
        """The values that are there, by hash."""
        wanted = sorted(set(hashes))
        found: dict[str, bytes] = {}
        with closing(self._connect()) as connection:
            for part in _parts(wanted, _ASKED_AT_ONCE):
                marks = ",".join("?" * len(part))
                query = f"SELECT sha256, value FROM found WHERE kind = ? AND sha256 IN ({marks})"  # noqa: S608
                found.update(connection.execute(query, (kind, *part)))
        return found

    def write(self, kind: str, values: Mapping[str, bytes]) -> None:
        """Keep values by hash."""
        rows = [(kind, sha256, value) for sha256, value in values.items()]
        with closing(self._connect()) as connection, connection:
            connection.executemany("INSERT OR REPLACE INTO found VALUES (?, ?, ?)", rows)

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=60)


def _parts(items: list[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def cached(
    cache: Cache,
    kind: str,
    files: Mapping[str, Path],
    compute: Callable[[Sequence[Path]], Iterable[bytes]],
    track: Track,
) -> dict[str, bytes]:
    """One value for each picture, computed for those that the cache lacks.

    Args:
        cache: Where values are kept.
        kind: Names what is computed and how, and is what progress shows.
        files: Paths by content hash.
        compute: Gives a value for each of a few paths, in their order.
        track: Shows progress.
    """
    found = cache.read(kind, files)
    batches = [*_parts(sorted(set(files) - set(found)), _COMPUTED_AT_ONCE)]
    for batch in track(batches, kind, len(batches)) if batches else ():
        fresh = dict(zip(batch, compute([files[sha256] for sha256 in batch]), strict=True))
        cache.write(kind, fresh)
        found.update(fresh)
    return found
