"""Decides of each request who sends it, and whether that caller may."""

from __future__ import annotations

import hmac
import math
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

from inference.access import audit
from inference.access.audit import Act, ActOutcome
from inference.access.directory import Directory
from inference.access.lines import other_line_of
from inference.access.people import OPEN, UNKNOWN, Means, Principal
from inference.access.rates import RateLimiter, network_of
from inference.access.roles import Rule
from inference.access.settings import AccessMode, AccessSettings
from inference.access.tokens import Token, TokenKind
from inference.errors import ApiError, ErrorCode
from inference.threads import StoreThreads

_COOKIE: Final = "regrade_session"
CSRF_HEADER: Final = "X-CSRF-Token"
KEY_HEADER: Final = "X-API-Key"
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-real-ip")


class Gate:
    """One instance, on one event loop."""

    def __init__(self, settings: AccessSettings, store: StoreThreads, directory: Directory) -> None:
        self.settings = settings
        self.directory = directory
        self.under_way: set[str] = set()
        """Ids of privileged acts that were begun and have not ended."""
        self._store = store
        self._bad_keys = RateLimiter(settings.bad_keys)
        self._acts = RateLimiter(settings.acts)
        self._refusals = RateLimiter(settings.refusals)

    async def identify(self, scope: Scope, headers: Headers, address: str, rule: Rule) -> Principal:
        """Who sends a request.

        Raises:
            ApiError: Nobody whom we know, or too many wrong keys came from there.
        """
        key = _key_of(headers)
        if key is not None:
            principal = await self.directory.by_token(key, TokenKind.KEY)
            if principal is None:
                raise await self._wrong_key(key, address)
            return principal
        cookie = session_cookie(scope)
        if cookie is not None:
            person = self.directory.by_session(cookie, acts=not rule.background)
            if person is not None:
                return person
        if self.settings.mode is AccessMode.OPEN_ON_LOOPBACK:
            if any(name in headers for name in _FORWARDED):
                raise ApiError(
                    ErrorCode.FORBIDDEN,
                    "access is open for this machine alone, and a proxy sent this; start the "
                    "server without --open-on-loopback",
                )
            return OPEN
        raise ApiError(
            ErrorCode.UNAUTHENTICATED,
            f"send a key in {KEY_HEADER}, or log in at /login; `regrade keys add` makes a key",
        )

    def knows(self, scope: Scope) -> bool:
        """Whether what a page asks by itself is answered: somebody is logged in, or access is open."""
        cookie = session_cookie(scope)
        person = self.directory.by_session(cookie, acts=False) if cookie else None
        return person is not None or self.settings.mode is AccessMode.OPEN_ON_LOOPBACK

    async def admit(
        self,
        principal: Principal,
        rule: Rule,
        address: str,
        method: str,
        path: str,
        headers: Headers,
    ) -> None:
        """Let a caller through.

        Raises:
            ApiError: Its role may not do this, the change may come from another page, or there are
                too many.
        """
        if principal.is_known and principal.role not in rule.roles:
            await self.record_refusal(principal, address, f"{method} {path}")
            raise ApiError(
                ErrorCode.FORBIDDEN,
                f"{principal.name} has the role {principal.role}; this is for "
                f"{', '.join(sorted(rule.roles))}",
            )
        if principal.means is Means.SESSION and method not in _SAFE_METHODS:
            require_same_origin(headers)
            sent, expected = headers.get(CSRF_HEADER, ""), principal.csrf_token or ""
            if not hmac.compare_digest(sent.encode(), expected.encode()):
                raise ApiError(
                    ErrorCode.CROSS_SITE_REQUEST,
                    "a change by who is logged in needs the token of the session; load the page anew",
                    field=CSRF_HEADER,
                )
        if rule.audited and (wait_s := self._acts.take(principal.name)):
            raise too_many(wait_s)

    async def require_line(
        self, principal: Principal, line_id: str, address: str, what: str
    ) -> None:
        """Let a key speak for its own line alone.

        Raises:
            ApiError: It is another line's.
        """
        if principal.line_id not in (None, line_id):
            raise await self.other_line(principal, line_id, address, what, "line_id")

    async def require_own_ids(
        self, principal: Principal, ids: Iterable[str], address: str, field: str
    ) -> None:
        """Let a key give no id that names another line.

        Raises:
            ApiError: One does.
        """
        if principal.line_id is None:
            return
        for each in ids:
            line_id = other_line_of(each, principal.line_id)
            if line_id is not None:
                raise await self.other_line(principal, line_id, address, f"{field} {each}", field)

    async def other_line(
        self, principal: Principal, line_id: str, address: str, what: str, field: str
    ) -> ApiError:
        """The error for a key that speaks for another line than its own; it is on record."""
        await self.record_refusal(principal, address, what)
        return ApiError(
            ErrorCode.FORBIDDEN,
            f"the key of {principal.name} is for line {principal.line_id} alone, and this is of "
            f"line {line_id}: give that line a key of its own (regrade keys add NAME --line "
            f"{line_id}), and begin ids of this one with {principal.line_id}:",
            field=field,
        )

    async def record(self, act: Act) -> None:
        """Put an act on record.

        Raises:
            StoreUnavailableError: The database did not take it.
        """
        await self._store.write(audit.add_alone, act)

    async def record_refusal(self, principal: Principal, address: str, what: str) -> None:
        """Put a refused act on record, unless the caller has filled its share of the log."""
        if self._refusals.take(principal.name) == 0:
            await self.record(
                Act(principal.name, address, "refused", what, ActOutcome.REFUSED, principal.role)
            )

    async def _wrong_key(self, key: str, address: str) -> ApiError:
        network = network_of(address)
        if wait_s := self._bad_keys.take(network):
            return too_many(wait_s)
        if self._refusals.take(f"key from {network}") == 0:
            token = Token.parse(key)
            shown = f"id {token.token_id[:16]}" if token else "not of our form"
            await self.record(
                Act(UNKNOWN, address, "wrong key", "", ActOutcome.REFUSED, detail=shown)
            )
        return ApiError(
            ErrorCode.UNAUTHENTICATED,
            "this key is not known, or was revoked; `regrade keys add` makes another",
            field=KEY_HEADER,
        )


def require_same_origin(headers: Headers) -> None:
    """Refuse a change of which no browser says that a page of ours sent it.

    Raises:
        ApiError: It came from elsewhere, or does not say.
    """
    site = headers.get("sec-fetch-site")
    origin = headers.get("origin")
    ours = site == "same-origin" if site else bool(origin) and _is_ours(origin or "", headers)
    if not ours:
        raise ApiError(
            ErrorCode.CROSS_SITE_REQUEST, "a page of another site may not change anything here"
        )


def too_many(wait_s: float) -> ApiError:
    """The error of every rate limit."""
    seconds = max(1, math.ceil(wait_s))
    return ApiError(
        ErrorCode.TOO_MANY_REQUESTS,
        f"too many attempts; try again in {seconds} s",
        retry_after_s=seconds,
    )


def cookie_name(scope: Scope) -> str:
    """Name of the session's cookie.

    All servers of a host share their cookies, whatever their ports: so each has a name of its own.
    """
    server = scope.get("server")
    return f"{_COOKIE}_{server[1]}" if server and server[1] else _COOKIE


def session_cookie(scope: Scope) -> str | None:
    """The secret of a session, None where there is none."""
    text = Headers(scope=scope).get("cookie")
    if text is None:
        return None
    try:
        found = SimpleCookie(text).get(cookie_name(scope))
    except CookieError:
        return None
    return found.value if found is not None and found.value else None


def _is_ours(origin: str, headers: Headers) -> bool:
    return urlsplit(origin).netloc == headers.get("host")


def _key_of(headers: Headers) -> str | None:
    key = headers.get(KEY_HEADER)
    if key is not None:
        return key
    scheme, _, value = headers.get("authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else None
