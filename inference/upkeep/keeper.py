"""Follows the retention policy while the server runs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Self

import structlog
from sqlalchemy.exc import SQLAlchemyError

from inference.errors import StoreError
from inference.metrics import Metrics
from inference.pictures import PictureStore
from inference.store import Store
from inference.upkeep.prune import Pruner
from inference.upkeep.retention import Retention

log = structlog.get_logger(__name__)
_EVERY_S = 3600.0
#: How long disk and cores are left to the lines after each step, in times of its own length.
_REST = 4.0


class Keeper:
    """Runs a ``Pruner`` every hour, and rests after each of its steps.

    Args:
        store: Facts.
        pictures: Where the pictures are.
        retention: What may go; None: nothing does.
        metrics: Count what is kept and what went.
    """

    def __init__(
        self,
        store: Store,
        pictures: PictureStore,
        retention: Retention | None,
        metrics: Metrics,
    ) -> None:
        self._store = store
        self._pictures = pictures
        self._retention = retention
        self._metrics = metrics
        self._stopped = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._pictures.put_back)
        if self._retention is not None:
            self._task = asyncio.create_task(self._run(self._retention), name="retention")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stopped.set()
        if self._task is not None:
            await self._task

    async def _run(self, retention: Retention) -> None:
        while not self._stopped.is_set():
            try:
                await self._once(Pruner(self._store, self._pictures, retention, datetime.now(UTC)))
            except (SQLAlchemyError, StoreError, OSError) as error:
                log.warning("retention_failed", error=str(error))
            await self._rest(_EVERY_S)

    async def _once(self, pruner: Pruner) -> None:
        await self._slowly(pruner.survey())
        if pruner.plan.strange:
            log.warning("pictures_without_grading", hint="is this the database of these pictures?")
        await self._slowly(pruner.delete())
        for name, size in pruner.plan.kept.bytes.items():
            self._metrics.picture_bytes.labels(name).set(size)
        for name, number in pruner.deleted.pictures.items():
            self._metrics.pictures_deleted.labels(name).inc(number)
        if pruner.deleted.pictures or pruner.plan.over_bytes:
            log.info(
                "retention",
                deleted=dict(pruner.deleted.pictures),
                deleted_bytes=sum(pruner.deleted.bytes.values()),
                over_limit_bytes=pruner.plan.over_bytes,
            )

    async def _slowly(self, steps: Iterator[None]) -> None:
        loop = asyncio.get_running_loop()
        while not self._stopped.is_set():
            began_s = loop.time()
            if not await asyncio.to_thread(_step, steps):
                return
            await self._rest(_REST * (loop.time() - began_s))

    async def _rest(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopped.wait(), seconds)


def _step(steps: Iterator[None]) -> bool:
    """Whether there was one more."""
    return next(steps, "end") is None
