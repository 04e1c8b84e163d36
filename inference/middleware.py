"""What holds for every request: it is counted, meant for us, and answered with safe headers."""

from __future__ import annotations

import asyncio
import re
import time
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inference.errors import ApiError, ErrorCode
from inference.headers import SAFE_HEADERS
from inference.metrics import Metrics
from inference.replies import answer
from inference.settings import DRAIN_FACTOR, MAX_JSON_BYTES
from inference.v2 import errors as v2

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_PICTURES_COME_TO = ("/v1/grade", "/v1/grade/batch")
_ENDLESS = ("/v1/lines/{line_id}/events", "/v1/lines/{line_id}/commands/open", "/v1/overrides")
_SAFE = tuple((name.lower().encode(), value.encode()) for name, value in SAFE_HEADERS.items())
_NO_STORE = (b"cache-control", b"no-store")
_HTTPS_ALONE = (b"strict-transport-security", b"max-age=31536000")
_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}.*")


class SafetyMiddleware:
    """Refuses what a browser sends for another site; adds headers to every reply.

    A site can point its own name at our address and so be of our origin (DNS rebinding); that
    name is then in ``Host``. Lines and scripts send neither ``Sec-Fetch-Site`` nor ``Origin``, and
    pass.

    Args:
        app: What serves the rest.
        host_names: Names in ``Host`` that are ours, besides localhost and IP addresses.
    """

    def __init__(self, app: ASGIApp, host_names: frozenset[str]) -> None:
        self._app = app
        self._host_names = host_names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                wanted = _SAFE
                if not scope["path"].startswith("/static/"):
                    wanted = (*wanted, _NO_STORE)
                if scope.get("scheme") == "https":
                    wanted = (*wanted, _HTTPS_ALONE)
                given = message.get("headers", [])
                names = {name.lower() for name, _ in given}
                message["headers"] = [*given, *(each for each in wanted if each[0] not in names)]
            await send(message)

        error = self._refusal(scope["method"], Headers(scope=scope))
        if error is not None:
            await answer(Request(scope), error)(scope, receive, with_headers)
            return
        await self._app(scope, receive, with_headers)

    def _refusal(self, method: str, headers: Headers) -> ApiError | None:
        host = headers.get("host")
        if host is not None and not _names_us(host, self._host_names):
            return ApiError(
                ErrorCode.UNKNOWN_HOST,
                f"this server is not known as {host[:100]!r}; use its IP address, or start it "
                "with --host-name",
                field="Host",
            )
        if method not in _SAFE_METHODS and _is_cross_site(headers):
            return ApiError(
                ErrorCode.CROSS_SITE_REQUEST, "a page of another site may not change anything here"
            )
        return None


@lru_cache(maxsize=64)  # all requests of a client say the same
def _names_us(host: str, host_names: frozenset[str]) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if name == "localhost" or name in host_names:
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _is_cross_site(headers: Headers) -> bool:
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host")


def _has_own_limits(path: str) -> bool:
    return path in _PICTURES_COME_TO or v2.brings_pictures(path)


class JsonLimitMiddleware:
    """Bounds every body but those that bring pictures, which have limits of their own.

    Args:
        app: What serves the rest.
        timeout_s: Time for a whole body to arrive.
    """

    def __init__(self, app: ASGIApp, timeout_s: float) -> None:
        self._app = app
        self._timeout_s = timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or _has_own_limits(scope["path"]):
            await self._app(scope, receive, send)
            return
        received = 0
        whole = False
        end_s = asyncio.get_running_loop().time() + self._timeout_s

        async def bounded() -> Message:
            nonlocal received, whole
            while True:
                if whole:  # what is waited for now is the end of the connection
                    return await receive()
                try:
                    async with asyncio.timeout_at(end_s):
                        message = await receive()
                except TimeoutError as error:
                    raise HTTPException(408) from error
                whole = not message.get("more_body")
                received += len(message.get("body", b""))
                if received <= MAX_JSON_BYTES:
                    return message
                if not message.get("more_body") or received > DRAIN_FACTOR * MAX_JSON_BYTES:
                    raise HTTPException(413)

        await self._app(scope, bounded, send)


def _name_trace(scope: Scope) -> None:
    """Let every log line of the request have the trace that its caller began (W3C Trace Context)."""
    for name, value in scope["headers"]:
        if name == b"traceparent":
            if found := _TRACEPARENT.fullmatch(value):
                structlog.contextvars.bind_contextvars(trace_id=found[1].decode())
            return


class CountingMiddleware:
    """Counts requests by route and outcome, and times those that are meant to end soon."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_s = time.perf_counter()
        _name_trace(scope)
        status = 500

        async def noting_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting_status)
        finally:
            route = getattr(scope.get("route"), "path", "unmatched")
            failed = "error" if status >= 400 else "ok"
            outcome = scope.get("state", {}).get("error_code", failed)
            self._metrics.requests.labels(route, outcome).inc()
            if route not in _ENDLESS:
                self._metrics.request_seconds.labels(route).observe(time.perf_counter() - began_s)
