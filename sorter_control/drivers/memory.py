"""A PLC in the same process: the simulated machine, without a socket between."""

from __future__ import annotations

from collections.abc import Callable

from sorter_control.errors import PlcError
from sorter_control.protocol import HostImage, PlcImage
from sorter_control.sim.machine import Machine


class MemoryPlc:
    """Reads and writes a machine directly.

    Args:
        machine: Gives the machine of the moment; None while there is none.
    """

    def __init__(self, machine: Callable[[], Machine | None]) -> None:
        self._machine = machine

    async def read(self) -> PlcImage:
        """See ``Plc``."""
        return self._running().image()

    async def write(self, image: HostImage) -> None:
        """See ``Plc``."""
        self._running().host = image

    async def close(self) -> None:
        """See ``Plc``."""

    def _running(self) -> Machine:
        machine = self._machine()
        if machine is None:
            raise PlcError("the PLC does not run")
        return machine
