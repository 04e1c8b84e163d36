"""The simulated PLC's Modbus TCP face."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from sorter_control import tags
from sorter_control.errors import SettingsError
from sorter_control.protocol import (
    HOST_IMAGE_SIZE,
    pack_events,
    pack_geometry,
    pack_lanes,
    pack_status,
    unpack_host,
)
from sorter_control.sim.machine import Machine
from sorter_control.sim.parameters import are_writable, parameters_of, set_parameters
from sorter_control.tags import Block

_READ_HOLDING, _READ_INPUT = 3, 4
_INPUT_END = tags.GEOMETRY.end


class PlcServer:
    """Serves a machine's registers; runs in the event loop that also scans the machine.

    Args:
        machine: Gives the machine of the moment.
    """

    def __init__(self, machine: Callable[[], Machine]) -> None:
        self._machine = machine
        self._server: ModbusTcpServer | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port, which is a free one where 0 is asked for.

        Raises:
            SettingsError: The address cannot be used.
        """
        device = SimDevice(
            tags.UNIT,
            simdata=(
                [SimData(0, values=[False] * 16, datatype=DataType.BITS)],
                [SimData(0, values=[False] * 16, datatype=DataType.BITS)],
                [
                    SimData(0, values=[0] * HOST_IMAGE_SIZE, datatype=DataType.REGISTERS),
                    SimData(
                        tags.PARAMETERS.address,
                        values=self._parameters(),
                        datatype=DataType.REGISTERS,
                    ),
                ],
                [SimData(0, values=[0] * _INPUT_END, datatype=DataType.REGISTERS)],
            ),
            action=self._access,
        )
        self._server = ModbusTcpServer(device, address=(host, port))
        try:
            await self._server.serve_forever(background=True)
        except RuntimeError as error:
            raise SettingsError(f"cannot listen on {host}:{port} for Modbus: {error}") from error
        listener = cast(asyncio.Server, self._server.transport)
        return int(listener.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close every connection."""
        if self._server is not None:
            await self._server.shutdown()  # type: ignore[no-untyped-call]

    async def _access(
        self,
        function_code: int,
        start_address: int,
        address: int,
        count: int,
        registers: list[int],
        values: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        """Answer for pymodbus, which calls this first; ``registers`` is the whole block."""
        if function_code == _READ_INPUT:
            self._fill(registers, address, address + count)
            return None
        if function_code == _READ_HOLDING:  # another face may have changed the parameters
            registers[tags.PARAMETERS.address : tags.PARAMETERS.end] = self._parameters()
        if values is None:
            return None
        written = [int(value) for value in values]
        if address + count <= HOST_IMAGE_SIZE:
            image = [*registers[start_address:address], *written]
            image += registers[len(image) : HOST_IMAGE_SIZE]
            self._machine().host = unpack_host(image)
            return None
        return self._set_parameters(address, written)

    def _fill(self, registers: list[int], start: int, end: int) -> None:
        """Bring the input registers of every block that reaches into the range up to date."""
        image = self._machine().image()
        blocks: tuple[tuple[Block, Callable[[], list[int]]], ...] = (
            (tags.STATUS, lambda: pack_status(image.status)),
            (tags.LANES, lambda: pack_lanes(image.lanes)),
            (tags.EVENTS, lambda: pack_events(image.events)),
            (tags.GEOMETRY, lambda: pack_geometry(image.geometry)),
        )
        for block, words in blocks:
            if block.address < end and start < block.end:
                registers[block.address : block.end] = words()

    def _parameters(self) -> list[int]:
        return tags.PARAMETERS.pack([parameters_of(self._machine())])

    def _set_parameters(self, address: int, values: list[int]) -> ExcCodes | None:
        machine = self._machine()
        if not are_writable(machine):
            return ExcCodes.ILLEGAL_ADDRESS
        words = self._parameters()
        start = address - tags.PARAMETERS.address
        words[start : start + len(values)] = values
        (row,) = tags.PARAMETERS.unpack(words)
        return None if set_parameters(machine, row) else ExcCodes.ILLEGAL_VALUE
