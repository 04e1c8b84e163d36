"""Reads a request's body within limits of size and time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from inference.errors import ApiError, ErrorCode
from inference.settings import DRAIN_FACTOR, UploadLimits


async def read_body(chunks: AsyncIterator[bytes], limits: UploadLimits) -> bytes:
    """The whole body as it came; one that is too large is drained, so that its sender hears why.

    Raises:
        ApiError: It is over the limit, or came too slowly.
    """
    kept: list[bytes] = []
    received = 0
    try:
        async with asyncio.timeout(limits.timeout_s):
            async for chunk in chunks:
                received += len(chunk)
                if received > DRAIN_FACTOR * limits.max_body_bytes:
                    break
                if received <= limits.max_body_bytes:
                    kept.append(chunk)
                else:
                    kept.clear()
    except TimeoutError as error:
        raise ApiError(
            ErrorCode.UPLOAD_TOO_SLOW, f"the body took longer than {limits.timeout_s:g} s"
        ) from error
    if received > limits.max_body_bytes:
        raise ApiError(
            ErrorCode.BODY_TOO_LARGE,
            f"the body is over {limits.max_body_bytes:,} bytes; send fewer or smaller pictures",
        )
    return b"".join(kept)
