"""Stores gradings together: while one transaction is on its way to the disk, the next one fills."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

from inference.errors import StoreUnavailableError
from inference.metrics import Metrics
from inference.store import NewGrading, Store
from inference.threads import StoreThreads
from model.contract import Verdict

#: How long a transaction waits at most for more to store while others wait for a thread: fewer
#: transactions leave the cores to them.
_LINGER_S = 0.05
#: Of one transaction: enough for any load, and short enough that answers of people get in between.
_MOST = 64


class GradingWriter:
    """Group commit. Used on one event loop.

    Args:
        store: Takes the gradings.
        metrics: Counts those of each transaction.
        more_come: Whether others are on their way: then a moment's wait makes nobody later.
    """

    def __init__(
        self, store: StoreThreads, metrics: Metrics, more_come: Callable[[], bool] = lambda: False
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._more_come = more_come
        self._waiting: list[tuple[NewGrading, asyncio.Future[Verdict]]] = []
        self._task: asyncio.Task[None] | None = None
        self._enough = asyncio.Event()
        """Nothing is gained by waiting for more."""

    async def add(self, new: NewGrading) -> Verdict:
        """Store a grading; it has been committed when this returns.

        Returns:
            The verdict; of a repeat the one that is stored.

        Raises:
            CaptureConflictError: The capture id is taken by another request.
            StoreUnavailableError: The database did not take it.
        """
        stored: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        self._waiting.append((new, stored))
        self._look()
        if self._task is None:
            self._task = asyncio.create_task(self._write(), name="write gradings")
        return await stored

    async def _write(self) -> None:
        try:
            while self._waiting:
                await self._linger()
                some, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
                await self._commit(some)
        finally:
            self._task = None

    def _look(self) -> None:
        if len(self._waiting) >= _MOST or not self._more_come():
            self._enough.set()

    async def _linger(self) -> None:
        """Let the transaction fill while items wait for a thread."""
        self._enough.clear()
        self._look()
        if not self._enough.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(_LINGER_S):
                    await self._enough.wait()

    async def _commit(self, some: list[tuple[NewGrading, asyncio.Future[Verdict]]]) -> None:
        results: Sequence[Verdict | Exception]
        try:
            results = await self._store.write(Store.add_gradings, [new for new, _ in some])
            self._metrics.commit_gradings.observe(len(some))
        except StoreUnavailableError as error:
            results = [StoreUnavailableError(str(error)) for _ in some]
        except Exception as error:  # noqa: BLE001 - raised again where the result is awaited
            if len(some) > 1:  # one that cannot be stored costs the others nothing
                for each in some:
                    await self._commit([each])
                return
            results = [error]
        for (_, stored), result in zip(some, results, strict=True):
            if stored.done():
                continue  # nobody waits any more
            if isinstance(result, Exception):
                stored.set_exception(result)
            else:
                stored.set_result(result)
