"""Commands of ``datasets``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import datasets.checks.cli
import datasets.exporters.cli
import datasets.importers.cli
import datasets.sheets.cli

data_app = typer.Typer(
    help="Labelled pictures: import, check, split, look at, export, render.", no_args_is_help=True
)
datasets.importers.cli.register(data_app)
datasets.checks.cli.register(data_app)
datasets.sheets.cli.register(data_app)
datasets.exporters.cli.register(data_app)


def register(app: typer.Typer) -> None:
    """Add this package's commands to ``regrade``."""
    app.add_typer(data_app, name="data")


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
