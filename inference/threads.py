"""Runs the blocking store on threads: many readers, and one writer where SQLite wants one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Concatenate, ParamSpec, Self, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from inference.errors import StoreUnavailableError
from inference.store import Store

P = ParamSpec("P")
T = TypeVar("T")

_READERS = 4
_POSTGRESQL_WRITERS = 4


class StoreThreads:
    """The store as the event loop uses it: ``await threads.read(Store.item, item_id)``."""

    def __init__(self, store: Store) -> None:
        writers = _POSTGRESQL_WRITERS if store.is_postgresql else 1
        self._store = store
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="store-read")
        self._writers = ThreadPoolExecutor(writers, thread_name_prefix="store-write")

    async def read(
        self, method: Callable[Concatenate[Store, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a method that only reads.

        Raises:
            StoreUnavailableError: The database did not answer.
        """
        return await self._run(self._readers, partial(method, self._store, *args, **kwargs))

    async def write(
        self, method: Callable[Concatenate[Store, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a method that writes; it has committed when this returns.

        Raises:
            StoreUnavailableError: The database did not take it.
        """
        return await self._run(self._writers, partial(method, self._store, *args, **kwargs))

    def reading(
        self, method: Callable[Concatenate[Store, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> Callable[[], T]:
        """The same as ``read``, for whoever has a thread of its own: blocking when it is called."""
        return partial(_translated, partial(method, self._store, *args, **kwargs))

    async def _run(self, pool: ThreadPoolExecutor, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, _translated, call)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        # Writers first: what was accepted is finished.
        for pool in (self._writers, self._readers):
            await asyncio.to_thread(pool.shutdown)


def _translated(call: Callable[[], T]) -> T:
    try:
        return call()
    except SQLAlchemyError as error:
        raise StoreUnavailableError(f"the database failed: {error}") from error
