"""A PLC behind Modbus TCP.

pymodbus reports failures as exceptions and as replies with ``isError()``; both become ``PlcError``
here and nowhere else. One request is outstanding at a time, and none is repeated by the library:
the host image is written as a whole at every poll, which heals what was lost.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU

from sorter_control import tags
from sorter_control.errors import PlcError
from sorter_control.protocol import (
    HostImage,
    LaneGeometry,
    PlcImage,
    pack_host,
    unpack_events,
    unpack_geometry,
    unpack_lanes,
    unpack_status,
)

TIMEOUT_S = 0.2
RECONNECT_S = 0.5


class ModbusPlc:
    """One Modbus TCP connection, made at the first use and again after every failure, tried every 0.5 s.

    Args:
        host: Address of the PLC.
        port: TCP port.
        clock: Monotonic seconds.
        timeout_s: Longest time to wait for one answer.
    """

    def __init__(
        self,
        host: str,
        port: int,
        clock: Callable[[], float] = time.monotonic,
        *,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._host, self._port, self._clock, self._timeout_s = host, port, clock, timeout_s
        self._client: AsyncModbusTcpClient | None = None
        self._tried_s = float("-inf")
        self._lock = asyncio.Lock()
        self._geometry: tuple[int, tuple[LaneGeometry, ...]] = (0, ())

    async def read(self) -> PlcImage:
        """See ``Plc``.

        Raises:
            MapError: The PLC has another register map.
            PlcError: No answer, or an error.
        """
        async with self._lock:
            head = await self._input(tags.STATUS.address, tags.LANES.end)
            status = unpack_status(head[: tags.STATUS.size])
            lanes = unpack_lanes(head[tags.LANES.address :], status.lane_count)
            ring = await self._input(tags.EVENTS.address, tags.EVENTS.end)
            events = unpack_events(ring, status.event_head)
            if self._geometry[0] != status.plc_boot_id:
                end = tags.GEOMETRY.address + tags.GEOMETRY.width * status.lane_count
                words = await self._input(tags.GEOMETRY.address, end)
                self._geometry = (status.plc_boot_id, unpack_geometry(words))
            return PlcImage(status, lanes, events, self._geometry[1])

    async def write(self, image: HostImage) -> None:
        """See ``Plc``.

        Raises:
            PlcError: No answer, or an error.
        """
        registers = pack_host(image)
        async with self._lock:
            await self._ask(
                lambda client: client.write_registers(
                    tags.HOST.address, registers, device_id=tags.UNIT
                )
            )

    async def close(self) -> None:
        """See ``Plc``."""
        if self._client is not None:
            self._client.close()
            self._client = None

    async def _input(self, start: int, end: int) -> list[int]:
        reply = await self._ask(
            lambda client: client.read_input_registers(
                start, count=end - start, device_id=tags.UNIT
            )
        )
        if len(reply.registers) != end - start:
            raise await self._failure(f"{len(reply.registers)} registers instead of {end - start}")
        return list(reply.registers)

    async def _connected(self) -> AsyncModbusTcpClient:
        if self._client is not None:
            return self._client
        if self._clock() - self._tried_s < RECONNECT_S:
            raise PlcError(f"{self._host}:{self._port} is not connected")
        self._tried_s = self._clock()
        client = AsyncModbusTcpClient(
            self._host, port=self._port, timeout=self._timeout_s, retries=0, reconnect_delay=0
        )
        if not await client.connect():
            client.close()
            raise await self._failure("does not accept a connection")
        self._client = client
        return client

    async def _ask(
        self, request: Callable[[AsyncModbusTcpClient], Awaitable[ModbusPDU]]
    ) -> ModbusPDU:
        """Send a request; made here, since pymodbus raises before there is anything to await."""
        client = await self._connected()
        try:
            reply = await request(client)
        except (ModbusException, OSError) as error:
            raise await self._failure(str(error)) from error
        if reply.isError():
            raise await self._failure(f"answers with {reply}")
        return reply

    async def _failure(self, problem: str) -> PlcError:
        """Drop the connection: after a failure nobody knows which reply belongs to what."""
        await self.close()
        return PlcError(f"PLC {self._host}:{self._port}: {problem}")
