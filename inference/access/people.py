"""Who is known, and who asks now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from inference.access.roles import Role
from inference.access.tokens import TokenKind

#: Name of whoever calls where access is open.
OPEN_NAME = "local"
#: In place of a name that cannot be told, or must not be kept.
UNKNOWN = "unknown"


class Means(StrEnum):
    """How a caller said who it is."""

    KEY = "key"
    SESSION = "session"
    OPEN = "open"
    """It did not, and access is open."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls."""

    name: str
    role: Role
    means: Means
    csrf_token: str | None = field(default=None, repr=False)
    """Of a session: what each change must bring."""
    line_id: str | None = None
    """The only line that it may speak for; None: any, as far as its role goes."""

    @property
    def is_known(self) -> bool:
        """Whether the name was proved, so that it goes on record in place of one that is typed."""
        return self.means is not Means.OPEN


OPEN = Principal(OPEN_NAME, Role.ADMIN, Means.OPEN)


@dataclass(frozen=True, slots=True)
class User:
    """A person."""

    name: str
    role: Role
    password: str = field(repr=False)
    """Hash."""
    created_at: datetime
    disabled_at: datetime | None


@dataclass(frozen=True, slots=True)
class StoredToken:
    """A key or badge that was not revoked."""

    token_id: str
    kind: TokenKind
    name: str
    role: Role | None
    """Of a key; a badge has the role of its user."""
    digest: str = field(repr=False)
    created_at: datetime
    line_id: str | None = None
    """The only line that a key is good for; None: any."""


@dataclass(frozen=True, slots=True)
class Session:
    """A log-in that has not ended."""

    user_name: str
    created_at: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Known:
    """All who may come in, as they were a moment ago."""

    users: Mapping[str, User] = field(default_factory=dict)
    tokens: Mapping[str, StoredToken] = field(default_factory=dict)
    """By id."""
    sessions: Mapping[str, Session] = field(default_factory=dict)
    """By digest."""
