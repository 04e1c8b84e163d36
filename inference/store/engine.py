"""Opens the database and brings its schema up to date."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    ExceptionContext,
    create_engine,
    event,
    inspect,
    make_url,
    text,
)
from sqlalchemy.exc import ArgumentError, DisconnectionError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from inference.errors import StoreError

#: Execution option of a transaction that writes.
WRITES = "regrade_writes"
#: Of the schema that this version writes: the newest of ``migrations``.
REVISION = "0008"
VERSION_TABLE = "alembic_version"
_LOCK_MS = 5000
#: How soon a database is given up that no longer answers, in libpq's words.
_POSTGRESQL = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
#: After these a connection to SQLite is not used again: what it has open may be another file, or
#: open for reading alone, for as long as it lives.
_LOST = frozenset(
    {
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_NOTADB,
    }
)


def open_engine(url: str) -> Engine:
    """Connect, and run the migrations that are missing.

    Args:
        url: ``sqlite:///path`` or ``postgresql://user@host/name``.

    Raises:
        StoreError: The URL is no such database, it cannot be reached, or a newer version wrote it.
    """
    engine = connect(url, create=True)
    try:
        with in_words(engine), writing(engine) as connection:
            if revision_of(connection) != REVISION:
                from inference.store import schema  # noqa: PLC0415 - Alembic slows each start

                schema.migrate(connection)
    except StoreError:
        engine.dispose()
        raise
    return engine


def connect(url: str, *, create: bool = False) -> Engine:
    """An engine for a database as it is; no statement has been sent yet.

    Args:
        url: As of ``open_engine``.
        create: Make the file of a SQLite database that is not there.

    Raises:
        StoreError: The URL is no such database, or the file cannot be made.
    """
    try:
        parsed = make_url(url)
        dialect = parsed.get_backend_name()
        if dialect not in ("sqlite", "postgresql"):
            raise StoreError(f"the store can be SQLite or PostgreSQL, not {dialect}")
        if dialect == "sqlite":
            return _sqlite(parsed, create=create)
        settings = {key: value for key, value in _POSTGRESQL.items() if key not in parsed.query}
        engine = create_engine(
            parsed, pool_pre_ping=True, hide_parameters=True, connect_args=settings
        )
    except ArgumentError as error:
        raise StoreError(f"{url!r} is not a database URL: {error}") from error
    except ModuleNotFoundError as error:
        raise StoreError(
            f"PostgreSQL needs {error.name}: pip install 'regrade[postgres]'"
        ) from error
    event.listen(engine, "connect", _prepare_postgresql)
    return engine


@contextmanager
def in_words(engine: Engine) -> Iterator[None]:
    """What keeps a command from using the database, as one error.

    Raises:
        StoreError: It cannot be reached or read.
    """
    try:
        yield
    except SQLAlchemyError as error:
        raise StoreError(f"the store {engine.url!r} cannot be opened or read: {error}") from error


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes."""
    with engine.execution_options(**{WRITES: True}).begin() as connection:
        yield connection


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """A transaction that reads the store as it was at one moment, however long it takes."""
    frozen = engine.execution_options(isolation_level="REPEATABLE READ")
    with (engine if engine.dialect.name == "sqlite" else frozen).begin() as connection:
        yield connection


def revision_of(connection: Connection) -> str | None:
    """Of the schema that the database has; None: none of ours."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found: str | None = connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}"))  # noqa: S608
    return found


def _prepare_postgresql(connection: Any, _entry: ConnectionPoolEntry) -> None:
    connection.execute(f"SET lock_timeout = {_LOCK_MS}")
    connection.commit()


def _sqlite(url: URL, *, create: bool) -> Engine:
    """An engine that notices when its file is gone.

    SQLite writes on into a file that was removed, and makes a new, empty one for the next
    connection: facts would be acknowledged and lost. So the file is made here, once, and each use
    of a connection looks whether it is still the one that it has open.
    """
    # The connection that was used last comes first: its cache of pages is the least out of date.
    engine = create_engine(url, hide_parameters=True, pool_use_lifo=True)
    event.listen(engine, "begin", _begin_sqlite)
    event.listen(engine, "handle_error", _give_up_lost)
    event.listen(engine, "connect", _prepare_sqlite)
    path = Path(url.database) if url.database and url.database != ":memory:" else None
    if path is None or url.query:
        return engine
    if create:
        try:
            path.touch()
        except OSError as error:
            raise StoreError(f"the store {url!r} cannot be opened: {error}") from error

    def open_existing(*_: object) -> sqlite3.Connection:
        return sqlite3.connect(
            f"file:{quote(str(path))}?mode=rw", uri=True, check_same_thread=False
        )

    def remember(_connection: sqlite3.Connection, entry: ConnectionPoolEntry) -> None:
        entry.info["file"] = _identity(path)

    def compare(_connection: Any, entry: ConnectionPoolEntry, _proxy: object) -> None:
        if entry.info["file"] != _identity(path):
            raise DisconnectionError(f"{path} is not the file that was opened")

    event.listen(engine, "do_connect", open_existing)
    event.listen(engine, "connect", remember)
    event.listen(engine, "checkout", compare)
    return engine


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _give_up_lost(context: ExceptionContext) -> None:
    code = getattr(context.original_exception, "sqlite_errorcode", None)
    if code is not None and code & 0xFF in _LOST:
        context.is_disconnect = True


def _prepare_sqlite(connection: Any, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # transactions are begun below, by us
    for pragma in (
        f"busy_timeout = {_LOCK_MS}",
        "journal_mode = WAL",
        "synchronous = FULL",  # a reply means that the grading outlives a power cut
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes its lock at once: one that upgrades half-way can fail where waiting would do.
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
