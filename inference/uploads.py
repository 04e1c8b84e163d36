"""Reads the multipart body of ``POST /v1/grade``, within limits that hold while it streams in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from inference.errors import ApiError, ErrorCode
from inference.settings import DRAIN_FACTOR, UploadLimits
from model.contract import Identifier, ItemFacts

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

_TEXT_FIELDS = ("item", "capture_id")
_IMAGES = "images"
_CAPTURE_ID: TypeAdapter[str] = TypeAdapter(Identifier)


@dataclass(frozen=True, slots=True)
class Submission:
    """A request to grade one item, checked in all but its pixels."""

    facts: ItemFacts
    capture_id: str
    images: tuple[bytes, ...]
    """Files as they were sent."""


@dataclass(slots=True)
class _Part:
    headers: list[tuple[str, bytes]] = field(default_factory=list)
    name: str = ""
    data: bytearray = field(default_factory=bytearray)


class _FormReader:
    """Callbacks of the parser. Refuses a part as soon as it is over a limit."""

    def __init__(self, limits: UploadLimits) -> None:
        self.texts: dict[str, bytes] = {}
        self.images: list[bytes] = []
        self.complete = False
        self._limits = limits
        self._part = _Part()
        self._header = bytearray()
        self._value = bytearray()

    def on_part_begin(self) -> None:
        self._part = _Part()

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def on_header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            _, options = parse_options_header(bytes(self._value))
            self._part.name = options.get(b"name", b"").decode("utf-8", "replace")
        self._header.clear()
        self._value.clear()

    def on_headers_finished(self) -> None:
        name = self._part.name
        if name == _IMAGES:
            if len(self.images) == self._limits.max_images:
                raise ApiError(
                    ErrorCode.WRONG_IMAGE_COUNT,
                    f"more than {self._limits.max_images} pictures; "
                    f"send 1 to {self._limits.max_images} of one item",
                    field=_IMAGES,
                )
        elif name not in _TEXT_FIELDS:
            known = ", ".join((*_TEXT_FIELDS, _IMAGES))
            raise ApiError(
                ErrorCode.UNEXPECTED_FIELD,
                f"the form has a field that is not known; send only {known}",
                field=name[:100] or None,
            )
        elif name in self.texts:
            raise ApiError(
                ErrorCode.UNEXPECTED_FIELD, f"{name} is there twice; send it once", field=name
            )

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        part = self._part
        part.data += data[start:end]
        if part.name != _IMAGES and len(part.data) > self._limits.max_text_bytes:
            raise ApiError(
                ErrorCode.INVALID_FIELD,
                f"{part.name} is longer than {self._limits.max_text_bytes} bytes",
                field=part.name,
            )

    def on_part_end(self) -> None:
        if self._part.name == _IMAGES:
            self.images.append(bytes(self._part.data))
        else:
            self.texts[self._part.name] = bytes(self._part.data)

    def on_end(self) -> None:
        self.complete = True


async def read_submission(
    content_type: str | None, body: AsyncIterator[bytes], limits: UploadLimits
) -> Submission:
    """Read and check a form.

    Raises:
        ApiError: The body is not such a form, is over a limit or came too slowly.
    """
    boundary = _boundary(content_type)
    try:
        async with asyncio.timeout(limits.timeout_s):
            form = await _read_form(boundary, body, limits)
    except TimeoutError as error:
        raise ApiError(
            ErrorCode.UPLOAD_TOO_SLOW, f"the body took longer than {limits.timeout_s:g} s"
        ) from error
    return _checked(form)


def _boundary(content_type: str | None) -> bytes:
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data":
        raise ApiError(
            ErrorCode.WRONG_CONTENT_TYPE,
            "send multipart/form-data with the fields item, capture_id and images",
            field="Content-Type",
        )
    if not options.get(b"boundary"):
        raise ApiError(
            ErrorCode.MALFORMED_MULTIPART,
            "the Content-Type has no boundary; let the HTTP client make this header",
            field="Content-Type",
        )
    return options[b"boundary"]


async def _read_form(
    boundary: bytes, body: AsyncIterator[bytes], limits: UploadLimits
) -> _FormReader:
    """Parse while bytes come in; after a fault only drain, so that the client reads the reply."""
    reader = _FormReader(limits)
    received = 0
    fault: ApiError | None = None
    try:
        parser = MultipartParser(boundary, _callbacks(reader))
    except FormParserError as error:
        raise ApiError(ErrorCode.MALFORMED_MULTIPART, str(error)) from error
    async for chunk in body:
        received += len(chunk)
        if received > limits.max_body_bytes:
            fault = ApiError(
                ErrorCode.BODY_TOO_LARGE,
                f"the body is over {limits.max_body_bytes:,} bytes; send smaller pictures",
            )
        if received > DRAIN_FACTOR * limits.max_body_bytes:
            break
        if fault is None:
            fault = _feed(parser, chunk)
    if fault is not None:
        raise fault
    if not reader.complete:
        raise ApiError(
            ErrorCode.MALFORMED_MULTIPART,
            "the body is empty" if not received else "the body ends before its last boundary",
        )
    return reader


def _feed(parser: MultipartParser, chunk: bytes) -> ApiError | None:
    try:
        parser.write(chunk)
    except FormParserError as error:
        return ApiError(ErrorCode.MALFORMED_MULTIPART, f"the body cannot be parsed: {error}")
    except ApiError as error:
        return error
    return None


def _callbacks(reader: _FormReader) -> MultipartCallbacks:
    return {
        "on_part_begin": reader.on_part_begin,
        "on_header_field": reader.on_header_field,
        "on_header_value": reader.on_header_value,
        "on_header_end": reader.on_header_end,
        "on_headers_finished": reader.on_headers_finished,
        "on_part_data": reader.on_part_data,
        "on_part_end": reader.on_part_end,
        "on_end": reader.on_end,
    }


def _checked(form: _FormReader) -> Submission:
    for name in _TEXT_FIELDS:
        if name not in form.texts:
            raise ApiError(ErrorCode.MISSING_FIELD, f"the field {name} is not there", field=name)
    if not form.images:
        raise ApiError(
            ErrorCode.WRONG_IMAGE_COUNT, "no pictures; send 1 to 8 of one item", field=_IMAGES
        )
    try:
        capture_id = _CAPTURE_ID.validate_python(form.texts["capture_id"].decode())
    except (UnicodeDecodeError, ValidationError) as error:
        raise ApiError(
            ErrorCode.INVALID_FIELD,
            "capture_id must be 1 to 128 letters, digits, or any of . _ : -, a letter or digit first",
            field="capture_id",
        ) from error
    return Submission(_facts(form.texts["item"]), capture_id, tuple(form.images))


def _facts(text: bytes) -> ItemFacts:
    try:
        return ItemFacts.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        if first["type"] == "json_invalid":
            raise ApiError(
                ErrorCode.MALFORMED_JSON, f"item is not JSON: {first['msg']}", field="item"
            ) from error
        path = ".".join(str(part) for part in ("item", *first["loc"]))[:200]
        raise ApiError(
            _CODES.get(first["type"], ErrorCode.INVALID_FIELD), first["msg"], field=path
        ) from error


_CODES = {
    "missing": ErrorCode.MISSING_FIELD,
    "extra_forbidden": ErrorCode.UNEXPECTED_FIELD,
}
