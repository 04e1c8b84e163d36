"""Who asks whether the server is ready does not wear out its disk."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from inference.errors import StoreUnavailableError
from inference.readiness import ReadinessWatch


class FakeDisk:
    """As store and as pictures: counts what is written."""

    def __init__(self) -> None:
        self.written = 0
        self.problem: str | None = None

    async def write(self, *_: object) -> None:
        await asyncio.sleep(0.01)
        self._write()

    def check_writable(self) -> None:
        self._write()

    def _write(self) -> None:
        self.written += 1
        if self.problem is not None:
            raise StoreUnavailableError(self.problem)


def watch(disk: FakeDisk, now: list[float]) -> tuple[ReadinessWatch, Any]:
    golden = SimpleNamespace(problem=None)
    return ReadinessWatch(disk, disk, golden, lambda: now[0]), golden  # type: ignore[arg-type]


async def test_the_disk_is_written_to_once_a_second_however_many_ask() -> None:
    disk, now = FakeDisk(), [100.0]
    ready, _ = watch(disk, now)
    assert set(await asyncio.gather(*(ready.problems() for _ in range(50)))) == {()}
    assert disk.written == 2
    now[0] += 0.9
    disk.problem = "No space left on device"
    assert await ready.problems() == ()
    now[0] += 0.2
    assert await ready.problems() == ("No space left on device",) * 2
    disk.problem = None
    now[0] += 1.1
    assert await ready.problems() == ()
    assert disk.written == 6


async def test_what_costs_nothing_to_know_is_said_at_once() -> None:
    disk, now = FakeDisk(), [100.0]
    ready, golden = watch(disk, now)
    await ready.problems()
    golden.problem = "golden-0.jpg is graded otherwise"
    assert await ready.problems() == ("golden-0.jpg is graded otherwise",)
    ready.stopping = True
    assert (await ready.problems())[1] == "the server is stopping"
    assert disk.written == 2
