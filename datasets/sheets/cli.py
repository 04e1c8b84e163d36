"""The command ``regrade data sheet``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from datasets.command import Manifest, Root, fail, require
from model.contract import DamageType, Grade


def register(app: typer.Typer) -> None:
    """Add the command to ``regrade data``."""
    app.command("sheet")(sheet)


def sheet(
    manifest: Manifest,
    out: Annotated[Path, typer.Option(help="Picture to write: .jpg or .png.")],
    root: Root = None,
    limit: Annotated[int, typer.Option(min=1, max=2000, help="Pictures, spread evenly.")] = 60,
    columns: Annotated[int, typer.Option(min=1, max=40, help="Pictures in a row.")] = 6,
    category: Annotated[str | None, typer.Option(help="Of this category alone.")] = None,
    damage: Annotated[
        DamageType | None, typer.Option(help="That show this damage type alone.")
    ] = None,
    grade: Annotated[Grade | None, typer.Option(help="Labelled with this one grade alone.")] = None,
) -> None:
    """Draw a contact sheet of labelled pictures: damage outlined, labels beneath."""
    require("pycocotools")
    from datasets.manifest import ManifestError, read_manifest
    from datasets.progress import on_terminal
    from datasets.sheets.draw import Wanted, draw_sheet, spread

    if out.suffix.lower() not in (".jpg", ".jpeg", ".png"):
        fail(f"{out}: name a .jpg or .png file")
    try:
        wanted = Wanted(category, damage, grade)
        rows = [row for row in read_manifest(manifest) if wanted.shows(row)]
        chosen = spread(rows, limit)
        tracked = on_terminal(chosen, "drawing", len(chosen))
        drawn = draw_sheet(tracked, root or manifest.parent, count=len(chosen), columns=columns)
        out.parent.mkdir(parents=True, exist_ok=True)
        drawn.save(out, quality=88)
    except (ManifestError, OSError) as error:
        fail(str(error))
    typer.echo(f"{len(chosen)} of {len(rows)} pictures -> {out}")
