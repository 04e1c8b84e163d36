"""Every error that the server answers with: one enum, one table, one JSON shape.

::

    ApiError                 a request that cannot be served; carries code, message, field
    StoreError               the store cannot be opened or used (start-up, readiness)
      StoreUnavailableError  a statement failed: retry later
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class ErrorCode(StrEnum):
    """What went wrong, for programs. Words stay; new ones may be added."""

    MALFORMED_MULTIPART = "malformed_multipart"
    MALFORMED_JSON = "malformed_json"
    MALFORMED_INFERENCE = "malformed_inference"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    CROSS_SITE_REQUEST = "cross_site_request"
    NOT_FOUND = "not_found"
    UNKNOWN_ITEM = "unknown_item"
    UNKNOWN_IMAGE = "unknown_image"
    UNKNOWN_LINE = "unknown_line"
    UNKNOWN_COMMAND = "unknown_command"
    UNKNOWN_MODEL = "unknown_model"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    IMAGE_DELETED = "image_deleted"
    UPLOAD_TOO_SLOW = "upload_too_slow"
    UNKNOWN_HOST = "unknown_host"
    CAPTURE_CONFLICT = "capture_conflict"
    OVERRIDE_CONFLICT = "override_conflict"
    ANSWERED_ALREADY = "answered_already"
    MODEL_CONFLICT = "model_conflict"
    MODELS_CHANGED = "models_changed"
    COMMAND_CONFLICT = "command_conflict"
    LINE_SILENT = "line_silent"
    BODY_TOO_LARGE = "body_too_large"
    WRONG_CONTENT_TYPE = "wrong_content_type"
    WRONG_CONTENT_ENCODING = "wrong_content_encoding"
    MISSING_FIELD = "missing_field"
    UNEXPECTED_FIELD = "unexpected_field"
    BUNDLE_REFUSED = "bundle_refused"
    INVALID_FIELD = "invalid_field"
    WRONG_IMAGE_COUNT = "wrong_image_count"
    IMAGE_EMPTY = "image_empty"
    IMAGE_NOT_RECOGNISED = "image_not_recognised"
    IMAGE_TRUNCATED = "image_truncated"
    IMAGE_TOO_LARGE = "image_too_large"
    IMAGE_TOO_SMALL = "image_too_small"
    IMAGE_UNSUPPORTED = "image_unsupported"
    TOO_MANY_LINES = "too_many_lines"
    TOO_MANY_REQUESTS = "too_many_requests"
    INTERNAL_ERROR = "internal_error"
    NOT_SUPPORTED = "not_supported"
    NOT_READY = "not_ready"
    OVERLOADED = "overloaded"
    DEADLINE_MISSED = "deadline_missed"
    STORE_UNAVAILABLE = "store_unavailable"


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """How one code travels over HTTP."""

    status: int
    meaning: str
    """For the documentation: when it is sent, and what the caller does."""
    retry: bool = False
    """The same request may succeed later; the reply has ``Retry-After``."""


ERRORS: dict[ErrorCode, ErrorKind] = {
    ErrorCode.MALFORMED_MULTIPART: ErrorKind(
        400, "The body is not valid multipart/form-data, or ends before its last boundary."
    ),
    ErrorCode.MALFORMED_JSON: ErrorKind(400, "The body, or the field `item`, is not JSON."),
    ErrorCode.MALFORMED_INFERENCE: ErrorKind(
        400, "A request under `/v2` is not of the protocol, or not for this model."
    ),
    ErrorCode.UNAUTHENTICATED: ErrorKind(
        401, "No key, session or password that is known; `regrade keys add` makes a key."
    ),
    ErrorCode.FORBIDDEN: ErrorKind(
        403, "The caller's role may not do this, or its key is for another line."
    ),
    ErrorCode.CROSS_SITE_REQUEST: ErrorKind(
        403, "A browser sent a change from a page of another site, or without the session's token."
    ),
    ErrorCode.NOT_FOUND: ErrorKind(404, "No such address; `/docs` lists them."),
    ErrorCode.UNKNOWN_ITEM: ErrorKind(404, "No grading or outcome names this item."),
    ErrorCode.UNKNOWN_IMAGE: ErrorKind(404, "No grading used this picture."),
    ErrorCode.UNKNOWN_LINE: ErrorKind(404, "This line has not reported since the server started."),
    ErrorCode.UNKNOWN_MODEL: ErrorKind(
        404, "No model of that name and version is served, or in the registry."
    ),
    ErrorCode.UNKNOWN_COMMAND: ErrorKind(
        404, "The line was given no command with this `command_id`."
    ),
    ErrorCode.METHOD_NOT_ALLOWED: ErrorKind(405, "The address exists, the method does not."),
    ErrorCode.UPLOAD_TOO_SLOW: ErrorKind(
        408, "The body came too slowly, or stopped; send it again."
    ),
    ErrorCode.CAPTURE_CONFLICT: ErrorKind(
        409, "The `capture_id` was used for other pictures or facts; use a new one per capture."
    ),
    ErrorCode.OVERRIDE_CONFLICT: ErrorKind(
        409, "The `override_id` was used for another answer; use a new one per answer."
    ),
    ErrorCode.ANSWERED_ALREADY: ErrorKind(
        409, "Somebody answered after `seen_seq`: read the item, then decide again."
    ),
    ErrorCode.MODEL_CONFLICT: ErrorKind(
        409, "The change makes no sense as the models stand; the message says why."
    ),
    ErrorCode.MODELS_CHANGED: ErrorKind(
        409, "Somebody changed the models after `seen_seq`: look again, then decide."
    ),
    ErrorCode.COMMAND_CONFLICT: ErrorKind(
        409, "The `command_id` was used for another command; use a new one per command."
    ),
    ErrorCode.LINE_SILENT: ErrorKind(
        409, "The line's controller does not report, so no command can reach it."
    ),
    ErrorCode.IMAGE_DELETED: ErrorKind(
        410, "The retention policy deleted this picture; the message says when and why."
    ),
    ErrorCode.BODY_TOO_LARGE: ErrorKind(
        413, "The body is over the limit; send smaller or fewer pictures."
    ),
    ErrorCode.WRONG_CONTENT_TYPE: ErrorKind(
        415, "The Content-Type is not the one that the address takes."
    ),
    ErrorCode.WRONG_CONTENT_ENCODING: ErrorKind(
        415, "The body is compressed otherwise than with gzip or deflate."
    ),
    ErrorCode.UNKNOWN_HOST: ErrorKind(
        421, "The server was not told of the name it was called by; `--host-name` does that."
    ),
    ErrorCode.BUNDLE_REFUSED: ErrorKind(
        422, "A bundle cannot be fetched, is damaged or does not work here; what serves stays."
    ),
    ErrorCode.MISSING_FIELD: ErrorKind(422, "A required field is not there."),
    ErrorCode.UNEXPECTED_FIELD: ErrorKind(422, "A field is not known, or is there twice."),
    ErrorCode.INVALID_FIELD: ErrorKind(422, "A field has a value that is not allowed."),
    ErrorCode.WRONG_IMAGE_COUNT: ErrorKind(422, "There are no pictures, or too many."),
    ErrorCode.IMAGE_EMPTY: ErrorKind(422, "A picture has no bytes."),
    ErrorCode.IMAGE_NOT_RECOGNISED: ErrorKind(422, "A file is not a JPEG, PNG or WebP picture."),
    ErrorCode.IMAGE_TRUNCATED: ErrorKind(422, "A picture ends early or its data is damaged."),
    ErrorCode.IMAGE_TOO_LARGE: ErrorKind(422, "A picture has too many pixels; it was not decoded."),
    ErrorCode.IMAGE_TOO_SMALL: ErrorKind(422, "A picture has too few pixels to grade from."),
    ErrorCode.IMAGE_UNSUPPORTED: ErrorKind(
        422, "A picture is animated, or has more than 8 bits a channel."
    ),
    ErrorCode.INTERNAL_ERROR: ErrorKind(500, "A fault in the server; its log has the details."),
    ErrorCode.NOT_SUPPORTED: ErrorKind(501, "A part of the protocol that this server leaves out."),
    ErrorCode.NOT_READY: ErrorKind(
        503, "The server cannot grade now; `/health/ready` says why.", retry=True
    ),
    ErrorCode.TOO_MANY_LINES: ErrorKind(429, "More lines report than the server keeps."),
    ErrorCode.TOO_MANY_REQUESTS: ErrorKind(
        429, "Too many wrong keys, failed log-ins or privileged acts; wait.", retry=True
    ),
    ErrorCode.OVERLOADED: ErrorKind(
        503,
        "Too much waits, or items of higher priority came; use the default lane or retry.",
        retry=True,
    ),
    ErrorCode.DEADLINE_MISSED: ErrorKind(
        503,
        "The answer would come, or comes, after the deadline (`X-Deadline-Ms`, or `timeout` under `/v2`); use the default lane.",
        retry=True,
    ),
    ErrorCode.STORE_UNAVAILABLE: ErrorKind(
        503,
        "Disk or database do not take it, so nothing was answered; `/health/ready` says why. Retry.",
        retry=True,
    ),
}


#: What every address may answer with, where it is not public.
ANYWHERE = (
    ErrorCode.UNAUTHENTICATED,
    ErrorCode.FORBIDDEN,
    ErrorCode.UNKNOWN_HOST,
    ErrorCode.TOO_MANY_REQUESTS,
    ErrorCode.STORE_UNAVAILABLE,
    ErrorCode.INTERNAL_ERROR,
)


class ErrorDetail(BaseModel):
    """What went wrong."""

    model_config = ConfigDict(frozen=True)

    code: ErrorCode
    message: str = Field(description="What was wrong and what to do, for a person.")
    field: str | None = Field(
        default=None, description="Part of the request at fault, e.g. `images[0]`."
    )


class ErrorReply(BaseModel):
    """The body of every reply that is not a success."""

    model_config = ConfigDict(frozen=True)

    error: ErrorDetail


class ApiError(Exception):
    """A request that cannot be served."""

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        *,
        field: str | None = None,
        retry_after_s: int = 1,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field
        self.retry_after_s = retry_after_s

    @property
    def kind(self) -> ErrorKind:
        """Status and meaning of the code."""
        return ERRORS[self.code]

    def reply(self) -> ErrorReply:
        """The JSON body."""
        return ErrorReply(error=ErrorDetail(code=self.code, message=self.message, field=self.field))


class StoreError(Exception):
    """The store cannot be used; the message says why and what to do."""


class StoreUnavailableError(StoreError):
    """A statement or a file failed for now: disk full, database away or locked."""
