"""Has a second model grade what was graded, in a process of its own that runs when nothing else does.

The hot path gives it a verdict, which is a name and no picture: the process reads the pictures from the
store. What cannot be kept up with is dropped and counted; it is never waited for.
"""

from __future__ import annotations

import asyncio
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog

from inference.errors import StoreUnavailableError
from inference.models import children
from inference.models.metrics import ModelMetrics
from inference.models.records import ShadowGrading
from inference.models.shadow_child import Answer, Capture, Ready
from inference.store import Store
from inference.threads import StoreThreads
from model.contract import Bundle, BundleError, ModelRef, Verdict

log = structlog.get_logger(__name__)
MOST_WAITING: Final = 1000
_START_S: Final = 300.0
_ANSWER_S: Final = 120.0
_BUSY_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 300.0
_LINE_BYTES: Final = 1 << 20
#: Of one transaction: each waits for the disk, and the line's wait behind it.
_STORED_TOGETHER: Final = 32


class ShadowError(Exception):
    """The process does not do what it should; the message says what."""


class _Child:
    """A process that grades, with one capture at a time."""

    def __init__(self, process: Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, bundle: Bundle, pictures: Path) -> _Child:
        """Start it and wait until it is ready.

        Raises:
            BundleError: The bundle cannot serve.
        """
        process = await asyncio.create_subprocess_exec(
            *children.command(
                "shadow_child", str(bundle.path), bundle.precision.value, str(pictures)
            ),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            limit=_LINE_BYTES,
            **children.options(),
        )
        child = cls(process)
        try:
            ready = Ready.model_validate_json(await child._line(_START_S))
        except ShadowError as error:
            await child.stop()
            raise BundleError(bundle.path, f"its process {error}") from error
        except BaseException:
            await child.stop()
            raise
        if ready.problem is not None:
            await child.stop()
            raise BundleError(bundle.path, ready.problem.removeprefix(f"bundle {bundle.path}: "))
        return child

    async def assess(self, verdict: Verdict) -> Answer:
        """Have a capture graded.

        Raises:
            ShadowError: The process has ended or does not answer.
        """
        assert self._process.stdin is not None  # noqa: S101 - PIPE
        with suppress(ConnectionError):  # its end is seen where the answer is read
            self._process.stdin.write(
                Capture(images=verdict.images).model_dump_json().encode() + b"\n"
            )
            await self._process.stdin.drain()
        return Answer.model_validate_json(await self._line(_ANSWER_S))

    async def stop(self) -> None:
        """End it at once: it holds nothing that is worth waiting for."""
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.communicate()

    async def _line(self, timeout_s: float) -> bytes:
        assert self._process.stdout is not None  # noqa: S101 - PIPE
        try:
            async with asyncio.timeout(timeout_s):
                line = await self._process.stdout.readline()
        except TimeoutError as error:
            raise ShadowError(f"did not answer within {timeout_s:.0f} s") from error
        if not line:
            raise ShadowError("ended; is the network too large for this machine?")
        return line


class Shadow:
    """One model in the shadow, from ``start`` to ``stop``. Used on one event loop.

    Args:
        bundle: The model, verified.
        model: How it is called.
        pictures: Directory of the stored pictures.
        store: Takes what it says.
        metrics: Counts.
        line_is_busy: Whether items wait for the models that act; then the shadow waits too.
    """

    def __init__(
        self,
        bundle: Bundle,
        model: ModelRef,
        pictures: Path,
        store: StoreThreads,
        metrics: ModelMetrics,
        line_is_busy: Callable[[], bool],
    ) -> None:
        self.model = model
        self._bundle = bundle
        self._pictures = pictures
        self._store = store
        self._metrics = metrics
        self._line_is_busy = line_is_busy
        self._waiting: deque[Verdict] = deque()
        self._said: list[ShadowGrading] = []
        self._something = asyncio.Event()
        self._child: _Child | None = None
        self._task: asyncio.Task[None] | None = None
        metrics.shadow_waiting.set_function(lambda: len(self._waiting))

    async def start(self) -> None:
        """Start the process.

        Raises:
            BundleError: The bundle cannot serve.
        """
        self._child = await _Child.start(self._bundle, self._pictures)
        self.resume()

    def resume(self) -> None:
        """Start the process with the first capture: the model served as shadow before."""
        self._task = asyncio.create_task(self._run(), name=f"shadow {self.model.version}")

    async def stop(self) -> None:
        """End the process; what waits is given up."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self._stop_child()
        await self._store_what_was_said()
        self._count("dropped", len(self._waiting))
        self._waiting.clear()

    def offer(self, verdict: Verdict) -> None:
        """Grade the capture some time, if there is time."""
        if len(self._waiting) >= MOST_WAITING:
            self._count("dropped")
            return
        self._waiting.append(verdict)
        self._something.set()

    async def _run(self) -> None:
        pause_s = 1.0
        while True:
            try:
                await self._next()
                pause_s = 1.0
            except (ShadowError, BundleError) as error:
                self._count("failed")
                log.error("shadow_failed", model=self.model.version, problem=str(error))  # noqa: TRY400
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
                await self._stop_child()

    async def _next(self) -> None:
        while not self._waiting:
            await self._store_what_was_said()
            self._something.clear()
            await self._something.wait()
        while self._line_is_busy():  # noqa: ASYNC110 - of threads, which set no event
            await asyncio.sleep(_BUSY_S)
        verdict = self._waiting.popleft()
        if self._child is None:
            self._child = await _Child.start(self._bundle, self._pictures)
        answer = await self._child.assess(verdict)
        if answer.assessment is None:
            self._count("failed")
            log.warning("shadow_could_not_grade", item_id=verdict.item_id, problem=answer.problem)
            return
        self._said.append(
            ShadowGrading(verdict=verdict, model=self.model, assessment=answer.assessment)
        )
        if len(self._said) >= _STORED_TOGETHER:
            await self._store_what_was_said()

    async def _store_what_was_said(self) -> None:
        said, self._said = self._said, []
        if not said:
            return
        try:
            stored = await self._store.write(Store.add_shadow_gradings, said)
        except StoreUnavailableError as error:
            self._count("failed", len(said))
            log.error("shadow_not_stored", error=str(error))  # noqa: TRY400
            return
        self._count("graded", stored)
        self._count("repeated", len(said) - stored)

    async def _stop_child(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            await child.stop()

    def _count(self, outcome: str, number: int = 1) -> None:
        self._metrics.shadow.labels(outcome).inc(number)
