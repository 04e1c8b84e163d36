"""Bodies on their way: none may come too slowly, and together they may hold so many bytes.

Nothing else is taken by a body that is not whole. When the bytes run out, the slowest upload is given
up, so that stuck clients are in nobody's way.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from inference.errors import ApiError, ErrorCode
from inference.metrics import Metrics
from inference.scheduling import Deadline
from inference.settings import UploadLimits


@dataclass(slots=True, eq=False)
class Upload:
    """One body."""

    began_s: float
    size: int = 0
    """Bytes that it holds."""
    timer: asyncio.Timeout | None = None
    """Runs while the body comes in."""
    given_up: bool = False

    def bytes_per_s(self, now_s: float) -> float:
        """How fast it has come so far."""
        return self.size / max(now_s - self.began_s, 1e-3)


def latest_s(size: int, began_s: float, limits: UploadLimits) -> float:
    """When the next bytes of a body must have come, of which there are so many."""
    earned_s = limits.grace_s + size / limits.min_bytes_per_s
    return began_s + min(earned_s, limits.timeout_s)


class Intake:
    """All uploads of a server. Used on one event loop."""

    def __init__(self, limits: UploadLimits, metrics: Metrics) -> None:
        self.limits = limits
        self._metrics = metrics
        self._uploads: set[Upload] = set()
        self._buffered = 0

    @contextmanager
    def upload(self) -> Iterator[Upload]:
        """A body, whose bytes count until the end of the block."""
        upload = Upload(time.perf_counter())
        self._uploads.add(upload)
        try:
            yield upload
        finally:
            self._uploads.discard(upload)
            self._count(-upload.size)

    async def receive(
        self,
        upload: Upload,
        body: AsyncIterator[bytes],
        feed: Callable[[bytes], None],
        deadline: Deadline,
    ) -> None:
        """Hand on what comes, until the end of the body.

        Args:
            upload: Where the bytes are counted.
            body: Chunks as the connection gives them.
            feed: Takes each chunk.
            deadline: Of the request: a body that comes later is of no use.

        Raises:
            ApiError: It is too large, comes too slowly or too late, or had to be given up.
        """
        loop = asyncio.get_running_loop()
        clock_s = loop.time() - time.perf_counter()
        try:
            async with asyncio.timeout_at(self._end_s(upload, deadline) + clock_s) as timer:
                upload.timer = timer
                async for chunk in body:
                    self._take(upload, len(chunk))
                    feed(chunk)
                    timer.reschedule(self._end_s(upload, deadline) + clock_s)
        except TimeoutError as error:
            raise self._fault(upload, deadline) from error
        finally:
            upload.timer = None
        if upload.given_up:  # in the moment in which its last bytes came
            raise _no_memory()

    def grew(self, upload: Upload, size: int) -> None:
        """Count a body that was decompressed.

        Raises:
            ApiError: Bodies hold too much now.
        """
        more = max(0, size - upload.size)
        if self._buffered + more > self.limits.max_buffered_bytes:
            raise _no_memory()
        upload.size += more
        self._count(more)

    def _end_s(self, upload: Upload, deadline: Deadline) -> float:
        end_s = latest_s(upload.size, upload.began_s, self.limits)
        if upload.given_up:
            return upload.began_s
        return end_s if deadline.at_s is None else min(end_s, deadline.at_s)

    def _take(self, upload: Upload, size: int) -> None:
        if upload.size + size > self.limits.max_body_bytes:
            raise too_large(self.limits)
        upload.size += size
        self._count(size)
        while self._buffered > self.limits.max_buffered_bytes:
            slowest = self._slowest()
            if slowest is upload or slowest is None or slowest.timer is None:
                raise _no_memory()
            slowest.given_up = True
            self._count(-slowest.size)
            slowest.size = 0
            slowest.timer.reschedule(0)

    def _slowest(self) -> Upload | None:
        now_s = time.perf_counter()
        coming = [
            each
            for each in self._uploads
            if each.timer is not None and not each.timer.expired() and not each.given_up
        ]
        return min(coming, key=lambda each: each.bytes_per_s(now_s), default=None)

    def _count(self, size: int) -> None:
        self._buffered += size
        self._metrics.buffered.set(self._buffered)

    def _fault(self, upload: Upload, deadline: Deadline) -> ApiError:
        if upload.given_up:
            return _no_memory()
        if deadline.left_s == 0:
            return ApiError(
                ErrorCode.DEADLINE_MISSED, "the deadline passed before the body had arrived"
            )
        return ApiError(
            ErrorCode.UPLOAD_TOO_SLOW,
            f"the body has to come within {self.limits.timeout_s:g} s, and after "
            f"{self.limits.grace_s:g} s with {self.limits.min_bytes_per_s / 1000:g} kB a second; "
            f"{upload.size:,} bytes came",
        )


def too_large(limits: UploadLimits) -> ApiError:
    """A body over the limit."""
    return ApiError(
        ErrorCode.BODY_TOO_LARGE,
        f"the body is over {limits.max_body_bytes:,} bytes; send smaller or fewer pictures",
    )


def _no_memory() -> ApiError:
    return ApiError(
        ErrorCode.OVERLOADED, "too many bytes are on their way to the server; retry in a moment"
    )
