"""Runs the demo: starts the parts, shows what goes where, and ends cleanly."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import httpx
from rich.console import Console
from rich.live import Live

from inference.access import ledger
from inference.access.cli import open_store
from inference.access.roles import Role
from model.contract import LineState
from regrade.client.exchange import KEY_VARIABLE
from regrade.demo.errors import ProcessError, UsageError
from regrade.demo.feed import Product, write_feed
from regrade.demo.processes import Crew, Part, crew, free_port, require_free
from regrade.demo.summary import Summary, belt_table, final_table
from sorter_control.drivers.connect import require_opcua
from sorter_control.errors import SettingsError

_ENDLESS_ITEMS = 20_000
_REFRESH_S = 0.5
# An item needs this long at most from the induct to the end of the belt, and to the record.
_STALLED_S = 120.0


@dataclass(frozen=True, slots=True)
class DemoSettings:
    """What the command line decides."""

    products: Sequence[Product]
    items: int | None
    """End by itself after so many items; None runs until Ctrl-C."""
    port: int
    modbus_port: int
    items_per_minute: float
    data: Path | None
    """Where record and logs go; None for a new temporary folder."""
    browser: bool
    opcua: bool
    """Whether controller and PLC speak OPC UA, which the PLC then serves beside Modbus TCP."""


def run(settings: DemoSettings, console: Console) -> Summary:
    """Run the demo to its end.

    Returns:
        What went where.

    Raises:
        UsageError: A port is taken, the folder cannot be used, or OPC UA is not installed.
        ProcessError: A part cannot run, or items stop arriving.
    """
    if settings.opcua:
        _require_opcua()
    port = require_free(settings.port, "--port")
    modbus_port = require_free(settings.modbus_port, "--modbus-port")
    folder = _empty_folder(settings.data)
    try:
        return _run_in(folder, settings, console, port, modbus_port)
    finally:
        console.print(f"Record and logs: {folder}", soft_wrap=True)


def _run_in(
    folder: Path, settings: DemoSettings, console: Console, port: int, modbus_port: int
) -> Summary:
    feed = folder / "feed.jsonl"
    write_feed(feed, settings.products, settings.items or _ENDLESS_ITEMS)
    server_url = f"http://127.0.0.1:{port}"

    with (
        _ended_by_signals(),
        crew(console.print) as parts,
        httpx.Client(base_url=server_url, timeout=2.0) as client,
    ):
        _start(parts, settings, console, folder, port, modbus_port, client)
        console.print(f"Belt and items: {server_url}   Modbus TCP: 127.0.0.1:{modbus_port}")
        console.print(f"Review queue:   {server_url}/review   Ctrl-C ends the demo.")
        if settings.browser:
            _open_page(server_url, console)
        return _watch(parts, client, settings.items, console)


def _start(
    parts: Crew,
    settings: DemoSettings,
    console: Console,
    data: Path,
    port: int,
    modbus_port: int,
    client: httpx.Client,
) -> None:
    camera_port = free_port()
    feed = data / "feed.jsonl"
    plc_address, opcua = f"127.0.0.1:{modbus_port}", {}
    if settings.opcua:
        opcua = {"opcua_port": free_port()}
        plc_address = f"opc.tcp://127.0.0.1:{opcua['opcua_port']}"

    def part(name: str, command: str, *flags: str, **options: object) -> Part:
        words = [word for key, value in options.items() for word in (_option(key), str(value))]
        return Part(name, (command, *flags, *words), data / f"{command}.log")

    server = part("server", "serve", "--open-on-loopback", port=port, data=data / "server")
    plc = part(
        "PLC",
        "plc",
        feed=feed,
        modbus_port=modbus_port,
        camera_port=camera_port,
        state=data / "plc",
        items_per_minute=settings.items_per_minute,
        **opcua,
    )
    controller = part(
        "controller",
        "sort",
        plc=plc_address,
        camera=f"http://127.0.0.1:{camera_port}",
        server=f"http://127.0.0.1:{port}",
        facts=feed,
        data=data / "controller",
    )
    controller.environment = {KEY_VARIABLE: _line_key(data / "server")}
    with console.status("starting the server") as status:
        parts.start(server, _answers(client, "/health/ready"))
        status.update("starting the controller")
        parts.start(controller, lambda: True)
        status.update("starting the simulated PLC and belt")
        parts.start(plc, _answers(client, "/v1/lines/line-1/state", _shows_the_plc))


def _line_key(data: Path) -> str:
    """A key for the controller, as a real line has one; people come in without, on this machine."""
    store = open_store(data, None)
    try:
        return ledger.add_key(store, "line-1", Role.LINE, "regrade demo").text
    finally:
        store.close()


def _require_opcua() -> None:
    try:
        require_opcua()
    except SettingsError as error:
        raise UsageError(f"--opcua: {error}") from error


def _option(key: str) -> str:
    return "--" + key.replace("_", "-")


def _answers(
    client: httpx.Client, path: str, says: Callable[[httpx.Response], bool] = lambda _: True
) -> Callable[[], bool]:
    def ready() -> bool:
        try:
            response = client.get(path)
        except httpx.TransportError:
            return False
        return response.is_success and says(response)

    return ready


def _shows_the_plc(response: httpx.Response) -> bool:
    return LineState.model_validate_json(response.content).plc_connected


def _empty_folder(wanted: Path | None) -> Path:
    """The folder, made if need be; an earlier run's record is never mixed with this one's."""
    if wanted is None:
        return Path(tempfile.mkdtemp(prefix="regrade-demo-"))
    try:
        wanted.mkdir(parents=True, exist_ok=True)
        used = any(wanted.iterdir())
    except OSError as error:
        raise UsageError(f"--data {wanted} cannot be used: {error.strerror}") from error
    if used:
        raise UsageError(
            f"--data {wanted} is not empty; give a new folder "
            f"(regrade serve --data {wanted / 'server'} shows an earlier run's record)"
        )
    return wanted


def _watch(parts: Crew, client: httpx.Client, items: int | None, console: Console) -> Summary:
    """Show the counts until all items have ended, or until a signal."""
    summary = Summary()
    changed = time.monotonic()
    # A terminal gets a table that changes in place, a log one line for every item that ends.
    with Live(belt_table(summary), console=console, transient=True) as live:
        while items is None or summary.outcomes < items:
            parts.mend()
            newest = _fetch(client) or summary
            if newest != summary:
                changed = time.monotonic()
                if not console.is_terminal and newest.outcomes != summary.outcomes:
                    console.print(newest.line(), soft_wrap=True)
                summary = newest
                live.update(belt_table(summary))
            elif items is not None and time.monotonic() - changed > _STALLED_S:
                raise ProcessError(
                    f"only {summary.outcomes} of {items} items have ended, "
                    f"none in the last {_STALLED_S:.0f} s; the logs tell more"
                )
            time.sleep(_REFRESH_S)
    console.print(final_table(summary))
    return summary


def _fetch(client: httpx.Client) -> Summary | None:
    """The newest counts, or None while the server is away (the crew starts it again)."""
    try:
        response = client.get("/v1/summary")
    except httpx.TransportError:
        return None
    return Summary.model_validate_json(response.content) if response.is_success else None


def _open_page(url: str, console: Console) -> None:
    has_screen = sys.platform != "linux" or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    if not (has_screen and webbrowser.open(url)):
        console.print(f"No browser can be opened here: open {url} in yours.")


class Interrupted(BaseException):
    """A signal asks the demo to end; like KeyboardInterrupt, no ``except Exception`` stops it."""


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """SIGTERM and a closed terminal end the demo as Ctrl-C does."""
    watched = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        for number in watched:
            signal.signal(number, signal.SIG_IGN)  # an impatient second Ctrl-C leaves nobody behind
        raise Interrupted

    before = [signal.signal(number, interrupt) for number in watched]
    try:
        yield
    finally:
        for number, handler in zip(watched, before, strict=True):
            signal.signal(number, handler)
