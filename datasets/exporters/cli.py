"""``regrade data export``."""

from __future__ import annotations

import json
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, NoReturn

import typer


class Target(StrEnum):
    """Formats to write."""

    COCO = "coco"
    LABEL_STUDIO = "label-studio"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("export")(export)


def export(
    target: Annotated[Target, typer.Argument(metavar="FORMAT", help="coco or label-studio.")],
    manifest: Annotated[Path, typer.Option(help="Manifest to export.")],
    out: Annotated[Path, typer.Option(help="File to write.")],
    root: Annotated[
        Path | None, typer.Option(help="Folder of its pictures; the manifest's own otherwise.")
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(help="label-studio: what precedes a picture's path in its address."),
    ] = None,
) -> None:
    """Write a manifest's labels for another tool; pictures stay where they are."""
    if find_spec("pycocotools") is None:
        _fail("exporting needs pycocotools: pip install 'regrade[train]'")
    from datasets.exporters import coco, label_studio
    from datasets.manifest import ManifestError, read_manifest

    pictures = root or manifest.parent
    if address is not None and target is not Target.LABEL_STUDIO:
        _fail("--address is for label-studio")
    try:
        rows = read_manifest(manifest)
        written: object
        if target is Target.COCO:
            written = coco.document(rows, pictures)
        else:
            where = label_studio.LOCAL_FILES if address is None else address
            written = label_studio.tasks(rows, pictures, where)
            _write(out.with_suffix(".xml"), label_studio.labelling_page())
        _write(out, json.dumps(written, ensure_ascii=False, allow_nan=False) + "\n")
    except ManifestError as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror}")
    typer.echo(f"{len(rows)} pictures -> {out}")
    if target is Target.LABEL_STUDIO:
        typer.echo(f"labelling page for the project's settings -> {out.with_suffix('.xml')}")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(text, "utf-8")
    partial.replace(path)


def _fail(message: str) -> NoReturn:
    typer.echo(f"error: {message}", err=True)
    raise typer.Exit(2)
