"""``regrade demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the demo to ``regrade``."""
    app.command()(demo)


def demo(
    *,
    photos: Annotated[
        Path | None, typer.Option(help="Put these photographs on the belt (any folder).")
    ] = None,
    items: Annotated[
        int | None, typer.Option(min=1, help="End after so many items, with a summary.")
    ] = None,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the pages; 0 finds a free one.")
    ] = 8000,
    modbus_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the PLC; 0 finds a free one.")
    ] = 5020,
    items_per_minute: Annotated[
        float, typer.Option(min=1, max=120, help="How fast items are put on the belt.")
    ] = 40,
    data: Annotated[
        Path | None, typer.Option(help="Keep record and logs here; default: a temporary folder.")
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = True,
    opcua: Annotated[
        bool, typer.Option("--opcua", help="Controller and PLC speak OPC UA, not Modbus TCP.")
    ] = False,
) -> None:
    """Watch returned items being graded and sorted: server, PLC and controller in one command."""
    from rich.console import Console

    from regrade.demo.errors import ProcessError, UsageError
    from regrade.demo.feed import photo_products, sample_products
    from regrade.demo.run import DemoSettings, Interrupted, run

    console = Console()
    try:
        settings = DemoSettings(
            products=photo_products(photos) if photos else sample_products(),
            items=items,
            port=port,
            modbus_port=modbus_port,
            items_per_minute=items_per_minute,
            data=data,
            browser=browser,
            opcua=opcua,
        )
        run(settings, console)
    except (UsageError, ProcessError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2 if isinstance(error, UsageError) else 1) from error
    except Interrupted:
        console.print("Ended.")
