"""Commands of ``inference``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NoReturn

import typer

from inference.access import cli as access
from inference.access.cli import DataOption, StoreOption
from inference.models.cli import app as models
from inference.upkeep import cli as upkeep
from model.contract import Precision


def register(app: typer.Typer) -> None:
    """Add this package's commands to ``regrade``."""
    app.command("serve")(serve)
    app.add_typer(models)
    access.register(app)
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
    *,
    open_on_loopback: Annotated[
        bool,
        typer.Option(
            "--open-on-loopback",
            help="Let in whoever works on this machine, without key or password; for trying out.",
        ),
    ] = False,
    tls_cert: Annotated[
        Path | None, typer.Option(help="PEM file of the certificate: serve HTTPS.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(help="PEM file of its key.")] = None,
    trusted_proxy: Annotated[
        list[str] | None,
        typer.Option(
            help="Address or network of a proxy whose X-Forwarded-For is believed; may be repeated."
        ),
    ] = None,
    bundle: Annotated[
        str | None,
        typer.Option(
            help="Folder or URL of the model to begin with, put on record as the champion; by "
            "default the champion of before, at the first start the one shipped."
        ),
    ] = None,
    data: DataOption = None,
    store_url: StoreOption = None,
    retention: Annotated[
        Path | None,
        typer.Option(
            help="TOML that says which pictures may be deleted (docs/store.md); left out: none."
        ),
    ] = None,
    precision: Annotated[
        Precision | None,
        typer.Option(
            help="Which network of the bundle grades; int8 is faster. By default as before, at the "
            "first start fp32."
        ),
    ] = None,
    otel: Annotated[
        bool,
        typer.Option(
            "--otel", help="Send OpenTelemetry traces, as the OTEL_* environment variables say."
        ),
    ] = False,
) -> None:
    """Serve the API and the operators' pages."""
    import structlog

    from inference.access.first_start import ADMIN, ensure_admin
    from inference.access.settings import AccessMode, AccessSettings
    from inference.errors import StoreError
    from inference.models.fetch import SourceError
    from inference.models.loading import Loading
    from inference.models.registry import Registry, RegistryError
    from inference.models.startup import first_lineup
    from inference.serving import Address, AddressError, bind, require_loopback
    from inference.serving import serve as run
    from inference.settings import Capacity, ServerSettings, Tls
    from inference.tracing import Tracing, TracingError
    from inference.upkeep.retention import RetentionError, read_retention
    from model.contract import BundleError

    if (tls_cert is None) != (tls_key is None):
        _fail(ValueError("give --tls-cert and --tls-key together"), 2)
    mode = AccessMode.OPEN_ON_LOOPBACK if open_on_loopback else AccessMode.REQUIRED
    try:
        settings = ServerSettings(
            data_dir=access.data_dir_of(data),
            access=AccessSettings(mode),
            tls=Tls(tls_cert, tls_key) if tls_cert and tls_key else None,
            trusted_proxies=tuple(trusted_proxy or ()),
            capacity=Capacity.for_machine(),
            retention=read_retention(retention) if retention else None,
            host_names=frozenset(name.lower() for name in host_name or ()),
        )
    except RetentionError as error:
        _fail(error, 2)
    try:
        tracing = Tracing.from_environment() if otel else None
        listener = bind(Address(host, port))
        require_loopback(settings, listener)
    except (AddressError, TracingError) as error:
        _fail(error, 2)
    try:
        access.keep_files_private()
        store = access.open_store(settings.data_dir, store_url)
        secret = ensure_admin(store, settings.data_dir) if mode is AccessMode.REQUIRED else None
    except (StoreError, OSError) as error:
        _fail(error, 4)
    if secret is not None:
        structlog.get_logger(__name__).warning(
            "first_start", log_in_as=ADMIN, password_is_in=str(secret)
        )
    try:
        registry, loading = Registry(settings.models_dir), Loading()
        lineup = first_lineup(
            registry, store, source=bundle, precision=precision, load=loading.first
        )
    except (BundleError, SourceError, RegistryError) as error:
        store.close()
        _fail(error, 3)
    try:
        run(listener, settings, lineup, store, tracing, loading.beside)
    except AddressError as error:
        _fail(error, 2)


def _fail(error: Exception, code: int) -> NoReturn:
    typer.echo(f"regrade serve: {error}", err=True)
    raise typer.Exit(code)
