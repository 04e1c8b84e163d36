"""The controller's long poll for people's commands, and how their ends are told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from model.contract import CommandKind, CommandStatus, LineCommand
from sorter_control.controller.controller import Controller
from sorter_control.controller.journal import Journal
from sorter_control.controller.server import Server
from sorter_control.controller.service import Rhythm, Sorting
from sorter_control.drivers.memory import MemoryPlc
from sorter_control.sim.camera import CameraStation
from sorter_control.sim.geometry import load_belt
from sorter_control.sim.machine import Machine
from tests.sorter_control.factories import NOW, SETTINGS, until
from tests.sorter_control.fake_server import FakeServer, camera_of

Run = Callable[[Callable[[], bool]], Awaitable[Journal]]


def stop(seq: int = 1) -> LineCommand:
    return LineCommand(
        seq=seq,
        command_id=f"c-{seq}",
        line_id="line-1",
        kind=CommandKind.STOP,
        operator="Ada",
        created_at=NOW,
        expires_at=NOW + timedelta(seconds=5),
    )


@pytest.fixture
def run(server: FakeServer, station: CameraStation) -> Run:
    """Runs a controller, whose machine is stopped, until something is so."""

    async def until_so(true: Callable[[], bool]) -> Journal:
        journal, ending = Journal(":memory:"), asyncio.Event()
        machine = Machine(load_belt(), [])
        async with camera_of(station) as camera:
            sorting = Sorting(
                Controller(SETTINGS, journal),
                journal,
                MemoryPlc(lambda: machine),
                camera,
                Server(server.client),
                {},
                Rhythm(retry_s=0.05),
            )
            running = asyncio.create_task(sorting.run(ending))
            while not sorting.controller.state.plc_boot_id:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            await until(lambda: true() or running.done())
            ending.set()
            await running
        return journal

    return until_so


async def test_a_command_is_taken_and_its_end_is_told_once(server: FakeServer, run: Run) -> None:
    server.way_back_s = 0.1  # the controller has met its PLC before it hears of it
    server.commands = [stop()]
    journal = await run(lambda: bool(server.results))
    (result,) = server.results
    assert (result.command_id, result.status) == ("c-1", CommandStatus.DONE)
    assert journal.untold(10) == []


async def test_what_the_way_took_is_taken_off_the_time_that_is_left(
    server: FakeServer, run: Run
) -> None:
    server.left_s, server.way_back_s = 0.2, 0.4
    server.commands = [stop()]
    await run(lambda: bool(server.results))
    assert [result.status for result in server.results] == [CommandStatus.EXPIRED]


async def test_a_result_outlives_a_server_that_is_away(server: FakeServer, run: Run) -> None:
    server.way_back_s = 0.1
    server.commands = [stop()]
    server.lost_results = 3
    await run(lambda: bool(server.results))
    assert (len(server.results), server.lost_results) == (1, 0)
