"""The command ``regrade data sheet``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from model.contract import DamageType, Grade


def register(app: typer.Typer) -> None:
    """Add the command to ``regrade data``."""
    app.command("sheet")(sheet)


def sheet(
    manifest: Annotated[Path, typer.Argument(help="manifest.jsonl of the pictures.")],
    out: Annotated[Path, typer.Argument(help="Picture to write: .jpg or .png.")],
    root: Annotated[
        Path | None, typer.Option(help="Folder of the pictures; the manifest's otherwise.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=2000, help="Pictures, spread evenly.")] = 60,
    columns: Annotated[int, typer.Option(min=1, max=40, help="Pictures in a row.")] = 6,
    category: Annotated[str | None, typer.Option(help="Of this category alone.")] = None,
    damage: Annotated[
        DamageType | None, typer.Option(help="That show this damage type alone.")
    ] = None,
    grade: Annotated[Grade | None, typer.Option(help="Labelled with this one grade alone.")] = None,
) -> None:
    """Draw a contact sheet of labelled pictures: damage outlined, labels beneath."""
    from rich.console import Console
    from rich.progress import track

    from datasets.manifest import ManifestError, read_manifest
    from datasets.sheets.draw import Wanted, draw_sheet, spread

    if out.suffix.lower() not in (".jpg", ".jpeg", ".png"):
        typer.echo(f"error: {out}: name a .jpg or .png file", err=True)
        raise typer.Exit(2)
    try:
        wanted = Wanted(category, damage, grade)
        rows = [row for row in read_manifest(manifest) if wanted.shows(row)]
        chosen = spread(rows, limit)
        tracked = track(chosen, "drawing", console=Console(stderr=True))
        drawn = draw_sheet(tracked, root or manifest.parent, count=len(chosen), columns=columns)
        out.parent.mkdir(parents=True, exist_ok=True)
        drawn.save(out, quality=88)
    except (ManifestError, OSError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None
    typer.echo(f"{len(chosen)} of {len(rows)} pictures -> {out}")
