"""One simulated machine behind each of the protocols, for tests that do not care which."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from sorter_control.drivers import Plc
from sorter_control.drivers.memory import MemoryPlc
from sorter_control.drivers.modbus import ModbusPlc
from sorter_control.drivers.opcua import OpcUaPlc
from sorter_control.packml import Command
from sorter_control.protocol import HostWords
from sorter_control.sim.geometry import Belt, load_belt
from sorter_control.sim.machine import Machine, Remains
from sorter_control.sim.modbus_server import PlcServer
from sorter_control.sim.opcua_server import OpcUaServer
from sorter_control.sim.plc.state import Retained
from tests.sorter_control.factories import make_rows
from tests.sorter_control.links import BadLink, Faults, modbus_frame, opcua_frame

#: A loaded machine may take long; no test here is about time.
PATIENCE_S = 20.0
_BOOTS = count(1)


class Stand:
    """A machine, and a driver that reaches it.

    Attributes:
        machine: Swap it as a restart of the PLC would.
        driver: The host's end.
        link: What lies between, None where nothing does.
        now_s: The driver's clock.
    """

    def __init__(self, rows: int = 3, belt: Belt | None = None) -> None:
        remains = Remains(plc=Retained(boot_id=next(_BOOTS)))
        self.machine = Machine(belt or load_belt(), make_rows(rows), remains)
        self.machine.press(Command.RESET, Command.START)
        self.driver: Plc = MemoryPlc(lambda: self.machine if self._alive else None)
        self.link: BadLink | None = None
        self.now_s = 0.0
        self._alive = True
        self._server: PlcServer | None = None

    async def connect_modbus(self, faults: Faults | None, timeout_s: float) -> None:
        self._server = PlcServer(lambda: self.machine)
        link = self.link = BadLink(await self._server.start("127.0.0.1", 0), modbus_frame)
        await link.open(faults)
        self.driver = ModbusPlc("127.0.0.1", link.port, lambda: self.now_s, timeout_s=timeout_s)

    async def connect_opcua(self, face: OpcUaFace, faults: Faults | None, timeout_s: float) -> None:
        face.show(lambda: self.machine)
        link = self.link = BadLink(await face.port(), opcua_frame)
        await link.open(faults)
        url = f"opc.tcp://127.0.0.1:{link.port}"
        self.driver = OpcUaPlc(url, lambda: self.now_s, timeout_s=timeout_s)

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds * 100)):
            self.machine.step()

    def die(self) -> None:
        """The PLC's end goes away."""
        self._alive = False
        if self.link is not None:
            self.link.cut()

    def come_back(self, *, restarted: bool) -> None:
        """It is there again, with what a real one remembers if its program restarted."""
        self._alive = True
        if self.link is not None:
            self.link.mend()
        if restarted:
            before = self.machine
            self.machine = Machine(
                before.belt, before.rows, before.what_remains(), now_s=before.now_s
            )
            self.machine.press(Command.RESET, Command.START)

    async def close(self) -> None:
        await self.driver.close()
        if self.link is not None:
            await self.link.close()
        if self._server is not None:
            await self._server.stop()


class OpcUaFace:
    """One OPC UA server for all tests, since to start one takes seconds: the machine is swapped."""

    def __init__(self) -> None:
        self._machine = Machine(load_belt(), [])
        self._shows: Callable[[], Machine] = lambda: self._machine
        self._server: OpcUaServer | None = None
        self._port = 0

    def _machine_shown(self) -> Machine:
        return self._shows()

    def show(self, machine: Callable[[], Machine]) -> None:
        """Serve another machine, to which no host has written yet."""
        self._shows = machine
        if self._server is not None:
            self._server._words = HostWords()
            self._server._commands.clear()

    async def port(self) -> int:
        """Where it listens; starts it if need be."""
        if self._server is None:
            self._server = OpcUaServer(self._machine_shown)
            self._port = await self._server.start("127.0.0.1", 0)
        return self._port

    async def publish(self) -> None:
        """What the simulated PLC does after every scan."""
        if self._server is not None:
            await self._server.publish()

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.stop()
