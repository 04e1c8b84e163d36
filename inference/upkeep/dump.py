"""The store's tables as files that either database can be filled from: one gzipped JSON row a line."""

from __future__ import annotations

import base64
import gzip
import hashlib
import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    DateTime,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    TypeDecorator,
    func,
    insert,
    inspect,
    select,
    text,
)

from inference.errors import StoreError
from inference.store.engine import VERSION_TABLE
from inference.store.tables import metadata

_ROWS = 500


class DumpedTable(BaseModel):
    """One table as it is in a backup."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    columns: dict[str, str]
    """Kind of each column: a key of ``_KINDS``."""
    rows: int
    sha256: str
    """Of the file."""

    @property
    def file(self) -> str:
        """Its name."""
        return f"{self.name}.jsonl.gz"


@dataclass(frozen=True, slots=True)
class _Kind:
    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


def _same(value: Any) -> Any:
    return value


_KINDS = {
    "number": _Kind(_same, _same),
    "text": _Kind(_same, _same),
    "json": _Kind(_same, _same),
    "truth": _Kind(bool, bool),
    "time": _Kind(lambda value: value.astimezone(UTC).isoformat(), datetime.fromisoformat),
    "bytes": _Kind(lambda value: base64.b64encode(value).decode(), base64.b64decode),
}


def _kind(column: Column[Any]) -> str:
    bare = column.type.impl if isinstance(column.type, TypeDecorator) else column.type
    for kind, types in (
        ("time", DateTime),
        ("truth", Boolean),
        ("number", (Integer, Float)),
        ("text", String),
        ("bytes", LargeBinary),
        ("json", JSON),
    ):
        if isinstance(bare, types):
            return kind
    raise StoreError(f"{column} is of a type that a backup has no word for")


def tables_of(connection: Connection) -> list[Table]:
    """The tables to dump, those that others refer to first.

    Raises:
        StoreError: The database has others than this version knows.
    """
    there = set(inspect(connection).get_table_names()) - {VERSION_TABLE}
    if unknown := there ^ set(metadata.tables):
        raise StoreError(f"the tables are not those of this version: {', '.join(sorted(unknown))}")
    return metadata.sorted_tables


def dump(connection: Connection, table: Table, folder: Path) -> DumpedTable:
    """Write a table, in the order of its key."""
    columns = {column.name: _kind(column) for column in table.columns}
    path = folder / f"{table.name}.jsonl.gz"
    rows = 0
    found = connection.execution_options(yield_per=_ROWS).execute(
        select(table).order_by(*table.primary_key)
    )
    with gzip.open(path, "xt", compresslevel=5, encoding="utf-8") as file:
        for row in found:
            values = [
                None if value is None else _KINDS[kind].write(value)
                for value, kind in zip(row, columns.values(), strict=True)
            ]
            file.write(json.dumps(values, separators=(",", ":")) + "\n")
            rows += 1
    return DumpedTable(name=table.name, columns=columns, rows=rows, sha256=file_sha256(path))


def verify(dumped: DumpedTable, folder: Path) -> None:
    """Whether the file is what was written.

    Raises:
        StoreError: It is not.
    """
    path = folder / dumped.file
    try:
        if file_sha256(path) != dumped.sha256:
            raise StoreError(f"{path} is damaged: it has not the hash that it was written with")
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error}") from error


def load(connection: Connection, dumped: DumpedTable, folder: Path) -> None:
    """Fill an empty table, and let it count on from there.

    Raises:
        StoreError: The file has not the rows that it should.
    """
    table = Table(dumped.name, MetaData(), autoload_with=connection)
    if connection.scalar(select(func.count()).select_from(table)):
        connection.execute(table.delete())  # what a migration put there to begin with
    rows = 0
    for some in _batches(dumped, folder):
        connection.execute(insert(table), some)
        rows += len(some)
    if rows != dumped.rows:
        raise StoreError(f"{folder / dumped.file} has {rows} rows, not {dumped.rows}")
    if connection.dialect.name == "postgresql" and "seq" in dumped.columns:
        connection.execute(
            text(
                f"SELECT setval(pg_get_serial_sequence('{dumped.name}', 'seq'), "  # noqa: S608
                f"coalesce(max(seq), 1), max(seq) IS NOT NULL) FROM {dumped.name}"
            )
        )


def _batches(dumped: DumpedTable, folder: Path) -> Iterator[list[dict[str, Any]]]:
    with gzip.open(folder / dumped.file, "rt", encoding="utf-8") as lines:
        while some := list(itertools.islice(lines, _ROWS)):
            yield [
                {
                    name: None if value is None else _KINDS[kind].read(value)
                    for (name, kind), value in zip(
                        dumped.columns.items(), json.loads(line), strict=True
                    )
                }
                for line in some
            ]


def file_sha256(path: Path) -> str:
    """Hex SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
