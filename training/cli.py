"""Commands of ``training``."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path
from typing import Annotated, NoReturn

import typer

import training.evaluation.cli

_STOPPED = 130  # what a shell reports for SIGINT


def register(app: typer.Typer) -> None:
    """Add this package's commands to ``regrade``."""
    app.command("train")(train)
    app.command("export")(export)
    training.evaluation.cli.register(app)


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
    from datasets.progress import on_terminal
    from model.contract import BundleError
    from model.export import ExportError
    from training.config import load_config
    from training.errors import StoppedError, TrainingError
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


def export(
    bundle: Annotated[Path, typer.Option(help="Bundle to write anew, in its place.")],
    manifest: Annotated[
        Path | None,
        typer.Option(
            help="Labelled pictures with the splits calibration and val: tries an INT8 network too."
        ),
    ] = None,
    root: Annotated[
        Path | None, typer.Option(help="Folder of its pictures; the manifest's own otherwise.")
    ] = None,
) -> None:
    """Write a bundle anew in the present format; with pictures, make its INT8 network."""
    _require("onnx", "onnxslim")
    from datasets.progress import on_terminal
    from model.contract import BundleError
    from model.graph import GraphError
    from training.config import Data
    from training.errors import TrainingError
    from training.examples import load_examples
    from training.network_card import trial_lines
    from training.refresh import refresh

    try:
        examples = None if manifest is None else load_examples([Data(manifest, root)])
        written = refresh(bundle, examples, on_terminal)
    except (TrainingError, BundleError, GraphError) as error:
        _fail(str(error))
    trial = written.manifest.int8_trial
    if examples is not None and trial is not None:
        typer.echo("\n".join(trial_lines(trial)))
    typer.echo(written.path)


def _require_torch() -> None:
    _require(
        "torch",
        "timm",
        "lightning_fabric",
        "onnx",
        "onnxslim",
        "scipy",
        "sklearn",
        "matplotlib",
        "tomli_w",
    )


def _require(*names: str) -> None:
    from importlib.util import find_spec

    missing = [name for name in names if find_spec(name) is None]
    if missing:
        _fail(f"training needs {', '.join(missing)}: pip install 'regrade[train]'")


def _fail(message: str) -> NoReturn:
    typer.echo(f"error: {message}", err=True)
    sys.exit(2)
