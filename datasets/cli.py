"""Commands of ``datasets``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import datasets.sheets.cli

data_app = typer.Typer(help="Labelled pictures: import, look at, render.", no_args_is_help=True)
datasets.sheets.cli.register(data_app)


def register(app: typer.Typer) -> None:
    """Add this package's commands to ``regrade``."""
    app.add_typer(data_app, name="data")


@data_app.command("import")
def import_(
    source: Annotated[Path, typer.Option("--from", help="Folder that holds the source folders.")],
    out: Annotated[Path, typer.Option(help="Manifest to write.")] = Path(
        "runs/data/manifest.jsonl"
    ),
    rubric: Annotated[
        Path | None, typer.Option(help="Rubric of your own; the shipped one otherwise.")
    ] = None,
) -> None:
    """Import folders of labelled photographs into a manifest."""
    from collections import Counter

    from datasets.importing import import_sources
    from datasets.manifest import SPLITS, write_manifest
    from datasets.rubric import SHIPPED_RUBRIC, Rubric, RubricError
    from datasets.sources import SourceError

    try:
        imported = import_sources(source, Rubric.load(rubric or SHIPPED_RUBRIC))
    except (SourceError, RubricError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None
    out.parent.mkdir(parents=True, exist_ok=True)
    write_manifest(out, imported.rows)
    counts = Counter((row.source, row.split) for row in imported.rows)
    typer.echo(f"{'source':18}" + "".join(f"{split:>13}" for split in SPLITS))
    for name in dict.fromkeys(row.source for row in imported.rows):
        typer.echo(f"{name:18}" + "".join(f"{counts[name, split]:>13}" for split in SPLITS))
    typer.echo(f"{len(imported.rows)} pictures -> {out}")
    for reason, count in imported.unmapped.items():
        typer.echo(f"left out: {count} of {reason}", err=True)
    for name in imported.missing_sources:
        typer.echo(f"not found under {source}: {name}", err=True)


@data_app.command()
def render(
    out: Annotated[Path, typer.Argument(help="Folder for pictures, masks and manifest.jsonl.")],
    items: Annotated[
        int, typer.Option(min=1, help="Items to render, two or three pictures each.")
    ] = 100,
    first: Annotated[int, typer.Option(min=0, help="Index of the first item.")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="With the index, names each picture.")] = 1,
    workers: Annotated[int, typer.Option(min=1, help="Render processes.")] = 2,
    width: Annotated[int, typer.Option(min=64, max=4096, help="Pixels; the height is 3/4.")] = 640,
    samples: Annotated[int, typer.Option(min=1, max=4096, help="Light paths per pixel.")] = 6,
    split: Annotated[
        str | None, typer.Option(help="Split of every item; a stable hash decides otherwise.")
    ] = None,
) -> None:
    """Render labelled pictures of returned goods with Blender; the same command resumes."""
    from pydantic import ValidationError

    from datasets.render import RenderError
    from datasets.render.folder import Settings
    from datasets.render.job import render as render_items

    try:
        settings = Settings.model_validate(
            {
                "seed": seed,
                "width": width,
                "height": width * 3 // 4,
                "samples": samples,
                "split": split,
            }
        )
        manifest = render_items(out, settings, range(first, first + items), workers=workers)
    except ValidationError as error:
        typer.echo(f"error: {error.errors()[0]['loc'][0]}: {error.errors()[0]['msg']}", err=True)
        raise typer.Exit(2) from None
    except RenderError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None
    typer.echo(str(manifest))
