"""Copies a store, facts and pictures, while the server runs; and brings a copy back.

A backup is a directory: ``manifest.json``, a file for each table, the pictures, and the bundles that
the history still needs. It is written under another name and renamed at the end, so one that has its
name is whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Literal, get_args

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import Connection, Engine, inspect, select

from inference.access import audit
from inference.access.audit import Act
from inference.access.tables import sessions, tokens
from inference.errors import StoreError
from inference.models import names
from inference.models.registry import Registry
from inference.pictures import sync_directory
from inference.store import engine as database
from inference.store import schema
from inference.store.tables import deletions, grading_pictures
from inference.upkeep import bundles, dump
from inference.upkeep.bundles import SavedBundle
from inference.upkeep.dump import DumpedTable
from inference.upkeep.facts import FACTS

_MANIFEST = "manifest.json"
_TABLES = "tables"
_PICTURES = "pictures"
_BUNDLES = "models"
_LIST = "pictures.txt"
_Format = Literal["regrade.backup/1", "regrade.backup/2"]


class Manifest(BaseModel):
    """What a backup holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: _Format = "regrade.backup/2"
    """The first had no bundles."""
    made_at: AwareDatetime
    made_by: str
    """Version of Regrade."""
    database: str
    """That it was made from: ``sqlite`` or ``postgresql``."""
    revision: str
    """Of the schema."""
    tables: tuple[DumpedTable, ...]
    pictures: int
    picture_list_sha256: str
    """Of ``pictures.txt``, which names them one a line."""
    missing: tuple[str, ...] = Field(
        description="Pictures that gradings name, and that the store itself had lost or damaged."
    )
    bundles: tuple[SavedBundle, ...] = ()
    missing_bundles: tuple[str, ...] = Field(
        default=(),
        description="Bundles that the history needs, and that the registry had lost or damaged.",
    )


@dataclass(frozen=True, slots=True)
class Restored:
    """What came of a restore, and what is left to do after it."""

    manifest: Manifest
    lacking: tuple[str, ...]
    """Bundles that the history needs, and that neither backup nor registry has."""
    opening: tuple[str, ...]
    """Names on keys and badges that open: also those that were revoked after the backup."""


def back_up(
    engine: Engine,
    pictures: Path,
    registry: Registry,
    to: Path,
    previous: Path | None = None,
    *,
    models: bool = True,
) -> Manifest:
    """Copy a store that may be in use.

    The facts are those of one moment; every picture that they name is copied, but for those that
    the retention policy deletes meanwhile: their deletion is then in the copy.

    Args:
        engine: Of the database.
        pictures: The store's directory of pictures.
        registry: Has the bundles that the history still needs.
        to: Directory to make; its parent must be there.
        previous: An earlier backup on the same file system: pictures and bundles that it has are
            hard links to it, so that they take neither time nor room.
        models: Copy the bundles too.

    Raises:
        StoreError: Something is there already, cannot be read, or cannot be written.
    """
    if to.exists():
        raise StoreError(f"{to} is there already; a backup goes into a directory of its own")
    if previous is not None:
        read_manifest(previous)
    with _made_whole(to) as folder, database.in_words(engine):
        (folder / _TABLES).mkdir()
        with database.snapshot(engine) as connection:
            revision = _current(connection)
            tables = dump.tables_of(connection)
            dumped = [
                dump.dump(connection, table, folder / _TABLES)
                for table in tables
                if table is not deletions
            ]
            named = _named(connection)
            wanted = bundles.needed(connection) if models else {}
        copied, absent = _copy_pictures(named, pictures, folder, previous)
        saved, lost = bundles.save(
            wanted, registry, folder / _BUNDLES, previous / _BUNDLES if previous else None
        )
        with database.snapshot(engine) as connection:  # after the pictures: a later one knows more
            dumped.append(dump.dump(connection, deletions, folder / _TABLES))
            gone = set(connection.scalars(select(deletions.c.sha256).distinct()))
        manifest = Manifest(
            made_at=datetime.now(UTC),
            made_by=version("regrade"),
            database=engine.dialect.name,
            revision=revision,
            tables=tuple(dumped),
            pictures=len(copied),
            picture_list_sha256=_write_list(copied, folder),
            missing=tuple(sorted(set(absent) - gone)),
            bundles=tuple(saved),
            missing_bundles=tuple(map(names.shown, lost)),
        )
        (folder / _MANIFEST).write_text(manifest.model_dump_json(indent=1) + "\n", "utf-8")
    return manifest


def read_manifest(backup: Path) -> Manifest:
    """Of a backup.

    Raises:
        StoreError: There is none, or a newer version wrote it.
    """
    path = backup / _MANIFEST
    try:
        content = json.loads(path.read_bytes())
        if content.get("format") not in get_args(_Format):
            raise StoreError(
                f"{backup} has the format {content.get('format')}; a newer version of Regrade reads it"
            )
        return Manifest.model_validate(content)
    except OSError as error:
        raise StoreError(f"{backup} is no backup: {error}") from error
    except (ValueError, ValidationError, AttributeError) as error:
        raise StoreError(f"{path} is damaged: {error}") from error


def verify(backup: Path) -> Manifest:
    """Read every byte of a backup.

    Raises:
        StoreError: It is not what was written.
    """
    manifest = read_manifest(backup)
    for dumped in manifest.tables:
        dump.verify(dumped, backup / _TABLES)
    for sha256 in _list(backup, manifest):
        try:
            _verified(_picture(backup / _PICTURES, sha256), sha256)
        except OSError as error:
            raise StoreError(f"the backup lacks the picture {sha256}: {error}") from error
    for bundle in manifest.bundles:
        bundles.verify(bundle, backup / _BUNDLES)
    return manifest


def restore(backup: Path, engine: Engine, pictures: Path, registry: Registry, by: str) -> Restored:
    """Fill an empty store; who was logged in has to log in again.

    Pictures and bundles come first and the database is filled in one transaction, so that a restore
    that was interrupted can be begun again.

    Args:
        backup: A whole one; it is read in full before anything is written.
        engine: Of an empty database, of either kind.
        pictures: The store's directory of pictures.
        registry: Takes the bundles.
        by: Who restores, for the audit log.

    Raises:
        StoreError: The store is not empty, or the backup is damaged or of a newer version.
    """
    manifest = read_manifest(backup)
    if manifest.revision not in schema.revisions():
        raise StoreError(
            f"{backup} has schema {manifest.revision}, which this version does not know: restore it "
            f"with Regrade {manifest.made_by} or newer"
        )
    with database.in_words(engine), database.writing(engine) as connection:
        _refuse_facts(connection)
    verify(backup)
    try:
        for sha256 in _list(backup, manifest):
            _put(_picture(backup / _PICTURES, sha256), _picture(pictures, sha256))
    except OSError as error:
        raise StoreError(f"a picture cannot be restored: {error}") from error
    for bundle in manifest.bundles:
        bundles.put_back(bundle, backup / _BUNDLES, registry)
    _reach_the_disk()
    with database.in_words(engine), database.writing(engine) as connection:
        if database.revision_of(connection) is None:
            schema.migrate(connection, manifest.revision)
        elif database.revision_of(connection) != manifest.revision:
            raise StoreError(
                "the empty database has the tables of another version; name one without tables"
            )
        _refuse_facts(connection)
        for dumped in manifest.tables:
            if dumped.name != sessions.name:
                dump.load(connection, dumped, backup / _TABLES)
        schema.migrate(connection)
        audit.add(
            connection, Act(by, "command line", "restore", f"of {manifest.made_at.isoformat()}")
        )
        lacking = bundles.absent(bundles.needed(connection), registry)
        keys = connection.scalars(
            select(tokens.c.name).where(tokens.c.revoked_at.is_(None)).order_by(tokens.c.name)
        )
        return Restored(manifest, tuple(map(names.shown, lacking)), tuple(keys))


@contextmanager
def _made_whole(to: Path) -> Iterator[Path]:
    partial = to.with_name(f".{to.name}.partial-{secrets.token_hex(4)}")
    try:
        partial.mkdir()
        try:
            yield partial
            _reach_the_disk()
            partial.rename(to)
            sync_directory(to.parent)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    except OSError as error:
        raise StoreError(f"the backup cannot be written: {error}") from error


def _current(connection: Connection) -> str:
    found = database.revision_of(connection)
    if found != database.REVISION:
        raise StoreError(
            f"the store has schema {found}, this version writes {database.REVISION}: start "
            "`regrade serve` of this version once, or back up with the version that wrote it"
        )
    return found


def _named(connection: Connection) -> list[str]:
    return list(
        connection.scalars(
            select(grading_pictures.c.sha256).distinct().order_by(grading_pictures.c.sha256)
        )
    )


def _copy_pictures(
    named: list[str], pictures: Path, folder: Path, previous: Path | None
) -> tuple[list[str], list[str]]:
    copied, absent = [], []
    for sha256 in named:
        to = _picture(folder / _PICTURES, sha256)
        to.parent.mkdir(parents=True, exist_ok=True)
        if _linked(previous, sha256, to) or _copied(pictures, sha256, to):
            copied.append(sha256)
        else:
            absent.append(sha256)
    return copied, absent


def _linked(previous: Path | None, sha256: str, to: Path) -> bool:
    if previous is None:
        return False
    try:
        os.link(_picture(previous / _PICTURES, sha256), to)
    except FileNotFoundError:
        return False
    return True


def _copied(pictures: Path, sha256: str, to: Path) -> bool:
    there = _picture(pictures, sha256)
    for path in (there, pictures / ".aside" / sha256, there):  # it may be aside for a moment
        try:
            _put(path, to)
        except (FileNotFoundError, StoreError):
            continue
        return True
    return False


def _put(origin: Path, to: Path) -> None:
    """Copy a picture that is what its name says."""
    data = _verified(origin, to.name)
    if to.exists() and to.read_bytes() == data:
        return
    to.parent.mkdir(parents=True, exist_ok=True)
    partial = to.with_name(f".{to.name}.{secrets.token_hex(4)}")
    partial.write_bytes(data)
    partial.replace(to)


def _verified(path: Path, sha256: str) -> bytes:
    """Bytes of a picture."""
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != sha256:
        raise StoreError(f"{path} is damaged: its bytes are not those of its name")
    return data


def _picture(root: Path, sha256: str) -> Path:
    return root / sha256[:2] / sha256


def _write_list(copied: list[str], folder: Path) -> str:
    (folder / _LIST).write_text("".join(f"{sha256}\n" for sha256 in copied), "ascii")
    return dump.file_sha256(folder / _LIST)


def _list(backup: Path, manifest: Manifest) -> list[str]:
    path = backup / _LIST
    try:
        if dump.file_sha256(path) != manifest.picture_list_sha256:
            raise StoreError(f"{path} is damaged: it has not the hash that it was written with")
        return path.read_text("ascii").splitlines()
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error}") from error


def _refuse_facts(connection: Connection) -> None:
    there = set(inspect(connection).get_table_names())
    for table in FACTS:
        if table.name in there and connection.execute(select(table.c.seq).limit(1)).first():
            raise StoreError(
                f"the store is not empty: it has {table.name}; restore into a new database"
            )


def _reach_the_disk() -> None:
    """One wait for all files is minutes where one for each is hours."""
    if hasattr(os, "sync"):
        os.sync()
