"""Commands of ``sorter_control``: ``plc``, ``sort``, ``route`` and ``soak``."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from pydantic import TypeAdapter, ValidationError

from model.contract import Identifier
from sorter_control.errors import SettingsError, SorterError
from sorter_control.folder import owned

_FILE = {"exists": True, "dir_okay": False, "readable": True}


def register(app: typer.Typer) -> None:
    """Add this package's commands to ``regrade``."""
    app.command()(plc)
    app.command()(sort)
    app.command()(route)
    app.command()(soak)


def plc(
    feed: Annotated[Path, typer.Option(help="Items to lay on the belt, one JSON per line.")],
    state: Annotated[Path, typer.Option(help="Folder in which the belt survives a restart.")],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    modbus_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Modbus TCP; 0 takes a free port.")
    ] = 5020,
    opcua_port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="OPC UA beside it; 0 takes a free port."),
    ] = None,
    camera_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Camera, HTTP; 0 takes a free port.")
    ] = 5021,
    speed_mm_s: Annotated[int | None, typer.Option(help="Belt speed.")] = None,
    items_per_minute: Annotated[
        float | None, typer.Option(help="At most this rate; the feed's own gaps without it.", min=1)
    ] = None,
    belt: Annotated[Path | None, typer.Option(help="TOML with the belt's measures.")] = None,
) -> None:
    """Simulate a sorter in real time: belt, PLC (Modbus TCP, OPC UA) and camera station (HTTP)."""
    from sorter_control.drivers.connect import require_opcua
    from sorter_control.sim.feed import Feed
    from sorter_control.sim.geometry import DEFAULT, load_belt
    from sorter_control.sim.service import PlcSettings, Ports, SimulatedPlc

    def ready(ports: Ports) -> None:
        _settle()
        opcua = f" opcua={host}:{ports.opcua}" if ports.opcua else ""
        _say(f"plc ready modbus={host}:{ports.modbus}{opcua} camera={host}:{ports.camera}")

    async def run(stop: asyncio.Event) -> None:
        if opcua_port is not None:
            require_opcua()
        settings = PlcSettings(
            load_belt(belt or DEFAULT, speed_mm_s=speed_mm_s),
            Feed.load(feed),
            state,
            host,
            modbus_port,
            camera_port,
            items_per_minute,
            opcua_port,
        )
        with owned(state, "--state"):
            await SimulatedPlc(settings).run(stop, ready)

    _until_signal(run)


def sort(
    plc: Annotated[
        str, typer.Option(help="HOST:PORT of the PLC (Modbus TCP), or opc.tcp://HOST:PORT.")
    ],
    camera: Annotated[str, typer.Option(help="URL of the camera station.")],
    server: Annotated[str, typer.Option(help="URL of the grading server.")],
    data: Annotated[Path, typer.Option(help="Folder of the journal: no item is lost from it.")],
    facts: Annotated[Path, typer.Option(help="Facts of the items, one JSON per line.")],
    policy: Annotated[
        Path | None, typer.Option(help="Routing policy; the one that ships without it.")
    ] = None,
    line_id: Annotated[str, typer.Option(help="Name of this line.")] = "line-1",
    api_key_file: Annotated[
        Path | None,
        typer.Option(
            help="File with the key for the server; without it, REGRADE_API_KEY.", **_FILE
        ),
    ] = None,
) -> None:
    """Control a sorter: have each item graded and send it down its lane."""
    import httpx

    from regrade.client import AsyncClient
    from sorter_control.controller.camera import Camera
    from sorter_control.controller.controller import Controller
    from sorter_control.controller.facts import load_facts
    from sorter_control.controller.journal import Journal
    from sorter_control.controller.policy_file import PolicyFile
    from sorter_control.controller.server import Server
    from sorter_control.controller.service import Sorting
    from sorter_control.controller.values import Settings
    from sorter_control.drivers.connect import driver_for
    from sorter_control.policy import SHIPPED

    async def run(stop: asyncio.Event) -> None:
        policy_file = PolicyFile(policy or SHIPPED)
        settings = Settings(_line_id(line_id), policy_file.policy)
        known = load_facts(facts)
        driver = driver_for(plc)
        api_key = api_key_file.read_text("utf-8").strip() if api_key_file else None
        with owned(data, "--data"):
            journal = Journal.open(data)
            try:
                async with (
                    httpx.AsyncClient(base_url=camera, timeout=2.0) as camera_client,
                    AsyncClient(server, api_key=api_key) as server_client,
                ):
                    sorting = Sorting(
                        Controller(settings, journal),
                        journal,
                        driver,
                        Camera(camera_client),
                        Server(server_client),
                        known,
                        policy_file=policy_file,
                    )
                    _settle()
                    # A user and a password before the host are nobody's business.
                    _say(f"sort ready plc={plc.rpartition('@')[2]} line={line_id}")
                    await sorting.run(stop)
            finally:
                journal.close()

    _until_signal(run)


def route(
    item: Annotated[Path | None, typer.Option(help="JSON of one item's facts.", **_FILE)] = None,
    verdict: Annotated[
        Path | None, typer.Option(help="JSON of its verdict; none without it.", **_FILE)
    ] = None,
    items: Annotated[
        Path | None,
        typer.Option(help="JSON Lines: facts and verdict, or records of the server.", **_FILE),
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(help="Routing policy; the one that ships without it.")
    ] = None,
    against: Annotated[
        Path | None, typer.Option(help="Another policy: show only items that it sends elsewhere.")
    ] = None,
    closed: Annotated[
        list[str] | None, typer.Option(help="A lane that is closed; may be repeated.")
    ] = None,
    *,
    explain: Annotated[bool, typer.Option("--explain", help="Say why, too.")] = False,
) -> None:
    """Say which lane the policy gives an item, without a belt."""
    from sorter_control.dry_run import decide_dry, load_item, load_items, moves
    from sorter_control.policy import SHIPPED, load_policy
    from sorter_control.routing import Decision

    def say(line: str, *decisions: Decision) -> None:
        print(line)
        for decision in decisions if explain else ():
            print(f"rule: {decision.rule}\n{decision.explanation}")

    if (item is None) == (items is None):
        _fail("give either --item or --items")
    try:
        rules = load_policy(policy or SHIPPED)
        others = load_policy(against) if against else None
        given = load_items(items) if items else [load_item(item, verdict)] if item else []
    except SettingsError as error:
        _fail(str(error))
    shut = frozenset(closed or ())
    for each in (rules, others) if others else (rules,):
        if unknown := shut - set(each.lanes):
            _fail(f"--closed {sorted(unknown)}: the policy has the lanes {sorted(each.lanes)}")
    if others is None:
        for one in given:
            decision = decide_dry(one, rules, shut)
            say(f"{one.item_id}: {decision.lane}" if items else decision.lane, decision)
        return
    elsewhere = moves(given, rules, others, shut)
    for move in elsewhere:
        say(f"{move.item_id}: {move.before.lane} -> {move.after.lane}", move.before, move.after)
    print(f"{len(elsewhere)} of {len(given)} items would go elsewhere")


def soak(
    items: Annotated[int, typer.Option(min=1, help="How many items must pass.")] = 100_000,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same faults.")] = 1,
    processes: Annotated[int, typer.Option(min=1, help="Shifts that run side by side.")] = 1,
    scenario: Annotated[
        Path | None, typer.Option(help="Run this one scenario instead.", **_FILE)
    ] = None,
    failure: Annotated[
        Path, typer.Option(help="Where the smallest scenario that fails is written.")
    ] = Path("soak-failure.toml"),
) -> None:
    """Run belt, PLC and controller in virtual time under random faults, and check the invariants."""
    from rich.console import Console

    from sorter_control.sim.soak import run as soaking
    from sorter_control.sim.soak.faults import load_scenario
    from sorter_control.sim.soak.report import fault_table, summary
    from sorter_control.sim.soak.shift import run_shift

    console = Console()
    if scenario is not None:
        totals = soaking.Totals()
        try:
            totals.add(run_shift(load_scenario(scenario)))
        except SettingsError as error:
            _fail(str(error))
    else:
        with console.status("starting") as status:
            totals = soaking.soak(
                items,
                seed,
                processes,
                lambda now: status.update(
                    f"{now.items:,} of {items:,} items, {now.items_per_minute:,.0f} a minute,"
                    f" {now.injected.total():,} faults"
                ),
            )
    console.print(fault_table(totals))
    console.print(summary(totals))
    if totals.failed is None:
        return
    for violation in totals.failed.verified.violations:
        console.print(f"violated: {violation}", highlight=False)
    if scenario is None:
        console.print("looking for the smallest scenario that fails ...")
        failure.write_text(soaking.smallest(totals.failed.scenario).to_toml(), encoding="utf-8")
        console.print(f"again: regrade soak --scenario {failure}")
    raise typer.Exit(1)


def _line_id(text: str) -> str:
    try:
        return TypeAdapter(Identifier).validate_python(text)
    except ValidationError as error:
        raise SettingsError(
            f"--line-id {text!r}: use letters, digits and . _ : - only, a letter or digit first"
        ) from error


def _until_signal(run: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run until SIGINT or SIGTERM; a user's mistake ends in one line and exit code 2."""

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        await run(stop)

    # Both libraries log every failed attempt; the driver reports each outage once.
    for library in ("pymodbus", "asyncua"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
    try:
        asyncio.run(main())
    except SorterError as error:
        _fail(str(error))


def _settle() -> None:
    """Keep what was built at the start out of every later garbage collection.

    To go through it takes a tenth of a second and more, in which neither side answers the other.
    """
    gc.collect()
    gc.freeze()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _fail(problem: str) -> NoReturn:
    _say(f"error: {problem}")
    raise typer.Exit(2)
