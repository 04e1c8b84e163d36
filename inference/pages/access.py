"""Pages of access: log in, log out, and the audit log."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from inference.access.gate import cookie_name, require_same_origin, session_cookie
from inference.access.log_in import Credentials
from inference.access.middleware import Caller, address_of
from inference.errors import ApiError, ErrorCode
from inference.pages.contexts import AuditPage, LoginPage
from inference.pages.render import page
from inference.routes.access import Before, read_audit
from inference.services import Parts

router = APIRouter(include_in_schema=False)
_MAX_FORM_BYTES: Final = 4096
_PAGE: Final = 100


@router.get("/login")
async def login(
    request: Request,
    parts: Parts,
    next: str = "/line",  # noqa: A002 - name of the parameter
) -> HTMLResponse:
    """Where people say who they are."""
    nobody = not parts.gate.knows(request.scope)
    return page(LoginPage(nav="", problem="", name="", next=_local(next), nobody=nobody))


@router.post("/login")
async def log_in(request: Request, parts: Parts) -> Response:
    """Begin a session."""
    require_same_origin(request.headers)
    form = await _form(request)
    given = Credentials(
        name=form.get("name", "").strip()[:80],
        password=form.get("password", ""),
        badge="".join(form.get("badge", "").split()),
    )
    to = _local(form.get("next", ""))
    try:
        secret = await parts.log_ins.log_in(
            given, address_of(request.scope), session_cookie(request.scope)
        )
    except ApiError as error:
        request.state.error_code = error.code.value
        nobody = not parts.gate.knows(request.scope)
        reply = page(
            LoginPage(nav="", problem=error.message, name=given.name, next=to, nobody=nobody),
            status=error.kind.status,
        )
        if error.kind.retry:
            reply.headers["Retry-After"] = str(error.retry_after_s)
        return reply
    reply_to = RedirectResponse(to, status_code=303)
    reply_to.set_cookie(
        cookie_name(request.scope),
        secret,
        max_age=int(parts.settings.access.absolute.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return reply_to


@router.post("/logout", status_code=204)
async def log_out(request: Request, caller: Caller, parts: Parts) -> Response:
    """End the session of this browser."""
    secret = session_cookie(request.scope)
    if secret is not None and caller.csrf_token is not None:
        await parts.log_ins.log_out(caller, secret, address_of(request.scope))
    reply = Response(status_code=204)
    reply.delete_cookie(cookie_name(request.scope), httponly=True, samesite="lax")
    return reply


@router.get("/audit")
async def audit_page(parts: Parts, before: Before = None) -> HTMLResponse:
    """Who did what."""
    found = await read_audit(parts, _PAGE, before)
    shown = AuditPage(
        nav="audit",
        entries=found.entries,
        next_before=found.next_before,
        is_older=before is not None,
    )
    return page(shown)


async def _form(request: Request) -> dict[str, str]:
    """Fields of a small form; the last of those that are there twice."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise ApiError(ErrorCode.WRONG_CONTENT_TYPE, "send the form of /login")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_FORM_BYTES:
            raise ApiError(ErrorCode.BODY_TOO_LARGE, "the form is over 4096 bytes")
    try:
        found = parse_qs(body.decode("utf-8"), max_num_fields=8)
    except ValueError as error:
        raise ApiError(ErrorCode.INVALID_FIELD, "the form cannot be read") from error
    return {name: values[-1] for name, values in found.items()}


def _local(address: str) -> str:
    """An address of this server: what a link says must not lead elsewhere after a log-in."""
    safe = address.startswith("/") and not address.startswith(("//", "/\\"))
    return address if safe and address.isprintable() and "\\" not in address else "/line"
