"""Commands of ``training``."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

import training.evaluation.cli
from datasets.command import Roots, fail, require

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
    require(
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
        fail(str(error))
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
    manifests: Annotated[
        list[Path] | None,
        typer.Option(
            "--manifest",
            help="Labelled pictures with the splits calibration and val: tries an INT8 network too. "
            "May be given again.",
        ),
    ] = None,
    roots: Roots = None,
) -> None:
    """Write a bundle anew in the present format; with pictures, make its INT8 network."""
    require("onnx", "onnxslim", "scipy", "sklearn")
    from datasets.progress import on_terminal
    from model.contract import BundleError
    from model.graph import GraphError
    from training.errors import TrainingError
    from training.examples import load_examples, sources_of
    from training.network_card import trial_lines
    from training.refresh import refresh

    try:
        examples = load_examples(sources_of(manifests, roots or [])) if manifests else None
        written = refresh(bundle, examples, on_terminal)
    except (TrainingError, BundleError, GraphError) as error:
        fail(str(error))
    trial = written.manifest.int8_trial
    if examples is not None and trial is not None:
        typer.echo("\n".join(trial_lines(trial)))
    typer.echo(written.path)
