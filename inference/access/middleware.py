"""Stands before every route: says who calls, refuses who may not, and puts privileged acts on record."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

import structlog
from fastapi import Depends, Request
from fastapi.responses import RedirectResponse, Response
from fastapi.routing import iter_route_contexts
from starlette.datastructures import Headers
from starlette.routing import BaseRoute, Mount, compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inference.access.audit import Act, ActOutcome
from inference.access.gate import Gate
from inference.access.people import Principal
from inference.access.roles import RULES, Rule
from inference.errors import ApiError, ErrorCode, StoreUnavailableError
from inference.replies import answer, unavailable

log = structlog.get_logger(__name__)


class UnruledRouteError(RuntimeError):
    """An address has no rule in ``roles.RULES``, or a rule no address; the application must not start."""


@dataclass(frozen=True, slots=True)
class _Ruled:
    address: str
    pattern: re.Pattern[str]
    methods: frozenset[str] | None
    """None: any, below a mounted folder."""
    rule: Rule


def rule_routes(routes: Iterable[BaseRoute]) -> tuple[_Ruled, ...]:
    """Every route with its rules, in the order in which the router looks at them.

    Raises:
        UnruledRouteError: A route and the table do not agree.
    """
    ruled: list[_Ruled] = []
    for route in iter_route_contexts(list(routes)):
        path = route.path or ""
        if isinstance(route.original_route, Mount):
            addresses, methods = [f"ANY {path}"], None
            path += "/{path:path}"
        else:
            methods = frozenset(route.methods or ())
            addresses = [f"{method} {path}" for method in sorted(methods)]
        for address in addresses:
            if address not in RULES:
                raise UnruledRouteError(f"{address} is not in inference.access.roles.RULES")
            only = methods and frozenset({address.split(" ")[0]})
            ruled.append(_Ruled(address, compile_path(path)[0], only, RULES[address]))
    if unused := RULES.keys() - {each.address for each in ruled}:
        raise UnruledRouteError(f"no route has the addresses {sorted(unused)} of RULES")
    return tuple(ruled)


def note(request: Request, target: str, detail: str = "") -> None:
    """Say what exactly an audited call does: of what, and how. Its row in the audit log gets it."""
    request.state.act_target, request.state.act_detail = target, detail


async def begin(request: Request) -> None:
    """Put an audited call on record as begun, with what ``note`` said of it, before it does anything.

    Raises:
        StoreUnavailableError: It cannot be recorded, and must not be done.
    """
    await request.state.begin_act()


async def cleared(request: Request) -> Principal | None:
    """Of every route: nothing is served that did not pass the gate."""
    if not hasattr(request.state, "principal"):
        raise UnruledRouteError(f"{request.method} {request.url.path} passed no gate")
    found: Principal | None = request.state.principal
    return found


async def _caller(request: Request) -> Principal:
    found = await cleared(request)
    if found is None:
        raise ApiError(ErrorCode.UNAUTHENTICATED, "this address does not ask who calls")
    return found


Caller = Annotated[Principal, Depends(_caller)]
"""Who calls: ``caller.name`` and ``caller.role``; ``caller.is_known`` is false where access is open."""


class AccessMiddleware:
    """Nobody's body is read before it is known who sends it."""

    def __init__(self, app: ASGIApp, ruled: tuple[_Ruled, ...]) -> None:
        self._app = app
        self._ruled = ruled

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        match = self._find(scope["method"], scope["path"])
        if match is None:  # the router has no such address
            await self._app(scope, receive, send)
            return
        state = scope["state"]
        found, named = match
        rule = found.rule
        if rule.public:
            state["principal"] = None
            await self._app(scope, receive, send)
            return
        gate: Gate = state["services"].gate
        headers, address = Headers(scope=scope), address_of(scope)
        try:
            principal = await gate.identify(scope, headers, address, rule)
            await gate.admit(principal, rule, address, scope["method"], scope["path"], headers)
            if "line_id" in named:
                what = f"{scope['method']} {scope['path']}"
                await gate.require_line(principal, named["line_id"], address, what)
        except (ApiError, StoreUnavailableError) as error:
            await self._refuse(error, scope, headers)(scope, receive, send)
            return
        state["principal"] = principal
        if not rule.audited:
            await self._app(scope, receive, send)
            return
        await _on_record(self._app, gate, principal, found.address)(scope, receive, send)

    def _find(self, method: str, path: str) -> tuple[_Ruled, dict[str, str]] | None:
        """The first route of an address, and what it names there."""
        for each in self._ruled:
            if each.methods is None or method in each.methods:
                match = each.pattern.match(path)
                if match is not None:
                    return each, match.groupdict()
        return None

    @staticmethod
    def _refuse(
        error: ApiError | StoreUnavailableError, scope: Scope, headers: Headers
    ) -> Response:
        request = Request(scope)
        if isinstance(error, StoreUnavailableError):
            return unavailable(request, error)
        if error.code is ErrorCode.UNAUTHENTICATED and _is_page(request, headers):
            request.state.error_code = error.code.value
            here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(f"/login?next={quote(here, safe='/')}", status_code=303)
        reply = answer(request, error)
        if error.code is ErrorCode.UNAUTHENTICATED:
            reply.headers["WWW-Authenticate"] = 'Bearer realm="regrade"'
        return reply


def address_of(scope: Scope) -> str:
    """Where a request comes from."""
    client = scope.get("client")
    return client[0] if client else "unknown"


def _on_record(app: ASGIApp, gate: Gate, principal: Principal, address: str) -> ASGIApp:
    """Put on record what came of an act before its reply goes out, and where it says so, its beginning.

    Where an act was done and its end cannot be recorded, the reply says all the same what came of
    it: nobody is told to do again what is done.
    """

    async def recorded(scope: Scope, receive: Receive, send: Send) -> None:
        state = scope["state"]
        act_id: str | None = None
        ended = False

        async def record(outcome: ActOutcome, detail: str = "") -> None:
            await gate.record(
                Act(
                    principal.name,
                    address_of(scope),
                    address,
                    state.get("act_target", scope["path"]),
                    outcome,
                    principal.role,
                    state.get("act_detail", "") or detail,
                    act_id,
                )
            )

        async def record_begin() -> None:
            nonlocal act_id
            act_id = uuid.uuid4().hex
            gate.under_way.add(act_id)
            await record(ActOutcome.BEGUN)

        async def record_end(status: int) -> None:
            nonlocal ended
            ended = True
            outcome = ActOutcome.DONE if status < 400 else ActOutcome.FAILED
            try:
                await record(outcome, "" if outcome is ActOutcome.DONE else str(status))
            except StoreUnavailableError as error:
                log.error(  # noqa: TRY400 - the reply tells the rest
                    "act_end_not_recorded",
                    act=address,
                    by=principal.name,
                    outcome=outcome.value,
                    error=str(error),
                )

        async def recording(message: Message) -> None:
            if message["type"] == "http.response.start":
                await record_end(message["status"])
            await send(message)

        state["begin_act"] = record_begin
        try:
            await app(scope, receive, recording)
        except Exception:
            if not ended:
                await record_end(500)
            raise
        finally:
            gate.under_way.discard(act_id or "")

    return recorded


def _is_page(request: Request, headers: Headers) -> bool:
    api = request.url.path.startswith(("/v1/", "/v2/", "/metrics"))
    return request.method == "GET" and "text/html" in headers.get("accept", "") and not api
