"""Holds a store against what it promises."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, Row, Table, func, select, text

from inference.pictures import PREFIXES, PictureStore
from inference.records import Current, derive
from inference.store import Store
from inference.store import engine as database
from inference.store.rows import outcome_of, override_of, verdict_of
from inference.store.tables import (
    grading_pictures,
    gradings,
    items,
    outcomes,
    overrides,
    totals,
)
from inference.upkeep.facts import FACTS

_ITEMS = 500
_SHOWN = 5
_IMAGES = {
    "sqlite": "SELECT value, seq FROM gradings, json_each(verdict, '$.images')",
    "postgresql": "SELECT value, seq FROM gradings, "
    "jsonb_array_elements_text(CAST(verdict AS jsonb) -> 'images') AS value",
}
_GUARDS = {
    "sqlite": "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :name",
    "postgresql": "SELECT 2 * count(*) FROM pg_trigger WHERE tgname = :name || '_append_only' "
    "AND tgrelid = CAST(:name AS regclass) AND tgenabled <> 'D'",
}


@dataclass(slots=True)
class Report:
    """What was looked at, and what is wrong with it."""

    counts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def wrong(self, what: str, which: Sequence[str]) -> None:
        """Note a kind of problem with the first that have it."""
        if which:
            more = f" and {len(which) - _SHOWN} more" if len(which) > _SHOWN else ""
            self.problems.append(f"{what}: {', '.join(sorted(which)[:_SHOWN])}{more}")


def check(engine: Engine, pictures: PictureStore, *, hashes: bool) -> Report:
    """Read a store, which may be in use, and compare it with itself.

    Args:
        engine: Of the database; nothing is written.
        pictures: The store's pictures.
        hashes: Read every picture; else only look whether it is there.

    Raises:
        StoreError: It cannot be read.
    """
    report = Report()
    with database.in_words(engine), database.snapshot(engine) as connection:
        if engine.dialect.name == "sqlite":
            said = list(connection.scalars(text("PRAGMA integrity_check(20)")))
            report.wrong("SQLite finds the file damaged", [] if said == ["ok"] else said)
        revision = database.revision_of(connection)
        if revision != database.REVISION:
            report.problems.append(
                f"schema {revision} is not that of this version, {database.REVISION}"
            )
            return report
        _check_facts(connection, report)
        _check_items(connection, report)
        _check_totals(connection, report)
        _check_listed(connection, report)
        _check_pictures(connection, Store(engine), pictures, report, hashes=hashes)
    return report


def _check_facts(connection: Connection, report: Report) -> None:
    guards = text(_GUARDS[connection.dialect.name])
    for table in FACTS:
        number = connection.scalar(select(func.count()).select_from(table))
        report.counts[table.name] = number or 0
        if (connection.scalar(guards, {"name": table.name}) or 0) < 2:
            report.problems.append(f"nothing keeps {table.name} from being changed: no trigger")


def _check_items(connection: Connection, report: Report) -> None:
    """Kept state of items, against the function that it follows from."""
    for table in (gradings, overrides, outcomes):
        known = select(items.c.seq).where(items.c.item_id == table.c.item_id).exists()
        orphans = select(table.c.item_id).distinct().where(table.c.item_id.is_not(None), ~known)
        report.wrong(
            f"{table.name} of items that are not listed", list(connection.scalars(orphans))
        )
    after, stale = "", []
    while rows := connection.execute(
        select(items).where(items.c.item_id > after).order_by(items.c.item_id).limit(_ITEMS)
    ).all():
        after = rows[-1].item_id
        ids = [row.item_id for row in rows]
        graded, answered, ended = (
            _newest(connection, table, ids) for table in (gradings, overrides, outcomes)
        )
        for row in rows:
            grading, answer, outcome = (each.get(row.item_id) for each in (graded, answered, ended))
            follows = derive(
                verdict_of(grading) if grading else None,
                override_of(answer) if answer else None,
                outcome_of(outcome) if outcome else None,
            )
            kept = Current(status=row.status, grade=row.grade, lane=row.lane, ending=row.ending)
            if kept != follows:
                stale.append(row.item_id)
        report.counts["items"] += len(rows)
    report.wrong("items whose state does not follow from their facts", stale)


def _newest(connection: Connection, table: Table, ids: list[str]) -> dict[str, Row[Any]]:
    newest = select(func.max(table.c.seq)).where(table.c.item_id.in_(ids)).group_by(table.c.item_id)
    rows = connection.execute(select(table).where(table.c.seq.in_(newest)))
    return {row.item_id: row for row in rows}


def _check_totals(connection: Connection, report: Report) -> None:
    lane = func.coalesce(outcomes.c.lane, "")
    key = (outcomes.c.line_id, lane, outcomes.c.ending, outcomes.c.rule)
    counted = {tuple(row) for row in connection.execute(select(*key, func.count()).group_by(*key))}
    kept = {tuple(row) for row in connection.execute(select(totals))}
    report.wrong("totals that are not the number of outcomes", [str(row) for row in counted ^ kept])


def _check_listed(connection: Connection, report: Report) -> None:
    images = _IMAGES[connection.dialect.name]
    listed = "SELECT sha256, grading_seq FROM grading_pictures"
    for one, other in ((images, listed), (listed, images)):
        rows = connection.execute(text(f"{one} EXCEPT {other}"))  # both are constants
        report.wrong("pictures that are not listed as in the gradings", [row[0] for row in rows])


def _check_pictures(
    connection: Connection, store: Store, pictures: PictureStore, report: Report, *, hashes: bool
) -> None:
    """Every picture that a grading names is there, or its deletion is; in 256 parts."""
    lost: list[str] = []
    damaged: list[str] = []
    for prefix in PREFIXES:
        named = set(
            connection.scalars(
                select(grading_pictures.c.sha256)
                .distinct()
                .where(grading_pictures.c.sha256.startswith(prefix))
            )
        )
        there = {file.sha256: file for file in pictures.files_of(prefix)}
        report.counts["pictures"] += len(named & set(there))
        report.counts["pictures that no grading names"] += len(set(there) - named)
        report.counts["bytes of pictures"] += sum(file.bytes for file in there.values())
        absent = [sha256 for sha256 in named - set(there) if pictures.bytes_of(sha256) is None]
        for some in _parts(absent):
            lost += set(some) - set(store.deletions_of(some))
        report.counts["pictures deleted by retention"] += len(absent)
        if hashes:
            damaged += [sha256 for sha256 in named & set(there) if _differs(pictures, sha256)]
    report.counts["pictures deleted by retention"] -= len(lost)
    report.wrong("pictures that gradings name are not there", lost)
    report.wrong("pictures whose bytes are not those of their name", damaged)


def _differs(pictures: PictureStore, sha256: str) -> bool:
    data = pictures.bytes_of(sha256)
    return data is not None and hashlib.sha256(data).hexdigest() != sha256


def _parts(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), _ITEMS):
        yield values[start : start + _ITEMS]
