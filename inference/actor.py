"""Who sends a request: the one place that says it."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import unquote

from fastapi import Depends, Header
from pydantic import TypeAdapter, ValidationError

from inference.errors import ApiError, ErrorCode
from inference.models.records import Actor

_HEADER = "X-Actor"
_ACTOR: TypeAdapter[str] = TypeAdapter(Actor)


async def actor(
    x_actor: Annotated[
        str | None,
        Header(
            description="Name of the person, 1 to 80 characters; other than ASCII in percent-encoded "
            "UTF-8. It is put on record."
        ),
    ] = None,
) -> str:
    """The person's name.

    Raises:
        ApiError: There is none, or it is not a name.
    """
    if x_actor is None:
        raise ApiError(
            ErrorCode.MISSING_FIELD, "say in X-Actor who wants the change", field=_HEADER
        )
    try:
        return _ACTOR.validate_python(unquote(x_actor, errors="strict"))
    except (ValidationError, UnicodeDecodeError) as error:
        raise ApiError(
            ErrorCode.INVALID_FIELD, "X-Actor is a name of 1 to 80 characters", field=_HEADER
        ) from error


WhoAsks = Annotated[str, Depends(actor)]
