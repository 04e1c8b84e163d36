"""A PLC in the same process: the simulated machine, without a socket between."""

from __future__ import annotations

from sorter_control.protocol import HostImage, PlcImage
from sorter_control.sim.machine import Machine


class MemoryPlc:
    """Reads and writes a machine directly."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    async def read(self) -> PlcImage:
        """See ``Plc``."""
        return self._machine.image()

    async def write(self, image: HostImage) -> None:
        """See ``Plc``."""
        self._machine.host = image

    async def close(self) -> None:
        """See ``Plc``."""
