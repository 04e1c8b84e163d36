"""Passwords, hashed with Argon2id (RFC 9106); never on the event loop, and only a few at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Self, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from inference.errors import ApiError, ErrorCode

T = TypeVar("T")

MIN_LENGTH = 12
MAX_LENGTH = 256
#: OWASP's first choice (Password Storage Cheat Sheet): 46 MiB, one pass, one lane. More lanes would
#: take cores from grading.
_HASHER = PasswordHasher(time_cost=1, memory_cost=47_104, parallelism=1)
_MAX_WAITING = 8


class PasswordError(ValueError):
    """A password that cannot be taken; the message says why."""


def hash_password(password: str, name: str) -> str:
    """Hash a new password.

    Raises:
        PasswordError: It is too short, too long, or the person's name.
    """
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise PasswordError(f"a password has {MIN_LENGTH} to {MAX_LENGTH} characters")
    if name.lower() in password.lower() and len(password) < len(name) + MIN_LENGTH:
        raise PasswordError("the name does not belong in the password")
    return _HASHER.hash(password)


#: Verified where there is no such user, so that the time taken does not tell: of no password, with the
#: parameters of `_HASHER`.
_NOBODY = (
    "$argon2id$v=19$m=47104,t=1,p=1$0b8ya8OpnA7TAdiBUpQjlg"
    "$nWIbvUrCcXEvN1phmoIq+px0D2ijtWKOmFL7s7V1FgM"
)


def is_right(stored: str | None, password: str) -> bool:
    """Whether a password is the one that was hashed; takes the same time where there is none."""
    try:
        right = _HASHER.verify(stored or _NOBODY, password[: MAX_LENGTH + 1])
    except (VerificationError, InvalidHashError):
        return False
    return right and stored is not None


def renewed(stored: str, password: str) -> str | None:
    """The hash of a right password with the parameters of now; None where it has them already."""
    return _HASHER.hash(password) if _HASHER.check_needs_rehash(stored) else None


class PasswordThread:
    """Verifies one password at a time: a flood of log-ins takes one core at most, for a moment."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="passwords")
        self._waiting = 0

    async def is_right(self, stored: str | None, password: str) -> bool:
        """Verify in turn.

        Raises:
            ApiError: Too many wait.
        """
        return await self._run(partial(is_right, stored, password))

    async def renewed(self, stored: str, password: str) -> str | None:
        """The same hash with the parameters of now, if it has others.

        Raises:
            ApiError: Too many wait.
        """
        return await self._run(partial(renewed, stored, password))

    async def _run(self, call: Callable[[], T]) -> T:
        if self._waiting >= _MAX_WAITING:
            raise ApiError(
                ErrorCode.TOO_MANY_REQUESTS, "too many people log in at once; try again in a moment"
            )
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, call)
        finally:
            self._waiting -= 1

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self._thread.shutdown)
