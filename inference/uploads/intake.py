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
    due_s: float = 0.0
    """When its next bytes must have come."""
    timer: asyncio.Timeout | None = None
    """Ends the reading; there while the body comes in."""
    given_up: bool = False

    def bytes_per_s(self, now_s: float) -> float:
        """How fast it has come so far."""
        return self.size / max(now_s - self.began_s, 1e-3)


def latest_s(size: int, began_s: float, limits: UploadLimits) -> float:
    """When the next bytes of a body must have come, of which there are so many."""
    earned_s = limits.grace_s + size / limits.min_bytes_per_s
    return began_s + min(earned_s, limits.timeout_s)


class _Watch:
    """Ends an upload that is overdue. Each chunk moves the due time, and none of them a timer."""

    def __init__(self, upload: Upload) -> None:
        self._upload = upload
        self._loop = asyncio.get_running_loop()
        self._next: asyncio.TimerHandle | None = None

    def look(self) -> None:
        """End the reading if it is overdue, else look again when it would be."""
        left_s = self._upload.due_s - time.perf_counter()
        if left_s > 0:
            self._next = self._loop.call_later(left_s, self.look)
        elif (timer := self._upload.timer) is not None and not timer.expired():
            timer.reschedule(0)

    def stop(self) -> None:
        """Look no more."""
        if self._next is not None:
            self._next.cancel()


class Intake:
    """All uploads of a server. Used on one event loop."""

    def __init__(self, limits: UploadLimits, metrics: Metrics) -> None:
        self.limits = limits
        self._uploads: set[Upload] = set()
        self._buffered = 0
        metrics.buffered.set_function(lambda: self._buffered)

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
        upload.due_s = self._due_s(upload, deadline)
        watch = _Watch(upload)
        try:
            async with asyncio.timeout(None) as timer:
                upload.timer = timer
                watch.look()
                async for chunk in body:
                    self._take(upload, len(chunk))
                    feed(chunk)
                    upload.due_s = self._due_s(upload, deadline)
        except TimeoutError as error:
            raise self._fault(upload, deadline) from error
        finally:
            watch.stop()
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

    def _due_s(self, upload: Upload, deadline: Deadline) -> float:
        due_s = latest_s(upload.size, upload.began_s, self.limits)
        return due_s if deadline.at_s is None else min(due_s, deadline.at_s)

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
