"""Errors in the protocol's shape, ``{"error": "..."}``, and its statuses."""

from __future__ import annotations

from typing import Any

from inference.errors import ANYWHERE, ERRORS, ApiError, ErrorCode
from inference.schemas import reference_to
from inference.v2.documents import InferenceError

#: The protocol has 400 for every request that is not valid.
_STATUS = {422: 400}


def is_v2(path: str) -> bool:
    """Whether an address is one of the protocol's."""
    return path == "/v2" or path.startswith("/v2/")


def brings_pictures(path: str) -> bool:
    """Whether bodies of an address are limited as pictures are."""
    return path.startswith("/v2/models/") and path.endswith("/infer")


def status_of(code: ErrorCode) -> int:
    """HTTP status of a code, here."""
    status = ERRORS[code].status
    return _STATUS.get(status, status)


def body_of(error: ApiError) -> dict[str, Any]:
    """The JSON body; what is at fault comes first."""
    text = error.message if error.field is None else f"{error.field}: {error.message}"
    return InferenceError(error=text).model_dump()


def responses(*codes: ErrorCode) -> dict[int | str, dict[str, Any]]:
    """OpenAPI ``responses`` of a route that may answer with these codes."""
    found: dict[int | str, dict[str, Any]] = {}
    for code in sorted({*codes, *ANYWHERE}, key=lambda each: (status_of(each), each)):
        content = {"application/json": {"schema": reference_to(InferenceError)}}
        entry = found.setdefault(status_of(code), {"content": content, "description": ""})
        text = f"`{code.value}`: {ERRORS[code].meaning}"
        entry["description"] = f"{entry['description']} {text}".strip()
    return found
