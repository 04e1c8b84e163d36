"""Secrets that machines keep: made at random, and stored as a hash.

A fast hash is right here. A password is hashed slowly because people choose it from few; these have
128 bits or more from the system's generator, so nobody can try them all, and a slow hash would only
let strangers spend our time.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from enum import StrEnum

_KEY_PREFIX = "rgk"
_BADGE_ID, _BADGE_SECRET = 8, 40


class TokenKind(StrEnum):
    """What a token opens."""

    KEY = "key"
    """Calls of a machine, in a header."""
    BADGE = "badge"
    """The log-in page, for the person who wears it."""


@dataclass(frozen=True, slots=True)
class Token:
    """A secret in two parts: the first finds the row, the second must match its hash."""

    kind: TokenKind
    token_id: str
    secret: str = field(repr=False)

    @classmethod
    def new_key(cls) -> Token:
        """256 random bits behind a prefix that scanners for leaked secrets can look for."""
        return cls(TokenKind.KEY, secrets.token_hex(6), secrets.token_urlsafe(32))

    @classmethod
    def new_badge(cls) -> Token:
        """Digits alone, 133 random bits: every keyboard layout of a bar-code reader types the same."""
        return cls(TokenKind.BADGE, _digits(_BADGE_ID), _digits(_BADGE_SECRET))

    @classmethod
    def parse(cls, text: str) -> Token | None:
        """Read what ``text`` writes; None where it is no token of ours."""
        text = text.strip()
        if len(text) == _BADGE_ID + _BADGE_SECRET and text.isascii() and text.isdecimal():
            return cls(TokenKind.BADGE, text[:_BADGE_ID], text[_BADGE_ID:])
        prefix, _, rest = text.partition("_")
        token_id, _, secret = rest.partition("_")
        if prefix != _KEY_PREFIX or not token_id or not secret:
            return None
        return cls(TokenKind.KEY, token_id, secret)

    @property
    def text(self) -> str:
        """What its owner keeps; shown once."""
        if self.kind is TokenKind.BADGE:
            return self.token_id + self.secret
        return f"{_KEY_PREFIX}_{self.token_id}_{self.secret}"

    @property
    def digest(self) -> str:
        """What the store keeps."""
        return digest(self.secret)

    def matches(self, stored: str) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(self.digest, stored)


def digest(secret: str) -> str:
    """Hex SHA-256."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def new_session_secret() -> str:
    """256 random bits for a cookie."""
    return secrets.token_urlsafe(32)


def csrf_token(session_secret: str) -> str:
    """What a page must send with each change; follows from the cookie, which no script can read."""
    return digest(f"csrf:{session_secret}")


def _digits(count: int) -> str:
    return f"{secrets.randbelow(10**count):0{count}d}"
