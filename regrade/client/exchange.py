"""What a call sends, and what its reply means: pure, and the same for both clients."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

from model.contract import (
    Alarm,
    CommandResult,
    ItemFacts,
    LineState,
    OpenCommands,
    Outcome,
    Override,
    Verdict,
)
from regrade.client.errors import (
    AccessError,
    AnswerError,
    BusyError,
    ClientError,
    LateError,
    RefusedError,
    UnreachableError,
)

Image = bytes | str | os.PathLike[str]
"""A picture file: its bytes, or its path."""

_OUTCOMES: Final = TypeAdapter(list[Outcome])
_RESULTS: Final = TypeAdapter(list[CommandResult])
_ALARMS: Final = TypeAdapter(list[Alarm])
_OVERRIDES: Final = TypeAdapter(list[Override])
#: Where a key is looked for that the caller does not give.
KEY_VARIABLE: Final = "REGRADE_API_KEY"
_KEY_HEADER: Final = "X-API-Key"
_JSON: Final = {"Content-Type": "application/json"}
_MAX_DEADLINE_MS: Final = 600_000
_LATER: Final = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
_NOT_LET_IN: Final = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as httpx takes it."""

    method: str
    path: str
    options: dict[str, Any]

    def within(self, left_s: float) -> Call:
        """The same with what is left of a deadline, which the server is told too.

        Raises:
            LateError: Nothing is left.
        """
        if left_s <= 0:
            raise LateError(f"{self.name}: the deadline has passed")
        left_ms = min(max(1, int(left_s * 1000)), _MAX_DEADLINE_MS)
        headers = {"X-Deadline-Ms": str(left_ms)}
        return Call(self.method, self.path, {**self.options, "headers": headers, "timeout": left_s})

    @property
    def name(self) -> str:
        """For messages."""
        return f"{self.method} {self.path}"


def with_key(options: Mapping[str, Any], api_key: str | None) -> dict[str, Any]:
    """Options of httpx whose requests carry the key, where there is one."""
    key = api_key or os.environ.get(KEY_VARIABLE, "")
    if not key:
        return dict(options)
    headers = httpx.Headers(options.get("headers"))
    headers[_KEY_HEADER] = key.strip()
    return {**options, "headers": headers}


def read_images(images: Sequence[Image]) -> list[bytes]:
    """The bytes of picture files.

    Raises:
        OSError: A file cannot be read.
    """
    return [each if isinstance(each, bytes) else Path(each).read_bytes() for each in images]


def grading(images: Sequence[bytes], facts: ItemFacts, capture_id: str) -> Call:
    """``POST /v1/grade``."""
    return Call(
        "POST",
        "/v1/grade",
        {
            "data": {"item": facts.model_dump_json(), "capture_id": capture_id},
            "files": [("images", (f"{number}", data)) for number, data in enumerate(images)],
        },
    )


def outcomes_report(outcomes: Sequence[Outcome]) -> Call:
    """``POST /v1/outcomes``."""
    body = _OUTCOMES.dump_json(list(outcomes))
    return Call("POST", "/v1/outcomes", {"content": body, "headers": _JSON})


def overrides_query(after: int, wait_s: float) -> Call:
    """``GET /v1/overrides``; the server may take ``wait_s`` to answer."""
    params = {"after": after, "wait_s": wait_s}
    return Call("GET", "/v1/overrides", {"params": params, "timeout": wait_s + 5})


def commands_query(line_id: str, after: int, wait_s: float) -> Call:
    """``GET /v1/lines/{line_id}/commands/open``; the server may take ``wait_s`` to answer."""
    params = {"after": after, "wait_s": wait_s}
    path = f"/v1/lines/{line_id}/commands/open"
    return Call("GET", path, {"params": params, "timeout": wait_s + 5})


def results_report(line_id: str, results: Sequence[CommandResult]) -> Call:
    """``POST /v1/lines/{line_id}/commands/results``."""
    body = _RESULTS.dump_json(list(results))
    path = f"/v1/lines/{line_id}/commands/results"
    return Call("POST", path, {"content": body, "headers": _JSON})


def alarms_report(line_id: str, alarms: Sequence[Alarm]) -> Call:
    """``POST /v1/lines/{line_id}/alarms``."""
    body = _ALARMS.dump_json(list(alarms))
    return Call("POST", f"/v1/lines/{line_id}/alarms", {"content": body, "headers": _JSON})


def state_report(state: LineState) -> Call:
    """``PUT /v1/lines/{line_id}/state``."""
    return Call(
        "PUT",
        f"/v1/lines/{state.line_id}/state",
        {"content": state.model_dump_json(), "headers": _JSON},
    )


@contextmanager
def translated(call: Call) -> Iterator[None]:
    """Turn httpx's errors into ours."""
    try:
        yield
    except httpx.ReadTimeout as error:
        raise LateError(f"{call.name} was not answered in time") from error
    except httpx.HTTPError as error:
        problem = f"{type(error).__name__} {error}".strip()
        raise UnreachableError(f"{call.name}: {problem}") from error


def require_success(call: Call, reply: httpx.Response) -> None:
    """Raise the error that a reply means, if it means one.

    Raises:
        ClientError: The reply is not a success.
    """
    if not reply.is_success:
        raise _error(call, reply)


def verdict_of(reply: httpx.Response) -> Verdict:
    """The verdict in a reply.

    Raises:
        AnswerError: There is none.
    """
    try:
        return Verdict.model_validate_json(reply.content)
    except ValidationError as error:
        raise AnswerError(f"the server's answer is no verdict: {error}") from error


def overrides_of(reply: httpx.Response) -> list[Override]:
    """The answers of people in a reply.

    Raises:
        AnswerError: There are none.
    """
    try:
        return _OVERRIDES.validate_json(reply.content)
    except ValidationError as error:
        raise AnswerError(f"the server's answer is no list of overrides: {error}") from error


def commands_of(reply: httpx.Response) -> OpenCommands:
    """The commands of people in a reply.

    Raises:
        AnswerError: There are none.
    """
    try:
        return OpenCommands.model_validate_json(reply.content)
    except ValidationError as error:
        raise AnswerError(f"the server's answer is no list of commands: {error}") from error


class _Detail(BaseModel):
    code: str
    message: str
    field: str | None = None


class _ErrorReply(BaseModel):
    error: _Detail


def _error(call: Call, reply: httpx.Response) -> ClientError:
    status = reply.status_code
    try:
        detail = _ErrorReply.model_validate_json(reply.content).error
        code, field, words = detail.code, detail.field, f"{detail.code}: {detail.message}"
    except ValidationError:  # not our server's words: a proxy's, say
        code, field, words = None, None, reply.text[:300]
    problem = f"{call.name} answers {status} {words}".strip()
    if reply.is_server_error or status in _LATER:
        return BusyError(problem, retry_after_s=_retry_after_s(reply))
    if status in _NOT_LET_IN:
        return AccessError(problem)
    return RefusedError(problem, status=status, code=code, field=field)


def _retry_after_s(reply: httpx.Response) -> float:
    """Seconds; the other form of the header, a date, is not used by the server."""
    text = reply.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdecimal() else 0.0
