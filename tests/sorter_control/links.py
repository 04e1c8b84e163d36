"""A link between host and PLC that is as bad as a test wants it."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from random import Random

FrameSize = Callable[[bytes], int | None]


class LinkFault(StrEnum):
    """What may happen to one message."""

    DELAY = "delay"
    DROP = "drop"
    REPEAT = "repeat"
    SPLIT = "split"
    FREEZE = "freeze"
    """From here on nothing passes on this connection, which stays open."""
    CUT = "cut"


def modbus_frame(data: bytes) -> int | None:
    """Length of the Modbus TCP message that begins here; None while it cannot be told."""
    return 6 + struct.unpack_from(">H", data, 4)[0] if len(data) >= 6 else None


def opcua_frame(data: bytes) -> int | None:
    """Length of the OPC UA chunk that begins here; None while it cannot be told."""
    return int(struct.unpack_from("<I", data, 4)[0]) if len(data) >= 8 else None


@dataclass(slots=True)
class Faults:
    """Which faults, and how often.

    Attributes:
        kinds: One of these happens to a message that is hit.
        share: Share of messages that are hit.
        seed: Makes a run repeatable, as far as time does.
    """

    kinds: tuple[LinkFault, ...] = ()
    share: float = 0.0
    seed: int = 1


class BadLink:
    """A TCP proxy that passes whole messages on, or does to them what ``faults`` says."""

    def __init__(self, port: int, frame_size: FrameSize) -> None:
        self.port = 0
        self.faults = Faults()
        self.happened: list[LinkFault] = []
        self._target, self._frame_size = port, frame_size
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._pumps: set[asyncio.Task[None]] = set()
        self._random = Random(1)  # noqa: S311 - faults, not secrets
        self._broken = False

    async def open(self, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self._random = Random(self.faults.seed)  # noqa: S311
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """End all connections; new ones end at once, until ``mend``."""
        self._broken = True
        for writer in self._writers:
            writer.transport.abort()

    def mend(self) -> None:
        self._broken = False

    async def close(self) -> None:
        self.cut()
        if self._server is not None:
            self._server.close()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._broken:
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        both = {writer, far_writer}
        self._writers |= both
        frozen = asyncio.Event()
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            pump = asyncio.create_task(self._pump(source, sink, both, frozen))
            self._pumps.add(pump)
            pump.add_done_callback(self._pumps.discard)

    async def _pump(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        both: set[asyncio.StreamWriter],
        frozen: asyncio.Event,
    ) -> None:
        waiting = b""
        with suppress(OSError):
            while data := await source.read(65536):
                waiting += data
                while (size := self._frame_size(waiting)) and len(waiting) >= size:
                    frame, waiting = waiting[:size], waiting[size:]
                    if not frozen.is_set():
                        await self._pass_on(frame, sink, both, frozen)
        for writer in both:
            writer.close()
        self._writers -= both

    async def _pass_on(
        self,
        frame: bytes,
        sink: asyncio.StreamWriter,
        both: set[asyncio.StreamWriter],
        frozen: asyncio.Event,
    ) -> None:
        fault = None
        if self.faults.kinds and self._random.random() < self.faults.share:
            fault = self._random.choice(self.faults.kinds)
            self.happened.append(fault)
        match fault:
            case None:
                sink.write(frame)
            case LinkFault.DELAY:
                await asyncio.sleep(self._random.uniform(0.0, 0.4))
                sink.write(frame)
            case LinkFault.DROP:
                pass
            case LinkFault.REPEAT:
                sink.write(frame + frame)
            case LinkFault.SPLIT:
                await self._split(frame, sink)
            case LinkFault.FREEZE:
                frozen.set()
            case LinkFault.CUT:
                for writer in both:
                    writer.transport.abort()

    @staticmethod
    async def _split(frame: bytes, sink: asyncio.StreamWriter) -> None:
        for start in range(0, len(frame), 7):
            sink.write(frame[start : start + 7])
            await asyncio.sleep(0)
