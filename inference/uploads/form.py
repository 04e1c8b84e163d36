"""Reads a multipart/form-data body while it streams in: texts, and pictures with their hashes."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from inference.errors import ApiError, ErrorCode
from inference.scheduling import Deadline
from inference.uploads.intake import Intake, Upload

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
    def of(cls, data: bytes, name: str = "") -> Picture:
        """A picture that is at hand as a whole."""
        return cls(data, hashlib.sha256(data).hexdigest(), name)


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


class _FormReader:
    """Takes what the parser finds. Refuses a part as soon as it is over a limit."""

    def __init__(self, boundary: bytes, rules: FormRules) -> None:
        self.form = Form()
        self._parser = PushMultipartParser(boundary)
        self._rules = rules
        self._part: MultipartSegment | None = None
        self._chunks: list[bytes] = []

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the body."""
        if not chunk:  # to the parser that would be the end
            return
        for found in self._parser.parse(chunk):
            if found is None:
                self._end()
            elif isinstance(found, MultipartSegment):
                self._begin(found)
            else:
                self._add(found)

    def close(self) -> None:
        """The body has ended; raises the parser's error where its last boundary has not come."""
        self._parser.close()

    def _begin(self, part: MultipartSegment) -> None:
        self._part = part
        self._chunks = []
        name, rules = part.name or "", self._rules
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

    def _add(self, data: bytes) -> None:
        part = self._part
        assert part is not None  # noqa: S101 - the parser gives the part first
        self._chunks.append(data)
        if part.name != IMAGES and part.bytes_received > self._rules.max_text_bytes:
            raise ApiError(
                ErrorCode.INVALID_FIELD,
                f"{part.name} is longer than {self._rules.max_text_bytes} bytes",
                field=part.name,
            )

    def _end(self) -> None:
        part = self._part
        assert part is not None  # noqa: S101
        data = b"".join(self._chunks)
        if part.name == IMAGES:
            self.form.pictures.append(Picture.of(data, part.filename or ""))
        else:
            self.form.texts[part.name or ""] = data


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
    boundary = _boundary(content_type, rules)
    try:
        reader = _FormReader(boundary, rules)
        await intake.receive(upload, body, reader.feed, deadline)
    except MultipartError as error:
        raise ApiError(
            ErrorCode.MALFORMED_MULTIPART, f"the body cannot be parsed: {error}"
        ) from error
    try:
        reader.close()
    except MultipartError as error:
        raise ApiError(
            ErrorCode.MALFORMED_MULTIPART,
            "the body ends before its last boundary" if upload.size else "the body is empty",
        ) from error
    return reader.form


def _boundary(content_type: str | None, rules: FormRules) -> bytes:
    kind, options = parse_options_header(content_type or "")
    if kind != "multipart/form-data":
        raise ApiError(
            ErrorCode.WRONG_CONTENT_TYPE,
            f"send multipart/form-data with the fields {', '.join(rules.texts)} and {IMAGES}",
            field="Content-Type",
        )
    boundary: str = options.get("boundary", "")
    if not boundary:
        raise ApiError(
            ErrorCode.MALFORMED_MULTIPART,
            "the Content-Type has no boundary; let the HTTP client make this header",
            field="Content-Type",
        )
    return boundary.encode()
