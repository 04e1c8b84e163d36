"""Ways to reach a PLC, behind one small protocol."""

from __future__ import annotations

from typing import Protocol

from sorter_control.protocol import HostImage, PlcImage


class Plc(Protocol):
    """A PLC as the controller needs it. Every error is a ``PlcError``."""

    async def read(self) -> PlcImage:
        """Everything that the PLC publishes now."""
        ...

    async def write(self, image: HostImage) -> None:
        """Replace everything that the host has written before."""
        ...

    async def close(self) -> None:
        """Give the connection up."""
        ...
