"""Opens the database and brings its schema up to date."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from inference.errors import StoreError

#: Execution option of a transaction that writes.
WRITES = "regrade_writes"
_MIGRATIONS = Path(__file__).parent / "migrations"
_MIGRATION_LOCK = 0x5265_6772  # any number, the same for every server of one database


def open_engine(url: str) -> Engine:
    """Connect, and run the migrations that are missing.

    Args:
        url: ``sqlite:///path`` or ``postgresql://user@host/name``.

    Raises:
        StoreError: The URL is no such database, it cannot be reached, or a newer version wrote it.
    """
    try:
        parsed = make_url(url)
        dialect = parsed.get_backend_name()
        if dialect not in ("sqlite", "postgresql"):
            raise StoreError(f"the store can be SQLite or PostgreSQL, not {dialect}")
        engine = create_engine(
            parsed, hide_parameters=True, **({"pool_pre_ping": True} if dialect != "sqlite" else {})
        )
    except ArgumentError as error:
        raise StoreError(f"{url!r} is not a database URL: {error}") from error
    except ModuleNotFoundError as error:
        raise StoreError(
            f"PostgreSQL needs {error.name}: pip install 'regrade[postgres]'"
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    try:
        with engine.execution_options(**{WRITES: True}).begin() as connection:
            _migrate(connection)
    except CommandError as error:
        engine.dispose()
        raise StoreError(f"{parsed!r}: {error}; was it written by a newer version?") from error
    except SQLAlchemyError as error:
        engine.dispose()
        raise StoreError(f"the store {parsed!r} cannot be opened: {error}") from error
    return engine


def _migrate(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _prepare_sqlite(connection: Any, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # transactions are begun below, by us
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",  # a reply means that the grading outlives a power cut
        "busy_timeout = 5000",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes its lock at once: one that upgrades half-way can fail where waiting would do.
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
