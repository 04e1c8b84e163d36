"""Who changes a model: the name for the history."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import unquote

from fastapi import Depends, Header
from pydantic import TypeAdapter, ValidationError

from inference.access.middleware import Caller
from inference.access.signing import signer
from inference.errors import ApiError, ErrorCode
from inference.models.records import Actor

_HEADER = "X-Actor"
_ACTOR: TypeAdapter[str] = TypeAdapter(Actor)


async def actor(
    caller: Caller,
    x_actor: Annotated[
        str | None,
        Header(
            description="Name of the person, 1 to 80 characters; other than ASCII in percent-encoded "
            "UTF-8. The caller's own name, which is recorded in any case, or left out; required only "
            "where access is open."
        ),
    ] = None,
) -> str:
    """The person's name.

    Raises:
        ApiError: There is none, it is not a name, or not the caller's.
    """
    if x_actor is None:
        return signer(caller, None, field=_HEADER)
    try:
        named = _ACTOR.validate_python(unquote(x_actor, errors="strict"))
    except (ValidationError, UnicodeDecodeError) as error:
        raise ApiError(
            ErrorCode.INVALID_FIELD, "X-Actor is a name of 1 to 80 characters", field=_HEADER
        ) from error
    return signer(caller, named, field=_HEADER)


WhoAsks = Annotated[str, Depends(actor)]
