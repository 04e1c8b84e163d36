"""gzip and deflate, within a bound. Pure."""

from __future__ import annotations

import gzip
import zlib
from typing import Final

from inference.errors import ApiError, ErrorCode
from inference.v2.tensors import malformed

_WINDOW_BITS: Final = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


def decompress(data: bytes, encoding: str | None, limit: int) -> bytes:
    """Undo a Content-Encoding.

    Args:
        data: The body as it came.
        encoding: Value of the header; None where there is none.
        limit: Most bytes that may come out.

    Raises:
        ApiError: Another encoding, broken data, or more than ``limit`` bytes.
    """
    name = (encoding or "identity").strip().lower()
    if name == "identity":
        return data
    if name not in _WINDOW_BITS:
        raise ApiError(
            ErrorCode.WRONG_CONTENT_ENCODING,
            "send the body plain, or compressed with gzip or deflate",
            field="Content-Encoding",
        )
    stream = zlib.decompressobj(_WINDOW_BITS[name])
    try:
        plain = stream.decompress(data, limit + 1)
    except zlib.error as error:
        raise malformed(f"the body is not {name}: {error}") from error
    if len(plain) > limit:
        raise ApiError(
            ErrorCode.BODY_TOO_LARGE,
            f"the body is over {limit:,} bytes once decompressed; send fewer or smaller pictures",
        )
    if not stream.eof or stream.unused_data:
        raise malformed(f"the {name} data ends early, or something follows it")
    return plain


def compress(data: bytes, accepted: str | None) -> tuple[bytes, str | None]:
    """Compress a reply as the header ``Accept-Encoding`` lets us.

    Returns:
        The body, and its Content-Encoding where it has one.
    """
    names = set()
    for part in (accepted or "").lower().split(","):
        name, _, weight = part.partition(";")
        if weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000"):
            names.add(name.strip())
    if "gzip" in names:
        return gzip.compress(data), "gzip"
    if "deflate" in names:
        return zlib.compress(data), "deflate"
    return data, None
