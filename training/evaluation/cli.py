"""``regrade evaluate`` and ``regrade compare``.

Two commands, since they answer two questions: how good is this bundle, and should that one replace
it. The second takes two bundles, has no figures of its own and its own shape of result.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from datasets.command import Manifests, Roots, fail, require, write
from model.contract import Precision

if TYPE_CHECKING:
    from training.examples import Example


def register(app: typer.Typer) -> None:
    """Add this package's commands to ``regrade``."""
    app.command("evaluate")(evaluate)
    app.command("compare")(compare)


_LIBRARIES = ("sklearn", "matplotlib", "scipy", "pycocotools")

_Split = Annotated[str, typer.Option(help="Split to grade: val, test, calibration, train.")]
_Out = Annotated[Path | None, typer.Option(help="File for the figures as JSON.")]
_Report = Annotated[
    Path | None, typer.Option(help="File for the report, one HTML page with its pictures.")
]
_Threads = Annotated[int, typer.Option(min=1, help="Threads for the network.")]


def evaluate(
    bundle: Annotated[Path, typer.Option(help="Bundle to evaluate.")],
    manifests: Manifests,
    roots: Roots = None,
    split: _Split = "val",
    foreign: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder or manifest of pictures that should look unfamiliar; may be given again."
        ),
    ] = None,
    report: _Report = None,
    out: _Out = None,
    threads: _Threads = 2,
    precision: Annotated[
        Precision, typer.Option(help="Which network of the bundle grades.")
    ] = Precision.FP32,
) -> None:
    """Grade labelled pictures with a bundle and state its figures with intervals."""
    require(*_LIBRARIES)
    from datasets.progress import on_terminal
    from model.contract import BundleError
    from training.errors import TrainingError
    from training.evaluation.evaluate import evaluate as evaluate_bundle
    from training.evaluation.familiarity import read_foreign, synthetic
    from training.evaluation.page import report_page
    from training.tables import print_report

    _make_folders(report, out)
    try:
        examples = _examples(manifests, roots or [], split)
        strange = (*read_foreign(foreign or []), *synthetic())
        evaluation = evaluate_bundle(bundle, examples, on_terminal, threads, precision, strange)
        page = report_page(evaluation) if report else ""
    except (TrainingError, BundleError) as error:
        fail(str(error))
    _write(report, page)
    _write(out, evaluation.figures.model_dump_json(indent=2) + "\n")
    print_report(evaluation.figures)


def compare(
    a: Annotated[Path, typer.Argument(help="Bundle that is in use.")],
    b: Annotated[Path, typer.Argument(help="Bundle that may replace it.")],
    manifests: Manifests,
    roots: Roots = None,
    split: _Split = "val",
    report: _Report = None,
    out: _Out = None,
    threads: _Threads = 2,
) -> None:
    """Grade the same pictures with two bundles and test what differs."""
    require(*_LIBRARIES)
    from datasets.progress import on_terminal
    from model.contract import BundleError
    from training.errors import TrainingError
    from training.evaluation.compare import compare_bundles
    from training.evaluation.page import compare_page, verdict
    from training.tables import print_comparison

    _make_folders(report, out)
    try:
        examples = _examples(manifests, roots or [], split)
        compared = compare_bundles(a, b, examples, on_terminal, threads)
        page = compare_page(compared) if report else ""
    except (TrainingError, BundleError) as error:
        fail(str(error))
    _write(report, page)
    _write(out, compared.comparison.model_dump_json(indent=2) + "\n")
    print_comparison(compared.comparison)
    typer.echo(verdict(compared))


def _examples(manifests: list[Path], roots: list[Path], split: str) -> list[Example]:
    from training.examples import load_examples, of_split, sources_of

    return of_split(load_examples(sources_of(manifests, roots)), split)


def _make_folders(report: Path | None, out: Path | None) -> None:
    """Before the pictures are graded: a place that cannot be written should cost no time."""
    if report is not None and report.suffix.lower() not in (".html", ".htm"):
        fail(f"--report {report}: name an .html file")
    for path in (report, out):
        if path is None:
            continue
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            fail(f"{path.parent}: {error.strerror}")
        if path.is_dir():
            fail(f"{path} is a folder; name a file")


def _write(path: Path | None, text: str) -> None:
    if path is None:
        return
    write(path, text)
    typer.echo(f"wrote {path}", err=True)
