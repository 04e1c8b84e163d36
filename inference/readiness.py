"""Whether the server can grade and store now; looked at by trying, and not more often than is of use."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from inference.errors import StoreUnavailableError
from inference.golden import GoldenWatch
from inference.pictures import PictureStore
from inference.store import Store
from inference.threads import StoreThreads

_EVERY_S: Final = 1.0


class ReadinessWatch:
    """One instance, on one event loop.

    Anybody may ask, so the disk is written to at most once in ``_EVERY_S``: who asks meanwhile gets
    what was found then.

    Args:
        store: Takes a row.
        pictures: Take a file.
        golden: Knows of the model.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        store: StoreThreads,
        pictures: PictureStore,
        golden: GoldenWatch,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._pictures = pictures
        self._golden = golden
        self._clock = clock
        self._looking = asyncio.Lock()
        self._looked_s: float | None = None
        self._found: tuple[str, ...] = ()
        self.stopping = False

    async def problems(self) -> tuple[str, ...]:
        """What keeps the server from grading and storing; empty when it is ready."""
        async with self._looking:
            if self._looked_s is None or self._clock() - self._looked_s >= _EVERY_S:
                self._found = await self._try_the_disk()
                self._looked_s = self._clock()
        more = (self._golden.problem, "the server is stopping" if self.stopping else None)
        return (*self._found, *filter(None, more))

    async def _try_the_disk(self) -> tuple[str, ...]:
        found = []
        try:
            await self._store.write(Store.check_writable)
        except StoreUnavailableError as error:
            found.append(str(error))
        try:
            await asyncio.to_thread(self._pictures.check_writable)
        except StoreUnavailableError as error:
            found.append(str(error))
        return tuple(found)
