"""CSV: one row for each picture; columns are named by the header, or by options."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path

from datasets.importers.files import UnsafePathError, find_picture
from datasets.importers.sightings import (
    FACTS,
    Found,
    LeftOut,
    Options,
    Problem,
    Sighting,
    SourceError,
    facts_of,
)

COLUMNS = ("file", "label", "group", "split", *FACTS)
"""Ours; `file` and `label` are required."""
SEPARATOR = ";"
"""Between several labels of one picture."""
_DELIMITERS = ",\t;"


def read(source: Path, options: Options) -> Iterator[Found]:
    """Every row of a table, its file relative to `options.pictures` or to the table's folder.

    Raises:
        SourceError: The table cannot be read, or lacks a column.
    """
    table = _table_in(source)
    try:
        text = table.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{table}: not readable as UTF-8 text ({error})") from error
    if not text.strip():
        raise SourceError(f"{table} is empty")
    delimiter = max(_DELIMITERS, key=text.partition("\n")[0].count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    base = options.pictures or table.parent
    try:
        header = [*(reader.fieldnames or [])]
        names = _names(table, header, options.columns)
        for column in sorted(set(header) - set(names.values())):
            yield LeftOut(f"column {column!r} is not read", table.name)
        for row in reader:
            yield _sighting(table, f"line {reader.line_num}", row, names, base)
    except csv.Error as error:
        raise SourceError(f"{table}, line {reader.line_num}: {error}") from error


def _sighting(
    table: Path, where: str, row: Mapping[str | None, object], names: Mapping[str, str], base: Path
) -> Found:
    if None in row or None in row.values():
        return Problem(str(table), where, "the row has not as many fields as the header")
    values = {ours: str(row[theirs]).strip() for ours, theirs in names.items()}
    try:
        picture = find_picture(values["file"], [base])
    except UnsafePathError as error:
        return Problem(str(table), where, str(error))
    labels = [label.strip() for label in values["label"].split(SEPARATOR)]
    return Sighting(
        picture,
        tuple(label for label in labels if label),
        where=where,
        listed_in=table,
        group=values.get("group") or None,
        split=values.get("split") or None,
        facts=facts_of({name: values.get(name) for name in FACTS}),
    )


def _names(table: Path, header: list[str], given: Mapping[str, str]) -> dict[str, str]:
    """Our columns with the names that they have in the table."""
    if unknown := set(given) - set(COLUMNS):
        raise SourceError(f"--column names {sorted(unknown)}; there are {', '.join(COLUMNS)}")
    if absent := set(given.values()) - set(header):
        raise SourceError(f"{table} has no column {sorted(absent)}; it has {header}")
    names = {ours: ours for ours in COLUMNS if ours in header} | dict(given)
    if missing := {"file", "label"} - set(names):
        raise SourceError(
            f"{table} has no column {sorted(missing)}; it has {header}: say which is meant with "
            f"--column {min(missing)}=ITS-NAME"
        )
    if len(set(header)) < len(header):
        raise SourceError(f"{table} has two columns of the same name: {header}")
    return names


def _table_in(source: Path) -> Path:
    if not source.is_dir():
        return source
    tables = sorted(source.glob("*.csv"))
    if len(tables) != 1:
        raise SourceError(f"{source} holds {len(tables)} .csv files; give --from the one you mean")
    return tables[0]
