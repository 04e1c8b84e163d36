"""One import from end to end: read, check, join with the manifest, copy, write; or refuse."""

from __future__ import annotations

import csv
import io
import re
import shutil
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from datasets.importers import elpv, overrides
from datasets.importers.archives import unpacked
from datasets.importers.formats import ELPV, FILES, NAMES, OVERRIDES, PHOTOGRAPHS
from datasets.importers.places import Place
from datasets.importers.sightings import NO_OPTIONS, Found, Options, Problem, SourceError
from datasets.importing import Imported, Track, import_found
from datasets.manifest import LabelledPicture, Rle, read_manifest, write_manifest
from datasets.masks import MaskError, encode, read_mask
from datasets.merging import Conflict, Merged, merge
from datasets.rubric import Rubric
from datasets.sources import import_sources

_NAME = re.compile(r"\w[\w.-]*")


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asks for."""

    format: str
    origin: str | None
    """Folder, file, archive, or a server's address."""
    out: Path
    rubric: Path
    source: str | None = None
    section: str | None = None
    root: Path | None = None
    copy: bool = False
    replace: bool = False
    skip_broken: bool = False
    options: Options = NO_OPTIONS


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an import did."""

    imported: Imported
    merged: Merged
    report: Path | None
    """File with the rows that were left out for being broken."""


class ConflictError(Exception):
    """Pictures of the manifest would get other labels, so nothing was written."""

    def __init__(self, conflicts: Sequence[Conflict]) -> None:
        super().__init__(f"labels differ from the manifest: {conflicts[0]}")
        self.conflicts = tuple(conflicts)


def run(request: Request, track: Track) -> Outcome:
    """Import.

    Raises:
        SourceError: The input cannot be read, or the request does not fit its format.
        RefusedError: Rows are broken and are not to be skipped.
        ConflictError: Labels have changed and are not to be replaced.
        RubricError: The rubric cannot be read or lacks the source.
        ManifestError: The manifest that is there cannot be read.
    """
    _check(request)
    rubric = Rubric.load(request.rubric)
    with ExitStack() as stack:
        place, imported = _read(request, rubric, stack, track)
        if not (request.skip_broken and imported.rows):
            imported.require_whole()
        existing = read_manifest(request.out) if request.out.exists() else []
        _require_same_root(existing, place, request.out)
        merged = merge(
            existing,
            imported.rows,
            lambda name: _mask(place.root / name),
            lambda name: _mask(imported.copies.get(name, place.root / name)),
        )
        if merged.conflicts and not request.replace:
            raise ConflictError(merged.conflicts)
        request.out.parent.mkdir(parents=True, exist_ok=True)
        _copy(imported, merged, place)
        write_manifest(request.out, merged.rows)
        broken = imported.broken()
        report = _report(request.out, broken)
    return Outcome(imported, merged, report)


def _check(request: Request) -> None:
    if request.format not in NAMES:
        raise SourceError(f"there is no format {request.format!r}; there are {', '.join(NAMES)}")
    if request.origin is None and request.format != ELPV:
        raise SourceError("give --from what is to be imported")
    own_names = {PHOTOGRAPHS, ELPV, OVERRIDES}
    if request.source is None and request.format not in own_names:
        raise SourceError(
            "give --source a name for this data set: the rubric's section of its labels"
        )
    if request.format == PHOTOGRAPHS and (request.source or request.section):
        raise SourceError("the shipped sources have their names: leave out --source and --labels")
    if request.source and not _NAME.fullmatch(request.source):
        raise SourceError(
            f"--source {request.source!r}: a name has letters, digits, '.', '_' and '-'"
        )
    taken = next((each.options for each in FILES if each.name == request.format), frozenset())
    given = {
        "pictures": request.options.pictures,
        "label": request.options.label,
        "masks": request.options.masks,
        "columns": request.options.columns,
    }
    if wrong := sorted(name for name, value in given.items() if value and name not in taken):
        flags = ["--column" if name == "columns" else f"--{name}" for name in wrong]
        raise SourceError(f"the format {request.format} has no {', '.join(flags)}")


def _read(
    request: Request, rubric: Rubric, stack: ExitStack, track: Track
) -> tuple[Place, Imported]:
    name = request.source or request.format
    match request.format:
        case "overrides":
            into = Path(stack.enter_context(TemporaryDirectory(prefix="regrade-"))).resolve()
            place = _place(request, into, name, copied=True)
            client = stack.enter_context(overrides.connect(request.origin or ""))
            found: Iterable[Found] = overrides.read(overrides.Server(client), into)
        case "elpv":
            folder = Path(request.origin) if request.origin else elpv.package_folder()
            place = _place(request, folder, name, copied=True)
            found = [*elpv.read(place.base)]
        case _:
            origin = Path(request.origin or "")
            if not origin.exists():
                raise SourceError(f"{origin}: there is no such file or folder; give --from another")
            folder = stack.enter_context(unpacked(origin)).resolve()
            base = request.options.pictures or (folder if folder.is_dir() else folder.parent)
            place = _place(request, base, name, copied=origin.is_file() and folder.is_dir())
            if request.format == PHOTOGRAPHS:
                return place, import_sources(place, rubric, track=track)
            read = next(each.read for each in FILES if each.name == request.format)
            found = [*read(folder, request.options)]
    imported = Imported()
    import_found(imported, track(found, name), rubric, place, name, request.section)
    if not (imported.rows or imported.broken()):
        raise SourceError(f"{request.origin or name}: no labelled picture in there")
    return place, imported


def _place(request: Request, base: Path, name: str, *, copied: bool) -> Place:
    base = base.resolve()
    if copied or request.copy:
        if request.root is not None:
            raise SourceError("pictures are copied beside the manifest: leave out --root")
        return Place(base, request.out.parent.resolve(), copies=f"pictures/{name}")
    root = (request.root or base).resolve()
    if not base.is_relative_to(root):
        raise SourceError(f"the pictures in {base} do not lie below --root {root}")
    return Place(base, root)


def _require_same_root(existing: Sequence[LabelledPicture], place: Place, out: Path) -> None:
    missing = [row.picture for row in existing if not (place.root / row.picture).is_file()]
    if missing:
        raise SourceError(
            f"{out} has {len(missing)} pictures that are not below {place.root} (e.g. "
            f"{missing[0]}): the paths of one manifest start from one folder. Give --root a folder "
            "that holds all of them, or --copy, or another --out: training takes several manifests"
        )


def _mask(path: Path) -> Rle:
    try:
        return encode(read_mask(path))
    except MaskError as error:
        raise SourceError(f"{path}: {error}") from error


def _copy(imported: Imported, merged: Merged, place: Place) -> None:
    """Copy what new rows name; a file that is there already must be the same."""
    new = [*merged.added, *(conflict.new for conflict in merged.conflicts)]
    named = {row.picture for row in new} | {g.mask for row in new for g in row.regions if g.mask}
    for name in sorted(named & imported.copies.keys()):
        source, target = imported.copies[name], place.root / name
        if target.exists():
            if target.read_bytes() != source.read_bytes():
                raise SourceError(
                    f"{target} is there already with other bytes; give another --out or --source"
                )
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.partial")
        shutil.copyfile(source, partial)
        partial.replace(target)


def _report(out: Path, problems: Sequence[Problem]) -> Path | None:
    """Write the problems beside the manifest; without any, an older report goes."""
    report = out.with_name(f"{out.stem}.broken.csv")
    if not problems:
        report.unlink(missing_ok=True)
        return None
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("file", "where", "reason"))
    writer.writerows((each.file, each.where, each.reason) for each in problems)
    partial = report.with_suffix(".partial")
    partial.write_text(text.getvalue(), "utf-8")
    partial.replace(report)
    return report
