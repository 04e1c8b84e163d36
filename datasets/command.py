"""What the commands of ``datasets`` and ``training`` have in common."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Annotated, NoReturn

import typer

Manifests = Annotated[
    list[Path],
    typer.Option("--manifest", help="Manifest of labelled pictures; may be given again."),
]
Roots = Annotated[
    list[Path] | None,
    typer.Option(
        "--root",
        help="Folder of its pictures, one for each --manifest; the manifest's own otherwise.",
    ),
]
Manifest = Annotated[Path, typer.Option(help="Manifest of labelled pictures.")]
Root = Annotated[
    Path | None, typer.Option(help="Folder of its pictures; the manifest's own otherwise.")
]


def fail(message: str) -> NoReturn:
    """End with exit code 2 and one sentence on standard error."""
    typer.echo(f"error: {message}", err=True)
    raise typer.Exit(2)


def fail_for(error: OSError) -> NoReturn:
    """`fail` with the file and what the system says; a full disk names no file."""
    fail(": ".join(str(part) for part in (error.filename, error.strerror) if part))


def write(path: Path, text: str) -> None:
    """Write a file, or `fail`."""
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        fail(f"{path}: {error.strerror}")


def require(*modules: str) -> None:
    """End with exit code 2 where a library is missing that the extra ``train`` brings."""
    if missing := [name for name in modules if importlib.util.find_spec(name) is None]:
        fail(f"this needs {', '.join(missing)}: pip install 'regrade[train]'")
