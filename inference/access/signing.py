"""Whose name goes on record for what a person does."""

from __future__ import annotations

from inference.access.people import Principal
from inference.errors import ApiError, ErrorCode


def signer(caller: Principal, named: str | None, *, field: str = "operator") -> str:
    """The caller's own name; where access is open, the one that was given.

    Args:
        caller: Who sends the request.
        named: Who it says acts, None: it does not say.
        field: Where it says so.

    Raises:
        ApiError: It names somebody else, or nobody where access is open.
    """
    if not caller.is_known:
        if named is None:
            raise ApiError(
                ErrorCode.MISSING_FIELD, f"{field}: say in whose name this is", field=field
            )
        return named
    if named not in (None, caller.name):
        raise ApiError(
            ErrorCode.INVALID_FIELD,
            f"this would be recorded under {caller.name}: leave {field} out, or log in as {named}",
            field=field,
        )
    return caller.name
