"""``regrade data check`` and ``regrade data split``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from datasets.command import Manifests, Roots, fail, fail_for, require, write

if TYPE_CHECKING:
    from datasets.frozen import FrozenSet

LOCK_NAME = "splits.lock"

Lock = Annotated[
    Path | None,
    typer.Option(
        help=f"Lock of the frozen test set; {LOCK_NAME} beside the first manifest otherwise."
    ),
]
CacheFolder = Annotated[Path, typer.Option("--cache", help="Folder for hashes and features.")]
Threads = Annotated[int, typer.Option(min=1, help="Threads that decode pictures.")]


def register(app: typer.Typer) -> None:
    """Add the commands to ``regrade data``."""
    app.command()(check)
    app.command()(split)


def check(
    manifests: Manifests,
    roots: Roots = None,
    out: Annotated[Path, typer.Option(help="Folder for report.html and findings.json.")] = Path(
        "runs/check"
    ),
    lock: Lock = None,
    cache: CacheFolder = Path("runs/cache"),
    threads: Threads = 2,
    bundle: Annotated[
        Path | None,
        typer.Option(help="Take features from this bundle; from ImageNet's backbone otherwise."),
    ] = None,
    *,
    quick: Annotated[
        bool,
        typer.Option(
            help="Leave out label errors, shortcuts and look-alikes, which need a network."
        ),
    ] = False,
) -> None:
    """Look for what is wrong with labelled pictures: exit code 0 clean, 1 errors, 2 unusable input."""
    require("sklearn", "cleanlab", "imagehash", *(() if quick or bundle else ("torch", "timm")))
    if quick and bundle:
        fail("--quick asks no network, so --bundle means nothing; leave out one of them")
    import json
    from datetime import UTC, datetime

    from rich.console import Console

    from datasets.checks.entries import joined, read_entries
    from datasets.checks.examine import Tools, examine
    from datasets.checks.features import of_bundle, pretrained
    from datasets.checks.findings import Severity
    from datasets.checks.record import record
    from datasets.checks.report import render_report
    from datasets.checks.summary import print_summary
    from datasets.frozen import FrozenError
    from datasets.manifest import ManifestError
    from datasets.progress import on_terminal
    from model.contract import BundleError

    try:
        entries = joined(read_entries(manifests, roots or []))
        frozen = _frozen(lock, manifests, may_lack=False)
        extractor = None if quick else of_bundle(bundle) if bundle else pretrained()
        out.mkdir(parents=True, exist_ok=True)
        found = examine(entries, frozen, Tools(cache, threads, on_terminal, extractor))
    except (ManifestError, FrozenError, BundleError) as error:
        fail(str(error))
    except OSError as error:
        fail_for(error)
    now = datetime.now(UTC)
    page = render_report(found, manifests, now, threads, on_terminal)
    write(out / "report.html", page)
    findings = json.dumps(record(found, manifests, now), indent=1)
    write(out / "findings.json", findings + "\n")
    print_summary(found, Console())
    typer.echo(f"report: {out / 'report.html'}")
    raise typer.Exit(1 if found.count(Severity.ERROR) else 0)


def split(
    manifests: Manifests,
    roots: Roots = None,
    shares: Annotated[
        str, typer.Option(help="Share of the pictures that each split gets; they sum to 1.")
    ] = "train=0.6,calibration=0.14,val=0.14,test=0.12",
    lock: Lock = None,
    cache: CacheFolder = Path("runs/cache"),
    threads: Threads = 2,
    *,
    again: Annotated[
        bool,
        typer.Option(help="Assign all anew but a frozen test set, not only what has no split."),
    ] = False,
    withhold_leaks: Annotated[
        bool,
        typer.Option(help="Give no split to pictures that have a copy in a more held out one."),
    ] = False,
    freeze: Annotated[
        bool, typer.Option(help="Freeze the test split: write its pictures and labels to the lock.")
    ] = False,
) -> None:
    """Give each picture of the manifests a split, and write them back."""
    require("sklearn", "imagehash")
    from datetime import UTC, datetime

    from datasets.checks.cache import Cache
    from datasets.checks.entries import read_entries
    from datasets.checks.splitting import Policy, ShareError, divide, parse_shares, write_back
    from datasets.checks.summary import print_splits
    from datasets.frozen import FrozenError, FrozenSet
    from datasets.manifest import ManifestError
    from datasets.progress import on_terminal

    try:
        wanted = parse_shares(shares)
        read = read_entries(manifests, roots or [])
        frozen = _frozen(lock, manifests, may_lack=freeze)
        kept = Cache(cache)
        policy = Policy(wanted, again=again, withhold_leaks=withhold_leaks)
        divided = divide(read, policy, frozen, kept, threads, on_terminal)
        rows = [row for part in divided.rows for row in part]
        fresh = FrozenSet.of(rows, datetime.now(UTC)) if freeze and frozen is None else None
        write_back(manifests, read, divided)
        if fresh is not None:
            fresh.save(_lock_path(lock, manifests))
    except (ManifestError, FrozenError, ShareError) as error:
        fail(str(error))
    except OSError as error:
        fail_for(error)
    print_splits(rows, divided.assignment)
    if (current := fresh or frozen) is not None:
        count = len(current.pictures)
        typer.echo(
            f"test set frozen on {current.frozen_at:%Y-%m-%d}: {count:,} pictures, {current.fingerprint}"
        )


def _lock_path(lock: Path | None, manifests: list[Path]) -> Path:
    return lock or manifests[0].parent / LOCK_NAME


def _frozen(lock: Path | None, manifests: list[Path], *, may_lack: bool) -> FrozenSet | None:
    """The lock, None if there is none; one that is asked for by name `may_lack` only to be made."""
    from datasets.frozen import FrozenSet

    path = _lock_path(lock, manifests)
    if not path.exists() and (may_lack or lock is None):
        return None
    return FrozenSet.load(path)
