"""What a form asks to be graded: one item, or a batch of them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cached_property

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from inference.errors import ApiError, ErrorCode
from inference.scheduling import Deadline
from inference.uploads.form import IMAGES, Form, FormRules, Picture, read_form
from inference.uploads.intake import Intake, Upload
from model.contract import Identifier, ItemFacts

_CAPTURE_ID: TypeAdapter[str] = TypeAdapter(Identifier)


@dataclass(frozen=True)
class Submission:
    """An item to grade, checked in all but its pixels."""

    facts: ItemFacts
    capture_id: str
    pictures: tuple[Picture, ...]

    @property
    def ids(self) -> dict[str, str]:
        """By which logs and traces name it."""
        return {"item_id": self.facts.item_id, "capture_id": self.capture_id}

    @cached_property
    def fingerprint(self) -> str:
        """Hex SHA-256 of facts and pictures: tells a repeat from another request."""
        digests = (picture.sha256 for picture in self.pictures)
        text = "\n".join((self.facts.model_dump_json(), *digests))
        return hashlib.sha256(text.encode()).hexdigest()


class BatchEntry(BaseModel):
    """One item of a batch."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    capture_id: Identifier = Field(description="Yours, one per capture.")
    item: ItemFacts
    images: tuple[str, ...] = Field(
        min_length=1, description="File names of its pictures among the parts `images`, in order."
    )


async def read_submission(
    content_type: str | None,
    body: AsyncIterator[bytes],
    intake: Intake,
    upload: Upload,
    deadline: Deadline,
) -> Submission:
    """Read and check the form of one item.

    Raises:
        ApiError: The body is not such a form, is over a limit or came too slowly.
    """
    limits = intake.limits
    rules = FormRules(("item", "capture_id"), limits.max_text_bytes, limits.max_images)
    form = await read_form(content_type, body, rules, intake, upload, deadline)
    _require_texts(form, rules)
    if not form.pictures:
        raise ApiError(
            ErrorCode.WRONG_IMAGE_COUNT,
            f"no pictures; send 1 to {limits.max_images} of one item",
            field=IMAGES,
        )
    try:
        capture_id = _CAPTURE_ID.validate_python(form.texts["capture_id"].decode())
    except (UnicodeDecodeError, ValidationError) as error:
        raise ApiError(
            ErrorCode.INVALID_FIELD,
            "capture_id must be 1 to 128 letters, digits, or any of . _ : -, a letter or digit first",
            field="capture_id",
        ) from error
    try:
        facts = ItemFacts.model_validate_json(form.texts["item"])
    except ValidationError as error:
        raise _invalid(error, "item") from error
    return Submission(facts, capture_id, tuple(form.pictures))


async def read_batch(
    content_type: str | None,
    body: AsyncIterator[bytes],
    intake: Intake,
    upload: Upload,
    deadline: Deadline,
) -> list[Submission]:
    """Read and check the form of a batch: each picture belongs to one item.

    Raises:
        ApiError: The body is not such a form, is over a limit or came too slowly.
    """
    limits = intake.limits
    rules = FormRules(
        ("batch",), limits.max_text_bytes * limits.max_items, limits.max_images * limits.max_items
    )
    form = await read_form(content_type, body, rules, intake, upload, deadline)
    _require_texts(form, rules)
    try:
        entries = TypeAdapter(list[BatchEntry]).validate_json(form.texts["batch"])
    except ValidationError as error:
        raise _invalid(error, "batch") from error
    if not 1 <= len(entries) <= limits.max_items:
        raise ApiError(
            ErrorCode.INVALID_FIELD,
            f"a batch has 1 to {limits.max_items} items, this one has {len(entries)}",
            field="batch",
        )
    if len({entry.capture_id for entry in entries}) < len(entries):
        raise ApiError(
            ErrorCode.INVALID_FIELD, "a capture_id is there twice; use one per item", field="batch"
        )
    return _assigned(entries, form.pictures, limits.max_images)


def _assigned(
    entries: list[BatchEntry], pictures: list[Picture], max_images: int
) -> list[Submission]:
    by_name = {picture.name: picture for picture in pictures}
    if len(by_name) < len(pictures):
        raise ApiError(
            ErrorCode.INVALID_FIELD,
            "two pictures have the same file name; name each part `images` otherwise",
            field=IMAGES,
        )
    wanted = [name for entry in entries for name in entry.images]
    if unknown := set(wanted) - set(by_name):
        raise ApiError(
            ErrorCode.INVALID_FIELD,
            f"no part `images` has the file name {min(unknown)[:100]!r}",
            field="batch",
        )
    times = Counter(wanted)
    if shared := next((name for name in by_name if times[name] != 1), None):
        raise ApiError(
            ErrorCode.INVALID_FIELD,
            f"the picture {shared[:100]!r} must belong to exactly one item",
            field="batch",
        )
    if max(len(entry.images) for entry in entries) > max_images:
        raise ApiError(
            ErrorCode.WRONG_IMAGE_COUNT,
            f"an item has 1 to {max_images} pictures",
            field="batch",
        )
    return [
        Submission(entry.item, entry.capture_id, tuple(by_name[name] for name in entry.images))
        for entry in entries
    ]


def _require_texts(form: Form, rules: FormRules) -> None:
    for name in rules.texts:
        if name not in form.texts:
            raise ApiError(ErrorCode.MISSING_FIELD, f"the field {name} is not there", field=name)


def _invalid(error: ValidationError, name: str) -> ApiError:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    if first["type"] == "json_invalid":
        return ApiError(ErrorCode.MALFORMED_JSON, f"{name} is not JSON: {first['msg']}", field=name)
    path = ".".join(str(part) for part in (name, *first["loc"]))[:200]
    return ApiError(_CODES.get(first["type"], ErrorCode.INVALID_FIELD), first["msg"], field=path)


_CODES = {
    "missing": ErrorCode.MISSING_FIELD,
    "extra_forbidden": ErrorCode.UNEXPECTED_FIELD,
}
