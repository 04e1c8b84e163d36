"""``regrade plc``: the simulated machine in real time, behind Modbus TCP, OPC UA and HTTP."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

import structlog
import uvicorn

from sorter_control.errors import SettingsError
from sorter_control.packml import Command
from sorter_control.sim.camera import KEPT, CameraStation
from sorter_control.sim.feed import Feed
from sorter_control.sim.geometry import Belt
from sorter_control.sim.machine import Machine
from sorter_control.sim.modbus_server import PlcServer
from sorter_control.sim.store import WorldStore

_SAVE_EVERY_S = 0.2
_LONGEST_STALL_S = 0.25

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PlcSettings:
    """What ``regrade plc`` was told."""

    belt: Belt
    feed: Feed
    state: Path
    host: str
    modbus_port: int
    camera_port: int
    items_per_minute: float | None
    opcua_port: int | None = None
    """None for no OPC UA."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Ports that are listened on."""

    modbus: int
    camera: int
    opcua: int | None = None


Publish = Callable[[], Awaitable[None]]


async def _publish_nothing() -> None:
    pass


class _Server(uvicorn.Server):
    """A server that leaves the process's signals alone."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        return nullcontext()


class SimulatedPlc:
    """The machine, its camera and its disk."""

    def __init__(self, settings: PlcSettings) -> None:
        self._settings = settings
        self._store = WorldStore(settings.state, settings.feed)
        pitch_mm = None
        if settings.items_per_minute is not None:
            pitch_mm = settings.belt.speed_mm_s * 60 / settings.items_per_minute
        self._machine = Machine(
            settings.belt, settings.feed.rows, self._store.load(), pitch_mm=pitch_mm
        )
        self._camera = CameraStation()
        for tid, serial in self._store.captures(KEPT):
            self._camera.photograph(tid, settings.feed.rows[serial])
        self._saved_s = 0.0

    async def run(self, stop: asyncio.Event, ready: Callable[[Ports], None]) -> None:
        """Scan until ``stop`` is set; ``ready`` is told the ports once they are open.

        Raises:
            SettingsError: A port cannot be used.
        """
        settings = self._settings
        self._save()
        try:
            async with (
                _http(self._camera, settings.host, settings.camera_port) as camera_port,
                self._opcua() as (opcua_port, publish),
                self._modbus() as modbus_port,
            ):
                ready(Ports(modbus_port, camera_port, opcua_port))
                # The simulated worker starts the machine at its panel; no program ever does.
                self._machine.press(Command.RESET, Command.START)
                await self._scan_until(stop, publish)
        finally:
            self._save()
            self._store.close()

    @asynccontextmanager
    async def _modbus(self) -> AsyncIterator[int]:
        """Serve Modbus TCP; gives the port."""
        server = PlcServer(lambda: self._machine)
        try:
            yield await server.start(self._settings.host, self._settings.modbus_port)
        finally:
            await server.stop()

    @asynccontextmanager
    async def _opcua(self) -> AsyncIterator[tuple[int | None, Publish]]:
        """Serve OPC UA where it is wanted; gives the port and what to do after every scan."""
        port = self._settings.opcua_port
        if port is None:
            yield None, _publish_nothing
            return
        from sorter_control.sim.opcua_server import (  # noqa: PLC0415 - an optional package
            OpcUaServer,
        )

        server = OpcUaServer(lambda: self._machine)
        port = await server.start(self._settings.host, port)
        try:
            yield port, server.publish
        finally:
            await server.stop()

    async def _scan_until(self, stop: asyncio.Event, publish: Publish) -> None:
        machine = self._machine
        scan_s = machine.belt.scan_ms / 1000
        due_s = time.monotonic()
        empty = machine.is_empty
        while not stop.is_set():
            now_s = time.monotonic()
            due_s = max(due_s, now_s - _LONGEST_STALL_S)
            while due_s <= now_s:
                self._scan()
                await publish()
                await asyncio.sleep(0)  # hosts are answered between scans, also when scans are late
                due_s += scan_s
            if machine.is_empty and not empty:
                empty = True
                _log.info("feed_exhausted", items=len(machine.rows))
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), max(0.0, due_s - time.monotonic()))

    def _scan(self) -> None:
        machine = self._machine
        machine.step()
        if machine.changed or machine.now_s - self._saved_s >= _SAVE_EVERY_S:
            self._save()

    def _save(self) -> None:
        machine = self._machine
        pictures = [(tid, serial) for tid, serial in machine.photographed if serial is not None]
        self._store.save(machine.what_remains(), machine.deposits(), pictures)
        for tid, serial in pictures:
            self._camera.photograph(tid, machine.rows[serial])
        machine.photographed.clear()
        machine.changed = False
        self._saved_s = machine.now_s


@asynccontextmanager
async def _http(camera: CameraStation, host: str, port: int) -> AsyncIterator[int]:
    """Serve the camera station; gives the port."""
    try:
        listener = socket.create_server((host, port))
    except OSError as error:
        raise SettingsError(f"cannot listen on {host}:{port} for the camera: {error}") from error
    config = uvicorn.Config(
        camera.app(), log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1
    )
    server = _Server(config)
    with listener:
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield int(listener.getsockname()[1])
        finally:
            server.should_exit = True
            await task
