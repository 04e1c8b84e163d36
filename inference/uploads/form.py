"""Reads a multipart/form-data body while it streams in: texts, and pictures with their hashes."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from inference.errors import ApiError, ErrorCode
from inference.scheduling import Deadline
from inference.uploads.intake import Intake, Upload

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

IMAGES = "images"


@dataclass(frozen=True, slots=True)
class Picture:
    """A file as it was sent."""

    data: bytes
    sha256: str
    """Hex."""
    name: str = ""
    """File name, as its sender wrote it."""

    @classmethod
    def of(cls, data: bytes) -> Picture:
        """A picture that is at hand as a whole."""
        return cls(data, hashlib.sha256(data).hexdigest())


@dataclass(frozen=True, slots=True)
class FormRules:
    """Which fields a form has, besides pictures."""

    texts: tuple[str, ...]
    max_text_bytes: int
    max_images: int


@dataclass(slots=True)
class Form:
    """What was in the body."""

    texts: dict[str, bytes] = field(default_factory=dict)
    pictures: list[Picture] = field(default_factory=list)


class _Part:
    def __init__(self) -> None:
        self.name = ""
        self.file_name = ""
        self.chunks: list[bytes] = []
        self.size = 0
        self.hash = hashlib.sha256()

    def name_it(self, disposition: bytes) -> None:
        _, options = parse_options_header(disposition)
        self.name = options.get(b"name", b"").decode("utf-8", "replace")
        self.file_name = options.get(b"filename", b"").decode("utf-8", "replace")

    def add(self, chunk: bytes) -> None:
        self.chunks.append(chunk)
        self.size += len(chunk)
        if self.name == IMAGES:
            self.hash.update(chunk)


class _FormReader:
    """Callbacks of the parser. Refuses a part as soon as it is over a limit."""

    def __init__(self, rules: FormRules) -> None:
        self.form = Form()
        self.complete = False
        self._rules = rules
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
            self._part.name_it(bytes(self._value))
        self._header.clear()
        self._value.clear()

    def on_headers_finished(self) -> None:
        name, rules = self._part.name, self._rules
        if name == IMAGES:
            if len(self.form.pictures) == rules.max_images:
                raise ApiError(
                    ErrorCode.WRONG_IMAGE_COUNT,
                    f"more than {rules.max_images} pictures; send at most so many",
                    field=IMAGES,
                )
        elif name not in rules.texts:
            known = ", ".join((*rules.texts, IMAGES))
            raise ApiError(
                ErrorCode.UNEXPECTED_FIELD,
                f"the form has a field that is not known; send only {known}",
                field=name[:100] or None,
            )
        elif name in self.form.texts:
            raise ApiError(
                ErrorCode.UNEXPECTED_FIELD, f"{name} is there twice; send it once", field=name
            )

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        part = self._part
        part.add(data[start:end])
        if part.name != IMAGES and part.size > self._rules.max_text_bytes:
            raise ApiError(
                ErrorCode.INVALID_FIELD,
                f"{part.name} is longer than {self._rules.max_text_bytes} bytes",
                field=part.name,
            )

    def on_part_end(self) -> None:
        part = self._part
        data = b"".join(part.chunks)
        if part.name == IMAGES:
            self.form.pictures.append(Picture(data, part.hash.hexdigest(), part.file_name))
        else:
            self.form.texts[part.name] = data

    def on_end(self) -> None:
        self.complete = True


async def read_form(
    content_type: str | None,
    body: AsyncIterator[bytes],
    rules: FormRules,
    intake: Intake,
    upload: Upload,
    deadline: Deadline,
) -> Form:
    """Read a form; its first fault ends the reading, and the connection drops the rest.

    Raises:
        ApiError: The body is not such a form, is over a limit or came too slowly.
    """
    reader = _FormReader(rules)
    try:
        parser = MultipartParser(_boundary(content_type, rules), _callbacks(reader))
        await intake.receive(upload, body, lambda chunk: _feed(parser, chunk), deadline)
    except FormParserError as error:
        raise ApiError(
            ErrorCode.MALFORMED_MULTIPART, f"the body cannot be parsed: {error}"
        ) from error
    if not reader.complete:
        raise ApiError(
            ErrorCode.MALFORMED_MULTIPART,
            "the body ends before its last boundary" if upload.size else "the body is empty",
        )
    return reader.form


def _feed(parser: MultipartParser, chunk: bytes) -> None:
    parser.write(chunk)


def _boundary(content_type: str | None, rules: FormRules) -> bytes:
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data":
        raise ApiError(
            ErrorCode.WRONG_CONTENT_TYPE,
            f"send multipart/form-data with the fields {', '.join(rules.texts)} and {IMAGES}",
            field="Content-Type",
        )
    if not options.get(b"boundary"):
        raise ApiError(
            ErrorCode.MALFORMED_MULTIPART,
            "the Content-Type has no boundary; let the HTTP client make this header",
            field="Content-Type",
        )
    return options[b"boundary"]


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
