"""All who may come in, in memory: a request costs no query, and a revoked key dies within a second."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Self

import structlog

from inference.access import ledger
from inference.access.people import Known, Means, Principal, User
from inference.access.settings import AccessSettings
from inference.access.tokens import Token, TokenKind, csrf_token, digest
from inference.errors import StoreUnavailableError
from inference.threads import StoreThreads

log = structlog.get_logger(__name__)
_RESTED_S = 0.2
_FLUSH_S = 60.0


class Directory:
    """Reads everybody anew each second; there are few. Used on one event loop.

    While the database does not answer, those who were known stay known: what they do cannot be
    stored then, and is refused for that.
    """

    def __init__(self, store: StoreThreads, settings: AccessSettings) -> None:
        self._store = store
        self._settings = settings
        self._known = Known()
        self._seen: dict[str, datetime] = {}
        """When sessions were used, where that is not stored yet."""
        self._reading = asyncio.Lock()
        self._read_s = 0.0
        self._flushed_s = time.monotonic()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.refresh()
        self._task = asyncio.create_task(self._keep_fresh(), name="directory")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        with suppress(StoreUnavailableError):
            await self._flush()

    async def refresh(self) -> None:
        """Read everybody anew.

        Raises:
            StoreUnavailableError: The database did not answer.
        """
        asked_s = time.monotonic()
        async with self._reading:
            if self._read_s > asked_s:
                return  # somebody else did, after we asked
            await asyncio.sleep(max(0.0, self._read_s + _RESTED_S - time.monotonic()))
            began_s = time.monotonic()
            self._known = await self._store.read(ledger.load, self._settings.absolute)
            self._read_s = began_s

    async def by_token(self, text: str, kind: TokenKind) -> Principal | None:
        """Who has this key or badge; one that was made a moment ago is found too."""
        token = Token.parse(text)
        if token is None or token.kind is not kind:
            return None
        if token.token_id not in self._known.tokens:
            await self.refresh()
        stored = self._known.tokens.get(token.token_id)
        if stored is None or stored.kind is not kind or not token.matches(stored.digest):
            return None
        if stored.role is not None:
            return Principal(stored.name, stored.role, Means.KEY, line_id=stored.line_id)
        user = self.user(stored.name)
        return Principal(user.name, user.role, Means.SESSION) if user else None

    def by_session(self, secret: str, *, acts: bool) -> Principal | None:
        """Who is logged in.

        Args:
            secret: The cookie.
            acts: A person does something, which keeps the session alive.
        """
        key = digest(secret)
        session = self._known.sessions.get(key)
        user = self.user(session.user_name) if session else None
        if session is None or user is None:
            return None
        now = datetime.now(UTC)
        seen_at = max(session.seen_at, self._seen.get(key, session.seen_at))
        if (
            now - seen_at > self._settings.idle
            or now - session.created_at > self._settings.absolute
        ):
            return None
        if acts:
            self._seen[key] = now
        return Principal(user.name, user.role, Means.SESSION, csrf_token(secret))

    def user(self, name: str) -> User | None:
        """A person who may log in."""
        user = self._known.users.get(name)
        return user if user is not None and user.disabled_at is None else None

    def has_name(self, name: str) -> bool:
        """Whether somebody has the name, shut out or not."""
        return name in self._known.users

    async def user_named(self, name: str) -> User | None:
        """A person who wants to log in; one who was added a moment ago is found too."""
        if name not in self._known.users:
            await self.refresh()
        return self.user(name)

    async def _keep_fresh(self) -> None:
        away = False
        while True:
            await asyncio.sleep(self._settings.refresh_s)
            try:
                await self.refresh()
                if time.monotonic() - self._flushed_s > _FLUSH_S:
                    await self._flush()
            except StoreUnavailableError as error:
                if not away:
                    log.warning("access_not_refreshed", error=str(error))
                away = True
            else:
                away = False

    async def _flush(self) -> None:
        self._flushed_s = time.monotonic()
        seen = [(key, at) for key, at in self._seen.items() if key in self._known.sessions]
        self._seen = dict(seen)
        if seen:
            await self._store.write(ledger.touch_sessions, seen)
