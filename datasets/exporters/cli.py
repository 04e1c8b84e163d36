"""``regrade data export``."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from datasets.command import Manifest, Root, fail, fail_for, require


class Target(StrEnum):
    """Formats to write."""

    COCO = "coco"
    LABEL_STUDIO = "label-studio"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("export")(export)


def export(
    target: Annotated[Target, typer.Argument(metavar="FORMAT", help="coco or label-studio.")],
    manifest: Manifest,
    out: Annotated[Path, typer.Option(help="File to write.")],
    root: Root = None,
    address: Annotated[
        str | None,
        typer.Option(help="label-studio: what precedes a picture's path in its address."),
    ] = None,
) -> None:
    """Write a manifest's labels for another tool; pictures stay where they are."""
    require("pycocotools")
    from datasets.exporters import coco, label_studio
    from datasets.manifest import ManifestError, read_manifest

    pictures = root or manifest.parent
    if address is not None and target is not Target.LABEL_STUDIO:
        fail("--address is for label-studio")
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
        fail(str(error))
    except OSError as error:
        fail_for(error)
    typer.echo(f"{len(rows)} pictures -> {out}")
    if target is Target.LABEL_STUDIO:
        typer.echo(f"labelling page for the project's settings -> {out.with_suffix('.xml')}")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(text, "utf-8")
    partial.replace(path)
