"""A load generator that costs little: prepared bytes over raw connections, on one thread.

It shares the machine with what it measures, so it counts its own processor time: ``cores`` is how much
of a core it took while it ran.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from benchmarks.camera import Request

_IN_TIME_S = 1.0
_GIVE_UP_S = 10.0
_MOST_CONNECTIONS = 512
_OK = 200


@dataclass(slots=True)
class Load:
    """What came back, in seconds."""

    answered: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    failed: int = 0
    """Neither: no reply, or another status."""
    sent: int = 0
    seconds: float = 0.0
    cores: float = 0.0

    def figures(self) -> dict[str, Any]:
        """For a table; times in milliseconds."""
        in_time = sum(each <= _IN_TIME_S for each in self.answered)
        return {
            "per_s": len(self.answered) / self.seconds,
            "in_time_per_s": in_time / self.seconds,
            **{f"p{share}_ms": _percentile(self.answered, share) for share in (50, 95, 99)},
            "refused": len(self.refused),
            "refused_p99_ms": _percentile(self.refused, 99),
            "failed": self.failed,
            "sent": self.sent,
            "generator_cores": self.cores,
        }


def _percentile(times: list[float], share: int) -> float | None:
    if len(times) < 2:
        return times[0] * 1000 if times else None
    return 1000 * statistics.quantiles(times, n=100, method="inclusive")[share - 1]


class Connections:
    """Connections to one server that are used again."""

    def __init__(self, port: int, requests: list[Request], numbers: Iterator[int]) -> None:
        self._port = port
        self._requests = itertools.cycle(requests)
        self._numbers = numbers
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def ask(self, load: Load) -> float:
        """Send one request and note what became of it; gives the seconds to wait before the next."""
        load.sent += 1
        began_s = time.perf_counter()
        try:
            async with asyncio.timeout(_GIVE_UP_S):
                status, retry_after_s = await self._exchange()
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            load.failed += 1
            return 0.1
        taken_s = time.perf_counter() - began_s
        if status == _OK:
            load.answered.append(taken_s)
            return 0.0
        if retry_after_s is None:
            load.failed += 1
            return 0.1
        load.refused.append(taken_s)
        return retry_after_s

    async def _exchange(self) -> tuple[int, float | None]:
        reader, writer = (
            self._idle.pop()
            if self._idle
            else await asyncio.open_connection("127.0.0.1", self._port)
        )
        done = False
        try:
            writer.write(bytes(next(self._requests).stamped(next(self._numbers))))
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(_value(head, b"content-length") or 0))
            done = True
        finally:
            if done:
                self._idle.append((reader, writer))
            else:
                writer.close()
        retry_after = _value(head, b"retry-after")
        return int(head[9:12]), None if retry_after is None else float(retry_after)

    def close(self) -> None:
        """Of all that are idle."""
        for _, writer in self._idle:
            with suppress(OSError):
                writer.close()


def _value(head: bytes, name: bytes) -> bytes | None:
    _, found, rest = head.partition(b"\r\n" + name + b": ")
    return rest.partition(b"\r\n")[0] if found else None


async def closed_loop(connections: Connections, clients: int, seconds: float) -> Load:
    """So many clients, each with one request at a time; who is refused waits as it was told."""

    async def client(load: Load, end_s: float) -> None:
        while time.perf_counter() < end_s:
            pause_s = await connections.ask(load)
            await asyncio.sleep(min(pause_s, max(0.0, end_s - time.perf_counter())))

    async def run(load: Load) -> None:
        end_s = time.perf_counter() + seconds
        await asyncio.gather(*(client(load, end_s) for _ in range(clients)))

    return await _measured(run)


async def open_loop(connections: Connections, per_s: float, seconds: float) -> Load:
    """Requests at a fixed rate, whatever becomes of those before."""

    async def run(load: Load) -> None:
        begun_s = time.perf_counter()
        under_way: set[asyncio.Task[float]] = set()
        for number in range(int(per_s * seconds)):
            await asyncio.sleep(max(0.0, begun_s + number / per_s - time.perf_counter()))
            if len(under_way) == _MOST_CONNECTIONS:
                load.failed += 1
                continue
            task = asyncio.create_task(connections.ask(load))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        load.seconds = time.perf_counter() - begun_s
        await asyncio.gather(*under_way)

    return await _measured(run)


async def _measured(run: Callable[[Load], Awaitable[None]]) -> Load:
    load = Load()
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    await run(load)
    taken_s = time.perf_counter() - began_s
    load.seconds = load.seconds or taken_s
    load.cores = (time.process_time() - began_cpu_s) / taken_s
    return load
