"""Commands of ``sorter_control``: ``plc``, ``sort``, ``route`` and ``soak``."""

from __future__ import annotations

import asyncio
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
    camera_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Camera, HTTP; 0 takes a free port.")
    ] = 5021,
    speed_mm_s: Annotated[int | None, typer.Option(help="Belt speed.")] = None,
    items_per_minute: Annotated[
        float | None, typer.Option(help="At most this rate; the feed's own gaps without it.", min=1)
    ] = None,
    belt: Annotated[Path | None, typer.Option(help="TOML with the belt's measures.")] = None,
) -> None:
    """Simulate a sorter in real time: belt, PLC (Modbus TCP) and camera station (HTTP)."""
    from sorter_control.sim.feed import Feed
    from sorter_control.sim.geometry import DEFAULT, load_belt
    from sorter_control.sim.service import PlcSettings, Ports, SimulatedPlc

    def ready(ports: Ports) -> None:
        _say(f"plc ready modbus={host}:{ports.modbus} camera={host}:{ports.camera}")

    async def run(stop: asyncio.Event) -> None:
        settings = PlcSettings(
            load_belt(belt or DEFAULT, speed_mm_s=speed_mm_s),
            Feed.load(feed),
            state,
            host,
            modbus_port,
            camera_port,
            items_per_minute,
        )
        with owned(state, "--state"):
            await SimulatedPlc(settings).run(stop, ready)

    _until_signal(run)


def sort(
    plc: Annotated[str, typer.Option(help="HOST:PORT of the PLC's Modbus TCP server.")],
    camera: Annotated[str, typer.Option(help="URL of the camera station.")],
    server: Annotated[str, typer.Option(help="URL of the grading server.")],
    data: Annotated[Path, typer.Option(help="Folder of the journal: no item is lost from it.")],
    facts: Annotated[Path, typer.Option(help="Facts of the items, one JSON per line.")],
    policy: Annotated[
        Path | None, typer.Option(help="Routing policy; the one that ships without it.")
    ] = None,
    line_id: Annotated[str, typer.Option(help="Name of this line.")] = "line-1",
) -> None:
    """Control a sorter: have each item graded and send it down its lane."""
    import httpx

    from sorter_control.controller.camera import Camera
    from sorter_control.controller.controller import Controller
    from sorter_control.controller.facts import load_facts
    from sorter_control.controller.journal import Journal
    from sorter_control.controller.server import Server
    from sorter_control.controller.service import Sorting
    from sorter_control.controller.values import Settings
    from sorter_control.drivers.modbus import ModbusPlc
    from sorter_control.policy import SHIPPED, load_policy

    async def run(stop: asyncio.Event) -> None:
        settings = Settings(_line_id(line_id), load_policy(policy or SHIPPED))
        known = load_facts(facts)
        plc_host, plc_port = _address(plc)
        with owned(data, "--data"):
            journal = Journal.open(data)
            try:
                async with (
                    httpx.AsyncClient(base_url=camera, timeout=2.0) as camera_client,
                    httpx.AsyncClient(base_url=server, timeout=5.0) as server_client,
                ):
                    sorting = Sorting(
                        Controller(settings, journal),
                        journal,
                        ModbusPlc(plc_host, plc_port),
                        Camera(camera_client),
                        Server(server_client),
                        known,
                    )
                    _say(f"sort ready plc={plc} line={line_id}")
                    await sorting.run(stop)
            finally:
                journal.close()

    _until_signal(run)


def route(
    item: Annotated[Path, typer.Option(help="JSON of the item's facts.", **_FILE)],
    verdict: Annotated[
        Path | None, typer.Option(help="JSON of a verdict; none without it.", **_FILE)
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(help="Routing policy; the one that ships without it.")
    ] = None,
    closed: Annotated[
        list[str] | None, typer.Option(help="A lane that is closed; may be repeated.")
    ] = None,
    *,
    explain: Annotated[bool, typer.Option("--explain", help="Say why, too.")] = False,
) -> None:
    """Say which lane the policy gives an item, without a belt."""
    from pydantic import ValidationError

    from model.contract import ItemFacts, Verdict
    from sorter_control.policy import SHIPPED, load_policy
    from sorter_control.routing import LaneCondition
    from sorter_control.routing import route as choose

    try:
        rules = load_policy(policy or SHIPPED)
        facts = ItemFacts.model_validate_json(item.read_bytes())
        said = Verdict.model_validate_json(verdict.read_bytes()) if verdict else None
    except (ValidationError, SettingsError) as error:
        _fail(str(error))
    shut = set(closed or ())
    if unknown := shut - set(rules.lanes):
        _fail(f"--closed {sorted(unknown)}: the policy has the lanes {sorted(rules.lanes)}")
    lanes = {
        lane: LaneCondition.DISABLED if lane in shut else LaneCondition.OPEN for lane in rules.lanes
    }
    decision = choose(facts, said, None, lanes, rules)
    print(decision.lane)
    if explain:
        print(f"rule: {decision.rule}\n{decision.explanation}")


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


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise SettingsError(f"--plc {text}: give HOST:PORT, for example 127.0.0.1:5020")
    return host, int(port)


def _until_signal(run: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run until SIGINT or SIGTERM; a user's mistake ends in one line and exit code 2."""

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        await run(stop)

    # pymodbus logs every failed attempt; the driver reports each outage once.
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
    try:
        asyncio.run(main())
    except SorterError as error:
        _fail(str(error))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _fail(problem: str) -> NoReturn:
    _say(f"error: {problem}")
    raise typer.Exit(2)
