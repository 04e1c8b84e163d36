"""Brings a schema up to date, with Alembic: loaded only where there is something to do."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text

from inference.errors import StoreError

_MIGRATIONS: Final = Path(__file__).parent / "migrations"
_MIGRATION_LOCK: Final = 0x5265_6772  # any number, the same for every server of one database


def migrate(connection: Connection, revision: str = "head") -> None:
    """Bring the schema to a revision; another process that does so at the same time waits.

    Raises:
        StoreError: A newer version wrote it.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
    config = _config()
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, revision)
    except CommandError as error:
        raise StoreError(
            f"{connection.engine.url!r}: {error}; was it written by a newer version?"
        ) from error


def revisions() -> list[str]:
    """All that this version knows, the newest first."""
    return [script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()]


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config
