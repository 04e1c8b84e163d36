"""Looks, while the server runs, whether the model still gives its golden answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Self

import structlog

from inference.grader import Grader
from inference.metrics import Metrics

log = structlog.get_logger(__name__)
#: Between two looks; each takes some tens of milliseconds of one core.
EVERY_S = 60.0
#: It waits this long for a moment in which no item waits.
_PATIENCE_S = 10.0
_PAUSE_S = 0.05
#: So many looks may be missed before the server no longer calls itself ready.
_MISSED = 3


class GoldenWatch:
    """A fault of memory or processor, or a model that was spoilt, is noticed within minutes.

    The lines hardly notice: one look at a time, on a thread of its own, when no item waits if that comes
    soon. Used on one event loop.

    Args:
        grader: Who grades at the moment.
        metrics: Counts the looks.
        busy: Whether items wait.
        every_s: Between two looks.
    """

    def __init__(
        self,
        grader: Callable[[], Grader],
        metrics: Metrics,
        busy: Callable[[], bool] = lambda: False,
        *,
        every_s: float = EVERY_S,
    ) -> None:
        self._grader = grader
        self._metrics = metrics
        self._busy = busy
        self._every_s = every_s
        self._problem: str | None = None
        self._looked_s = time.monotonic()
        self._metrics.golden_seen.set_to_current_time()  # at the start the command looked
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="golden watch")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    @property
    def problem(self) -> str | None:
        """What is wrong with the model; None: its answers held at the last look."""
        silent_s = time.monotonic() - self._looked_s
        if silent_s > _MISSED * self._every_s + _PATIENCE_S:
            return f"the golden pictures have not been graded for {silent_s:.0f} s"
        return self._problem

    async def look(self) -> None:
        """Grade the golden pictures now."""
        grader = self._grader()
        problem: str | None = None
        try:
            await asyncio.to_thread(grader.verify)
        except Exception as error:
            problem = f"the model no longer gives its golden answers: {error}"
            self._metrics.golden_checks.labels("failed").inc()
            if self._problem is None:
                log.exception("golden_answers_lost", model=str(grader.model))
        else:
            self._metrics.golden_checks.labels("passed").inc()
            self._metrics.golden_seen.set_to_current_time()
            if self._problem is not None:
                log.info("golden_answers_hold_again", model=str(grader.model))
        self._problem = problem
        self._looked_s = time.monotonic()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            until_s = time.monotonic() + _PATIENCE_S
            while self._busy() and time.monotonic() < until_s:  # noqa: ASYNC110 - no event tells it
                await asyncio.sleep(_PAUSE_S)
            await self.look()
