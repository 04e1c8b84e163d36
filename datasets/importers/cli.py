"""``regrade data import``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from datasets.command import fail, fail_for, require
from datasets.wording import counted

if TYPE_CHECKING:
    from datasets.importers.run import Outcome
    from datasets.importers.sightings import Found
    from datasets.importing import Imported

_SHOWN = 20


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("import")(import_)


def import_(
    format_: Annotated[
        str,
        typer.Argument(
            metavar="FORMAT",
            help="photographs (the shipped sources in one folder), folders, csv, coco, yolo, "
            "label-studio, mvtec, elpv or overrides.",
        ),
    ] = "photographs",
    origin: Annotated[
        str | None,
        typer.Option("--from", "--store", help="Folder, file, .zip, or a server's address."),
    ] = None,
    *,
    out: Annotated[Path, typer.Option(help="Manifest to add to; made where there is none.")] = Path(
        "runs/data/manifest.jsonl"
    ),
    rubric: Annotated[
        Path | None, typer.Option(help="Rubric of your own; the shipped one otherwise.")
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="Name of the data set, and of its section in the rubric.")
    ] = None,
    labels: Annotated[
        str | None, typer.Option(help="Section of the rubric, where it is not --source.")
    ] = None,
    root: Annotated[
        Path | None,
        typer.Option(help="Folder that the manifest's paths start from; that of the pictures."),
    ] = None,
    pictures: Annotated[
        Path | None, typer.Option(help="csv, coco, label-studio: folder of the pictures.")
    ] = None,
    label: Annotated[str | None, typer.Option(help="folders: the label of all pictures.")] = None,
    masks: Annotated[
        str | None, typer.Option(help="folders: name of the folder with masks <stem>.png.")
    ] = None,
    column: Annotated[
        list[str] | None, typer.Option(help="csv: OURS=ITS-NAME of a column; may be repeated.")
    ] = None,
    copy: Annotated[bool, typer.Option(help="Copy the pictures beside the manifest.")] = False,
    replace: Annotated[bool, typer.Option(help="Let labels that changed win.")] = False,
    skip_broken: Annotated[
        bool, typer.Option(help="Leave broken rows out, and write a report of them.")
    ] = False,
) -> None:
    """Import labelled pictures into a manifest; what is there already is kept."""
    require("pycocotools", "yaml")
    from datasets.importers.run import ConflictError, Request, run
    from datasets.importers.sightings import Options, RefusedError, SourceError
    from datasets.manifest import ManifestError
    from datasets.rubric import SHIPPED_RUBRIC, RubricError

    request = Request(
        format=format_,
        origin=origin,
        out=out,
        rubric=rubric or SHIPPED_RUBRIC,
        source=source,
        section=labels,
        root=root,
        copy=copy,
        replace=replace,
        skip_broken=skip_broken,
        options=Options(
            pictures=pictures.resolve() if pictures else None,
            label=label,
            masks=masks,
            columns=_columns(column or []),
        ),
    )
    try:
        outcome = run(request, _track)
    except RefusedError as error:
        _list(error.lines)
        fail(
            f"{counted(len(error.problems), 'problem')}; nothing was written. Correct the input, or "
            "leave these rows out with --skip-broken"
        )
    except ConflictError as error:
        _list([str(conflict) for conflict in error.conflicts])
        changed = counted(len(error.conflicts), "label")
        fail(f"{changed} changed; nothing was written. Take the new ones with --replace")
    except (SourceError, RubricError, ManifestError) as error:
        fail(str(error))
    except OSError as error:
        fail_for(error)
    _print_table(outcome)
    _print_left_out(outcome.imported)
    if outcome.report is not None:
        broken = counted(len(outcome.imported.broken()), "problem")
        typer.echo(f"left out: rows with {broken} -> {outcome.report}", err=True)
    for name in outcome.imported.missing_sources:
        typer.echo(f"not found under {origin}: {name}", err=True)


def _print_table(outcome: Outcome) -> None:
    from datasets.manifest import SPLITS

    rows = outcome.merged.rows
    counts = Counter((row.source, row.split) for row in rows)
    columns = (*SPLITS, *([None] if any(row.split is None for row in rows) else []))
    names = [split or "no split yet" for split in columns]
    typer.echo(f"{'source':18}" + "".join(f"{name:>14}" for name in names))
    for source in dict.fromkeys(row.source for row in rows):
        typer.echo(f"{source:18}" + "".join(f"{counts[source, split]:>14}" for split in columns))
    merged = outcome.merged
    typer.echo(
        f"{len(merged.added)} new, {merged.unchanged} there already, {len(merged.conflicts)} "
        f"replaced: {counted(len(rows), 'picture')}"
    )


def _print_left_out(imported: Imported) -> None:
    for reason, places in imported.left_out.items():
        typer.echo(f"left out: {len(places)} of {reason}, e.g. {places[0]}", err=True)


def _list(lines: Sequence[str]) -> None:
    for line in lines[:_SHOWN]:
        typer.echo(f"  {line}", err=True)
    if len(lines) > _SHOWN:
        typer.echo(f"  ... and {len(lines) - _SHOWN} more", err=True)


def _track(found: Iterable[Found], description: str) -> Iterable[Found]:
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    return track(
        found,
        f"{description:18}",
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _columns(given: Sequence[str]) -> dict[str, str]:
    columns = {}
    for text in given:
        ours, equals, theirs = text.partition("=")
        if not (ours and equals and theirs):
            fail(f"--column {text!r} is not OURS=ITS-NAME, e.g. label=condition")
        columns[ours] = theirs
    return columns
