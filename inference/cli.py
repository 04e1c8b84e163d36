"""Commands of ``inference``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NoReturn

import typer

from inference.upkeep import cli as upkeep
from model.contract import Precision


def register(app: typer.Typer) -> None:
    """Add this package's commands to ``regrade``."""
    app.command("serve")(serve)
    app.add_typer(upkeep.app, name="store")


def serve(
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 lets other machines in.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free port.")] = 8000,
    host_name: Annotated[
        list[str] | None,
        typer.Option(
            help="A name by which others call this server, besides localhost and IP addresses; "
            "may be repeated."
        ),
    ] = None,
    bundle: Annotated[
        Path | None, typer.Option(help="Directory of the model; by default the one shipped.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            help="Directory for pictures and database; by default ~/.local/share/regrade."
        ),
    ] = None,
    store_url: Annotated[
        str | None,
        typer.Option(
            "--store", envvar="REGRADE_STORE", help="e.g. postgresql://user@host/name, not SQLite."
        ),
    ] = None,
    retention: Annotated[
        Path | None,
        typer.Option(
            help="TOML that says which pictures may be deleted (docs/store.md); left out: none."
        ),
    ] = None,
    precision: Annotated[
        Precision, typer.Option(help="Which network of the bundle grades; int8 is faster.")
    ] = Precision.FP32,
) -> None:
    """Serve the API and the operators' pages."""
    from inference.errors import StoreError
    from inference.grader import BundleGrader
    from inference.serving import Address, AddressError, bind
    from inference.serving import serve as run
    from inference.settings import Capacity, ServerSettings, default_data_dir
    from inference.store import Store
    from inference.upkeep.retention import RetentionError, read_retention
    from model.contract import SHIPPED, Bundle, BundleError

    try:
        settings = ServerSettings(
            data_dir=(data or default_data_dir()).resolve(),
            capacity=Capacity.for_machine(),
            retention=read_retention(retention) if retention else None,
            host_names=frozenset(name.lower() for name in host_name or ()),
        )
    except RetentionError as error:
        _fail(error, 2)
    try:
        listener = bind(Address(host, port))
    except AddressError as error:
        _fail(error, 2)
    try:
        grader = BundleGrader(Bundle.load(bundle or SHIPPED), threads=1, precision=precision)
        grader.verify()
    except BundleError as error:
        _fail(error, 3)
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        store = Store.open(store_url or settings.sqlite_url)
    except (StoreError, OSError) as error:
        _fail(error, 4)
    run(listener, settings, grader, store)


def _fail(error: Exception, code: int) -> NoReturn:
    typer.echo(f"regrade serve: {error}", err=True)
    raise typer.Exit(code)
