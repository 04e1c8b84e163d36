"""Both services in real time: over real sockets, with a grading server in memory."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path

import httpx
import pytest

from model.contract import Ending, Grade
from sorter_control.controller.camera import Camera
from sorter_control.controller.controller import Controller
from sorter_control.controller.facts import load_facts
from sorter_control.controller.journal import Journal
from sorter_control.controller.server import Server
from sorter_control.controller.service import Rhythm, Sorting
from sorter_control.drivers.memory import MemoryPlc
from sorter_control.drivers.modbus import ModbusPlc
from sorter_control.errors import (
    PlcError,
    SettingsError,
)
from sorter_control.packml import Command
from sorter_control.protocol import HostImage, PlcImage
from sorter_control.sim.camera import CameraStation
from sorter_control.sim.feed import Feed, FeedRow
from sorter_control.sim.geometry import Belt, load_belt
from sorter_control.sim.machine import Machine
from sorter_control.sim.service import PlcSettings, Ports, SimulatedPlc
from tests.sorter_control.factories import SETTINGS, make_override, until
from tests.sorter_control.fake_server import FACTS, PICTURE, FakeServer, camera_of


class DeafPlc(MemoryPlc):
    """Can be read, but no write arrives."""

    async def write(self, image: HostImage) -> None:
        raise PlcError("no answer")


class StubbornPlc(MemoryPlc):
    """Swallows a cancellation, as ``asyncio.wait_for`` may until Python 3.12."""

    async def read(self) -> PlcImage:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(0.01)
        return await super().read()


async def test_a_swallowed_cancellation_does_not_keep_the_controller_running(
    server: FakeServer, station: CameraStation
) -> None:
    journal = Journal(":memory:")
    stop = asyncio.Event()
    async with camera_of(station) as camera:
        controller = Controller(SETTINGS, journal)
        machine = Machine(load_belt(), [])
        plc = StubbornPlc(lambda: machine)
        running = asyncio.create_task(
            Sorting(controller, journal, plc, camera, Server(server.client), {}).run(stop)
        )
        await until(lambda: controller.state.plc_boot_id != 0 or running.done())
        stop.set()
        await running
    journal.close()


async def test_a_lost_write_loses_no_grading(station: CameraStation, server: FakeServer) -> None:
    machine = Machine(load_belt(), [FeedRow(item_id="RET-0", pictures=(Path("x.jpg"),))])
    machine.press(Command.RESET, Command.START)
    while not machine.photographed:
        machine.step()
    station.photograph(machine.photographed[0][0], machine.rows[0])
    journal = Journal(":memory:")
    stop = asyncio.Event()
    async with camera_of(station) as camera:
        sorting = Sorting(
            Controller(SETTINGS, journal),
            journal,
            DeafPlc(lambda: machine),
            camera,
            Server(server.client),
            FACTS,
        )
        running = asyncio.create_task(sorting.run(stop))
        await until(lambda: bool(sorting.controller.state.items) or running.done())
        (item,) = sorting.controller.state.items.values()
        await until(lambda: not sorting.controller.state.items[item.tid].nameless)
        stop.set()
        await running
    journal.close()


async def test_a_defect_in_grading_sends_the_item_to_the_manual_lane(
    station: CameraStation, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_self: Camera, _tid: int) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Camera, "capture", broken)
    machine = Machine(load_belt(), [FeedRow(item_id="RET-0", pictures=(Path("x.jpg"),))])
    machine.press(Command.RESET, Command.START)
    while not machine.photographed:
        machine.step()
    journal = Journal(":memory:")
    stop = asyncio.Event()
    async with camera_of(station) as camera:
        sorting = Sorting(
            Controller(SETTINGS, journal),
            journal,
            MemoryPlc(lambda: machine),
            camera,
            Server(server.client),
            FACTS,
        )
        running = asyncio.create_task(sorting.run(stop))
        await until(
            lambda: any(i.decision is not None for i in sorting.controller.state.items.values())
        )
        (item,) = sorting.controller.state.items.values()
        assert item.decision is not None
        assert (item.decision.lane, item.decision.rule) == ("manual", "no_verdict")
        stop.set()
        await running
    journal.close()


def short_belt() -> Belt:
    """Two seconds from the induct photo-eye to the first point of no return."""
    return load_belt().model_copy(
        update={"speed_mm_s": 1500, "diverts_mm": (3600, 3900, 4200, 4500), "run_out_mm": 4800}
    )


class Site:
    """Both services in one event loop, over real sockets, with a fake grading server."""

    def __init__(self, folder: Path, server: FakeServer, items: int) -> None:
        (folder / "a.jpg").write_bytes(PICTURE)
        rows = [
            {"item_id": f"RET-{n}", "pictures": ["a.jpg"], "length_mm": 200, "gap_mm": 250}
            for n in range(items)
        ]
        feed = folder / "feed.jsonl"
        feed.write_text("\n".join(json.dumps(row) for row in rows))
        self.folder, self.server, self.feed = folder, server, feed
        self.belt = short_belt()
        self.stop_plc, self.stop_sort = asyncio.Event(), asyncio.Event()

    async def start_plc(self) -> tuple[asyncio.Task[None], Ports]:
        settings = PlcSettings(
            self.belt, Feed.load(self.feed), self.folder / "plc", "127.0.0.1", 0, 0, None
        )
        opened: list[Ports] = []
        task = asyncio.create_task(SimulatedPlc(settings).run(self.stop_plc, opened.append))
        await until(lambda: bool(opened) or task.done())
        if task.done():
            await task
        return task, opened[0]

    async def sort(self, ports: Ports) -> None:
        journal = Journal.open(self.folder / "sort")
        try:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{ports.camera}") as client:
                sorting = Sorting(
                    Controller(SETTINGS, journal),
                    journal,
                    ModbusPlc("127.0.0.1", ports.modbus),
                    Camera(client),
                    Server(self.server.client),
                    load_facts(self.feed),
                    Rhythm(retry_s=0.05),
                )
                await sorting.run(self.stop_sort)
        finally:
            journal.close()


async def test_items_are_sorted_over_real_sockets(tmp_path: Path, server: FakeServer) -> None:
    """Announced, photographed, graded, assigned, diverted, recorded; a person steers one."""
    server.overrides = [make_override("RET-2", Grade.NEW).model_dump(mode="json")]
    site = Site(tmp_path, server, 4)
    plc, ports = await site.start_plc()
    sort = asyncio.create_task(site.sort(ports))
    await until(lambda: len(server.outcomes) == 4 or sort.done() or plc.done())
    site.stop_sort.set()
    site.stop_plc.set()
    await asyncio.gather(sort, plc)
    outcomes = {outcome.item_id: outcome for outcome in server.outcomes.values()}
    assert {outcome.ending for outcome in outcomes.values()} == {Ending.DIVERTED}
    assert outcomes["RET-2"].rule == "operator"
    assert outcomes["RET-2"].lane == "restock"
    assert outcomes["RET-0"].lane == "open-box"
    assert any(state.items and state.plc_connected for state in server.states)


async def test_without_a_server_items_go_to_the_manual_lane_and_the_record_waits(
    tmp_path: Path, server: FakeServer
) -> None:
    server.up = False
    site = Site(tmp_path, server, 2)
    plc, ports = await site.start_plc()
    sort = asyncio.create_task(site.sort(ports))
    journal = Journal.open(tmp_path / "sort")
    await until(lambda: len(journal.outcomes()) == 2 or sort.done() or plc.done())
    assert not server.outcomes
    server.up = True
    await until(lambda: len(server.outcomes) == 2 or sort.done() or plc.done())
    site.stop_sort.set()
    site.stop_plc.set()
    await asyncio.gather(sort, plc)
    journal.close()
    assert {(each.lane, each.rule) for each in server.outcomes.values()} == {
        ("manual", "no_verdict")
    }


async def test_an_outcome_that_the_server_refuses_does_not_hold_up_the_rest(
    tmp_path: Path, server: FakeServer
) -> None:
    site = Site(tmp_path, server, 3)
    plc, ports = await site.start_plc()
    saved = Journal.open(tmp_path / "sort")
    server.up = False
    sort = asyncio.create_task(site.sort(ports))
    await until(lambda: len(saved.outcomes()) == 3 or sort.done() or plc.done())
    server.refused = {saved.outcomes()[1].outcome_id}
    server.up = True
    await until(lambda: not saved.unsent(1) or sort.done() or plc.done())
    site.stop_sort.set()
    site.stop_plc.set()
    await asyncio.gather(sort, plc)
    saved.close()
    assert len(server.outcomes) == 2


async def test_a_policy_for_other_lanes_stops_the_controller(
    tmp_path: Path, server: FakeServer
) -> None:
    site = Site(tmp_path, server, 1)
    site.belt = site.belt.model_copy(update={"diverts_mm": (1500, 1800)})
    plc, ports = await site.start_plc()
    with pytest.raises(SettingsError, match="the PLC has 3 lanes"):
        await site.sort(ports)
    site.stop_plc.set()
    await plc


async def test_a_world_belongs_to_its_feed(tmp_path: Path, server: FakeServer) -> None:
    site = Site(tmp_path, server, 1)
    plc, _ = await site.start_plc()
    site.stop_plc.set()
    await plc
    other = Site(tmp_path, server, 2)
    with pytest.raises(SettingsError, match="another feed"):
        await other.start_plc()


async def test_a_port_in_use_is_named(tmp_path: Path, server: FakeServer) -> None:
    site = Site(tmp_path, server, 1)
    plc, ports = await site.start_plc()
    feed = Feed.load(site.feed)
    for modbus, camera in ((ports.modbus, 0), (0, ports.camera)):
        settings = PlcSettings(
            short_belt(), feed, tmp_path / "other", "127.0.0.1", modbus, camera, None
        )
        with pytest.raises(SettingsError, match="cannot listen on 127"):
            await SimulatedPlc(settings).run(asyncio.Event(), lambda _ports: None)
    site.stop_plc.set()
    await plc
