"""``regrade store``: backup, restore, check, prune, hold."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from inference.access.cli import keep_files_private

if TYPE_CHECKING:
    from sqlalchemy import Engine

Data = Annotated[
    Path | None,
    typer.Option("--data", help="Directory of the server's pictures and database."),
]
StoreUrl = Annotated[
    str | None,
    typer.Option(
        "--store", envvar="REGRADE_STORE", help="e.g. postgresql://user@host/name, not SQLite."
    ),
]

app = typer.Typer(
    no_args_is_help=True, help="Back up, restore, check and prune what `regrade serve` keeps."
)


@app.callback()
def _all() -> None:
    keep_files_private()


@app.command()
def backup(
    to: Annotated[Path, typer.Option(help="Directory to make.")],
    data: Data = None,
    store: StoreUrl = None,
    previous: Annotated[
        Path | None,
        typer.Option(
            help="An earlier backup beside it: its pictures and models are linked, not copied."
        ),
    ] = None,
    *,
    models: Annotated[
        bool,
        typer.Option(
            "--models/--no-models", help="Without them, keep the folder `models` yourself."
        ),
    ] = True,
) -> None:
    """Copy facts, pictures and models while the server runs.

    Facts go into either kind of database again. The models are those that serve, and the one that a
    rollback brings back.
    """
    from inference.upkeep.backup import back_up

    places = _Places(data, store)
    with _errors(), places.engine() as engine:
        made = back_up(
            engine, places.pictures, places.registry, to.resolve(), previous, models=models
        )
    rows = sum(table.rows for table in made.tables)
    typer.echo(f"{to}: {rows} rows, {made.pictures} pictures and {len(made.bundles)} models")
    if made.missing:
        typer.echo(
            f"the store itself has lost or damaged {len(made.missing)} pictures, e.g. "
            f"{made.missing[0]}: `regrade store check`",
            err=True,
        )
    if made.missing_bundles:
        typer.echo(
            f"{places.registry.root} has lost or damaged {', '.join(made.missing_bundles)}, "
            "which the history needs: is it the --data of the server?",
            err=True,
        )
    if made.missing or made.missing_bundles:
        raise typer.Exit(1)


@app.command()
def verify(backup: Annotated[Path, typer.Argument(help="Directory of the backup.")]) -> None:
    """Read every byte of a backup and compare it with what was written."""
    from inference.upkeep.backup import verify as run

    with _errors():
        found = run(backup)
    typer.echo(f"{backup}: whole, of {found.made_at:%Y-%m-%d %H:%M} UTC")


@app.command()
def restore(
    backup: Annotated[Path, typer.Option("--from", help="Directory of the backup.")],
    data: Data = None,
    store: StoreUrl = None,
) -> None:
    """Fill an empty store from a backup, after reading all of it. The server must not run."""
    from inference.access.cli import me
    from inference.upkeep.backup import restore as run

    places = _Places(data, store)
    with _errors():
        places.data.mkdir(parents=True, exist_ok=True)
        with places.engine(create=True) as engine:
            done = run(backup, engine, places.pictures, places.registry, me())
    found = done.manifest
    rows = sum(table.rows for table in found.tables)
    typer.echo(
        f"restored {rows} rows, {found.pictures} pictures and {len(found.bundles)} models; "
        "restart the controllers too"
    )
    if done.opening:
        typer.echo(
            f"keys and badges open as on {found.made_at:%Y-%m-%d %H:%M} UTC; revoke again what was "
            f"revoked since: {', '.join(done.opening)}",
            err=True,
        )
    if done.lacking:
        typer.echo(
            f"the history needs {', '.join(done.lacking)}, which the backup has not: before the "
            f"start, copy them into {places.registry.root} from where they are, or name another "
            "model with `regrade serve --bundle`",
            err=True,
        )


@app.command()
def check(
    data: Data = None,
    store: StoreUrl = None,
    *,
    quick: Annotated[bool, typer.Option("--quick", help="Do not read the pictures.")] = False,
) -> None:
    """Hold a store against what it promises; exit code 1 where it does not keep it."""
    from inference.pictures import PictureStore
    from inference.upkeep.check import check as run

    places = _Places(data, store)
    with _errors(), places.engine() as engine:
        report = run(engine, PictureStore(places.pictures), hashes=not quick)
    for name, number in report.counts.items():
        typer.echo(f"{number:>12} {name}")
    for problem in report.problems:
        typer.echo(f"problem: {problem}", err=True)
    if report.problems:
        raise typer.Exit(1)


@app.command()
def prune(
    retention: Annotated[Path, typer.Option(help="The policy, as TOML (docs/store.md).")],
    data: Data = None,
    store: StoreUrl = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
) -> None:
    """Delete pictures that the policy lets go, while the server runs or not; as JSON, what went."""
    from datetime import UTC, datetime

    from inference.pictures import PictureStore
    from inference.store import Store
    from inference.store import engine as database
    from inference.upkeep.prune import Pruner
    from inference.upkeep.retention import read_retention

    places = _Places(data, store)
    with _errors(), places.engine() as engine:
        policy = read_retention(retention)
        pruner = Pruner(Store(engine), PictureStore(places.pictures), policy, datetime.now(UTC))
        with database.in_words(engine):
            for _ in pruner.survey():
                pass
            if not dry_run:
                for _ in pruner.delete():
                    pass
    typer.echo(json.dumps(pruner.told(), indent=2))
    if pruner.plan.strange:
        typer.echo(
            "most pictures are named by no grading and stay: is --store the database of --data?",
            err=True,
        )
        raise typer.Exit(1)


@app.command()
def hold(
    item_id: Annotated[str, typer.Argument(help="License plate of the item.")],
    note: Annotated[str, typer.Option(help="Why; e.g. the number of the claim.")],
    data: Data = None,
    store: StoreUrl = None,
    *,
    release: Annotated[bool, typer.Option("--release", help="No longer.")] = False,
) -> None:
    """Keep an item's pictures whatever the policy says, until it is released."""
    from inference.store import Store, UnknownItemError
    from inference.store import engine as database

    places = _Places(data, store)
    try:
        with _errors(), places.engine() as engine, database.in_words(engine):
            Store(engine).hold(item_id, held=not release, note=note)
    except UnknownItemError:
        _fail(f"nothing is known of item {item_id}")


class _Places:
    """Where the server's data is, by the same options as of ``regrade serve``."""

    def __init__(self, data: Path | None, store: str | None) -> None:
        from inference.models.registry import Registry
        from inference.settings import ServerSettings, default_data_dir

        self.data = (data or default_data_dir()).resolve()
        settings = ServerSettings(self.data)
        self.pictures = settings.pictures_dir
        self.registry = Registry(settings.models_dir)
        self.url = store or settings.sqlite_url

    @contextmanager
    def engine(self, *, create: bool = False) -> Iterator[Engine]:
        """Of the database as it is."""
        from inference.store.engine import connect

        engine = connect(self.url, create=create)
        try:
            yield engine
        finally:
            engine.dispose()


@contextmanager
def _errors() -> Iterator[None]:
    from inference.errors import StoreError
    from inference.upkeep.retention import RetentionError

    try:
        yield
    except (StoreError, RetentionError, OSError) as error:
        _fail(str(error))


def _fail(message: str) -> NoReturn:
    typer.echo(f"regrade store: {message}", err=True)
    raise typer.Exit(4)
