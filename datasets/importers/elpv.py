"""The PyPI package ``elpv-dataset``: photographs of solar cells with a four-step probability."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from datasets.importers.files import UnsafePathError, find_picture
from datasets.importers.sightings import Facts, Found, Problem, Sighting, SourceError

_LABELS = {0.0: "0", 1 / 3: "1/3", 2 / 3: "2/3", 1.0: "1"}


def package_folder() -> Path:
    """Folder of the installed package's pictures.

    Raises:
        SourceError: The package is not installed.
    """
    found = find_spec("elpv_dataset")
    if found is None or found.origin is None:
        raise SourceError("the package elpv-dataset is not installed: pip install elpv-dataset")
    return Path(found.origin).parent / "data"


def read(folder: Path) -> Iterator[Found]:
    """Every cell of ``labels.csv``: file, probability that it is defective, kind of wafer.

    Raises:
        SourceError: The table cannot be read.
    """
    table = folder / "labels.csv"
    try:
        lines = table.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{table}: not readable as text ({error})") from error
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield _cell(table, f"line {number}", line.split())


def _cell(table: Path, where: str, fields: list[str]) -> Found:
    try:
        name, probability, kind = fields
        (label,) = (text for p, text in _LABELS.items() if abs(float(probability) - p) < 1e-3)
        picture = find_picture(name, [table.parent])
    except UnsafePathError as error:
        return Problem(str(table), where, str(error))
    except ValueError:
        return Problem(
            str(table), where, "needs a file, a probability of 0, 1/3, 2/3 or 1, and a kind"
        )
    return Sighting(
        picture,
        (label,),
        where=where,
        listed_in=table,
        facts=Facts(category=f"solar_cell_{kind}"),
    )
