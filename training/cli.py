"""Commands of ``training``."""

from __future__ import annotations

import json
import shlex
import sys
import time
from pathlib import Path
from typing import Annotated, NoReturn

import typer

_STOPPED = 130  # what a shell reports for SIGINT


def register(app: typer.Typer) -> None:
    """Add this package's commands to ``regrade``."""
    app.command("train")(train)
    app.command("evaluate")(evaluate)


def train(
    config: Annotated[
        Path, typer.Option(help="Configuration: a TOML file, or the name of a shipped one.")
    ] = Path("returns.toml"),
    out: Annotated[
        Path | None, typer.Option(help="Folder of the run; runs/<config's name> otherwise.")
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Override a key, such as fit.epochs=3."),
    ] = None,
) -> None:
    """Train a model and write it as a bundle; a run that was cut short goes on.

    On several GPUs: torchrun --nproc-per-node 4 -m regrade train ...
    """
    _require_torch()
    from model.contract import BundleError
    from model.export import ExportError
    from training.config import load_config
    from training.errors import StoppedError, TrainingError
    from training.progress import on_terminal
    from training.run import train as run
    from training.tables import print_report

    started = time.monotonic()
    overrides = [part for change in changes or () for part in ("--set", change)]
    command = shlex.join(["regrade", "train", "--config", str(config), *overrides])
    try:
        loaded = load_config(config, changes or ())
        folder = out or Path("runs") / loaded.name
        bundle = run(loaded, folder, command, on_terminal)
    except (TrainingError, ExportError, BundleError) as error:
        _fail(str(error))
    except (StoppedError, KeyboardInterrupt):
        typer.echo("stopped; the same command goes on from where it was", err=True)
        sys.exit(_STOPPED)
    if bundle is None:
        return
    print_report(bundle.manifest.metrics["validation"])
    typer.echo(f"trained in {(time.monotonic() - started) / 60:.1f} minutes; the bundle:")
    typer.echo(bundle.path)


def evaluate(
    bundle: Annotated[Path, typer.Option(help="Bundle to evaluate.")],
    manifest: Annotated[Path, typer.Option(help="Manifest of labelled pictures.")],
    root: Annotated[
        Path | None, typer.Option(help="Folder of its pictures; the manifest's own otherwise.")
    ] = None,
    split: Annotated[str, typer.Option(help="Split to grade: val, test, calibration, train.")] = (
        "val"
    ),
    out: Annotated[Path | None, typer.Option(help="File for the figures as JSON.")] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads for the network.")] = 2,
) -> None:
    """Grade labelled pictures with a bundle and print the figures by source."""
    from model.contract import BundleError
    from training.config import Data
    from training.errors import TrainingError
    from training.evaluate import figures_of
    from training.examples import load_examples
    from training.progress import on_terminal
    from training.tables import print_report

    try:
        examples = [e for e in load_examples([Data(manifest, root)]) if e.row.split == split]
        if not examples:
            _fail(f"{manifest} has no picture in the split {split!r}")
        figures = figures_of(bundle, examples, on_terminal, threads)
    except (TrainingError, BundleError) as error:
        _fail(str(error))
    if out is not None:
        out.write_text(json.dumps(figures, indent=2) + "\n", "utf-8")
    print_report(figures)


def _require_torch() -> None:
    from importlib.util import find_spec

    needed = ("torch", "timm", "lightning_fabric", "onnx", "scipy", "sklearn", "tomli_w")
    missing = [name for name in needed if find_spec(name) is None]
    if missing:
        _fail(f"training needs {', '.join(missing)}: pip install 'regrade[train]'")


def _fail(message: str) -> NoReturn:
    typer.echo(f"error: {message}", err=True)
    sys.exit(2)
