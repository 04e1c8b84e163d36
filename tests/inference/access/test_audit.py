"""Every privileged act is on record with its outcome, and nobody can fill the record."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import pytest
from fastapi.routing import iter_route_contexts
from sqlalchemy import text
from starlette.requests import Request
from starlette.responses import Response
from starlette.testclient import TestClient

from inference.access import audit, ledger, middleware
from inference.access.audit import Act, ActOutcome
from inference.access.first_start import ensure_admin
from inference.access.middleware import begin, note
from inference.access.passwords import is_right
from inference.access.people import Means, Principal
from inference.access.rates import Rate
from inference.access.roles import Role
from inference.access.settings import AccessSettings
from inference.store import Store
from tests.inference.access.conftest import Guarded

LOAD = "/v2/repository/models/fake/load"


def test_an_audited_call_is_recorded_with_who_and_what_and_its_outcome(guarded: Guarded) -> None:
    assert guarded.client.post(LOAD, headers=guarded.key(Role.ENGINEER)).status_code == 501
    newest = audit.newest(guarded.store, limit=1)[0]
    assert (newest.actor, newest.role, newest.origin) == ("a-engineer", Role.ENGINEER, "testclient")
    assert newest.act == "POST /v2/repository/models/{model_name}/{action}"
    assert (newest.target, newest.outcome, newest.detail) == (LOAD, ActOutcome.FAILED, "501")


def test_a_route_can_say_of_what_and_how(guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    for wanted, fault in ((ActOutcome.DONE, None), (ActOutcome.FAILED, RuntimeError("broken"))):
        monkeypatch.undo()
        key = guarded.key(Role.ENGINEER, f"tester-{wanted}")
        _patch_loading(guarded.client, monkeypatch, fault)
        reply = guarded.client.post(LOAD, headers=key)
        assert reply.headers["x-content-type-options"] == "nosniff"
        newest = audit.newest(guarded.store, limit=1)[0]
        assert (newest.actor, newest.target) == (f"tester-{wanted}", "line-1")
        assert (newest.detail, newest.outcome) == ("start", wanted)


def _patch_loading(
    client: TestClient,
    monkeypatch: pytest.MonkeyPatch,
    fault: Exception | None,
    does: Callable[[], None] = lambda: None,
) -> None:
    """Put another endpoint in the place of an audited one."""

    async def noting(request: Request) -> None:
        note(request, "line-1", "start")
        await begin(request)
        await asyncio.to_thread(does)
        if fault is not None:
            raise fault

    routes = iter_route_contexts(client.app.routes)  # type: ignore[attr-defined]
    route = next(each for each in routes if each.path and each.path.endswith("{action}"))

    async def handle(scope: dict, receive: object, send: object) -> None:  # type: ignore[type-arg]
        await noting(Request(scope))
        await Response(status_code=204)(scope, receive, send)  # type: ignore[arg-type]

    monkeypatch.setattr(route.original_route, "handle", handle)


def lose_the_log(guarded: Guarded) -> None:
    with guarded.store.writing() as connection:
        connection.execute(text("ALTER TABLE audit RENAME TO audit_away"))


def test_what_cannot_be_recorded_is_not_done(
    guarded: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = guarded.key(Role.ADMIN)
    assert guarded.client.get("/v1/me", headers=key).status_code == 200
    _patch_loading(guarded.client, monkeypatch, RuntimeError("it was begun"))
    lose_the_log(guarded)
    reply = guarded.client.post(LOAD, headers=key)
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "1")


def test_what_was_done_is_said_to_be_done_where_its_end_cannot_be_recorded(
    guarded: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = guarded.key(Role.ADMIN)
    _patch_loading(guarded.client, monkeypatch, None, lambda: lose_the_log(guarded))
    assert guarded.client.post(LOAD, headers=key).status_code == 204
    with guarded.store.writing() as connection:
        connection.execute(text("ALTER TABLE audit_away RENAME TO audit"))
    newest = audit.newest(guarded.store, limit=1)[0]
    assert (newest.actor, newest.outcome, newest.target) == ("a-admin", ActOutcome.BEGUN, "line-1")


async def test_an_act_that_is_cut_off_is_on_record_as_begun() -> None:
    """As when the server ends while a model is loaded."""
    begun, recorded = asyncio.Event(), []

    class FakeGate:
        under_way: ClassVar[set[str]] = set()

        async def record(self, act: Act) -> None:
            recorded.append(act)

    async def endless(scope: Any, *_: object) -> None:
        await scope["state"]["begin_act"]()
        begun.set()
        await asyncio.sleep(3600)

    eva = Principal("eva", Role.ENGINEER, Means.KEY)
    scope = {"type": "http", "path": LOAD, "client": ("127.0.0.1", 1), "state": {}}
    act = middleware._on_record(endless, FakeGate(), eva, "POST x")  # type: ignore[arg-type]
    task: asyncio.Future[None] = asyncio.ensure_future(act(scope, None, None))  # type: ignore[arg-type]
    await begun.wait()
    assert {each.act_id for each in recorded} == FakeGate.under_way
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert set() == FakeGate.under_way
    assert [(each.actor, each.target, each.outcome) for each in recorded] == [
        ("eva", LOAD, ActOutcome.BEGUN)
    ]


def ends(guarded: Guarded, key: dict[str, str]) -> list[tuple[str, str, str | None]]:
    """Target, outcome and end of the newest acts, as an administrator reads them."""
    page = guarded.client.get("/v1/audit?limit=4", headers=key).json()
    return [(each["target"], each["outcome"], each["end"]) for each in page["entries"]]


def test_an_act_whose_end_was_lost_is_marked(guarded: Guarded) -> None:
    """The server was killed between its two rows."""
    key = guarded.key(Role.ADMIN)
    for number, outcome in ((1, ActOutcome.BEGUN), (2, ActOutcome.BEGUN), (2, ActOutcome.DONE)):
        act_id = f"{number}" * 32
        act = Act("eva", "here", "POST /x", f"act {number}", outcome, act_id=act_id)
        audit.add_alone(guarded.store, act)
    audit.add_alone(guarded.store, Act("eva", "here", "POST /x", "of old", ActOutcome.BEGUN))
    assert ends(guarded, key) == [
        ("of old", "begun", None),
        ("act 2", "done", None),
        ("act 2", "begun", "on_record"),
        ("act 1", "begun", "missing"),
    ]
    shown = guarded.client.get("/audit", headers=key).text
    assert shown.count("cut off") == 1
    row = shown[: shown.index("act 1")].rpartition("<tr")[2]
    assert "cut off" in row
    with guarded.store.reading():
        assert [each.end for each in audit.after(guarded.store, 0)][-4] == "missing"


def test_an_act_that_is_under_way_is_not_taken_for_a_lost_one(
    guarded: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = guarded.key(Role.ADMIN)
    seen: list[list[tuple[str, str, str | None]]] = []
    begun, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        assert go_on.wait(30)

    _patch_loading(guarded.client, monkeypatch, None, wait)
    with ThreadPoolExecutor() as pool:
        loading = pool.submit(guarded.client.post, LOAD, headers=key)
        assert begun.wait(30)
        seen.append(ends(guarded, key)[:1])
        assert "begun, under way" in guarded.client.get("/audit", headers=key).text
        go_on.set()
        assert loading.result(30).status_code == 204
    seen.append(ends(guarded, key)[:2])
    assert seen == [
        [("line-1", "begun", "under_way")],
        [("line-1", "done", None), ("line-1", "begun", "on_record")],
    ]


def test_refused_acts_are_recorded_but_cannot_fill_the_log(guard: Callable[..., Guarded]) -> None:
    guarded = guard(refusals=Rate(3, 600.0))
    key = guarded.key(Role.LINE)
    for _ in range(6):
        assert guarded.client.get("/v1/audit", headers=key).status_code == 403
    recorded = [each for each in audit.newest(guarded.store, limit=50) if each.act == "refused"]
    assert [(each.actor, each.target) for each in recorded] == 3 * [("a-line", "GET /v1/audit")]


def test_acts_are_limited_in_rate(guard: Callable[..., Guarded]) -> None:
    guarded = guard(acts=Rate(2, 600.0))
    key = guarded.key(Role.ENGINEER)
    codes = [guarded.client.post(LOAD, headers=key).status_code for _ in range(3)]
    assert codes == [501, 501, 429]


def test_an_administrator_pages_through_the_log(guarded: Guarded) -> None:
    key = guarded.key(Role.ADMIN)
    for number in range(5):
        audit.add_alone(guarded.store, Act("x", "here", "act", f"{number}"))
    seen: list[str] = []
    query = "?limit=4"
    while query:
        page = guarded.client.get(f"/v1/audit{query}", headers=key).json()
        seen += [each["target"] for each in page["entries"]]
        query = f"?limit=4&before={page['next_before']}" if page["next_before"] else ""
    assert seen[:5] == ["4", "3", "2", "1", "0"]
    shown = guarded.client.get("/audit", headers=key)
    assert "add key" in shown.text


def test_the_page_of_the_log_turns_to_older_acts_and_back(guarded: Guarded) -> None:
    key = guarded.key(Role.ADMIN)
    for number in range(120):
        audit.add_alone(guarded.store, Act("x", "here", "act", f"act {number}."))
    newest = guarded.client.get("/audit", headers=key).text
    assert "act 119." in newest
    assert "act 0." not in newest
    assert "Newest" not in newest
    (older,) = re.findall(r'href="(/audit\?before=\d+)"', newest)
    last = guarded.client.get(older, headers=key).text
    assert "act 0." in last
    assert 'href="/audit">Newest' in last
    assert "before=" not in last
    beyond = guarded.client.get("/audit?before=1", headers=key).text
    assert "Nothing was done before that." in beyond


def test_text_of_others_is_no_markup_and_no_second_line(guarded: Guarded) -> None:
    key = guarded.key(Role.ADMIN)
    evil = "<script>\nadmin\x00" + "x" * 3000 + "\ud800"
    audit.add_alone(guarded.store, Act(evil, evil, evil, evil, detail=evil))
    newest = audit.newest(guarded.store, limit=1)[0]
    assert len(newest.actor) <= 80
    assert "\n" not in newest.actor
    assert "<script>\n" not in guarded.client.get("/audit", headers=key).text


def test_the_store_keeps_people_keys_and_acts(store: Store) -> None:
    """Over both databases."""
    ledger.add_first_admin(store, "admin", "twelve or more")
    assert not ledger.add_first_admin(store, "other", "twelve or more")
    ledger.add_user(store, "Zoë", Role.OPERATOR, "twelve or more", "test")
    key = ledger.add_key(store, "line-1", Role.LINE, "test")
    badge = ledger.add_badge(store, "Zoë", "test")
    absolute = AccessSettings().absolute
    known = ledger.load(store, absolute)
    assert set(known.users) == {"admin", "Zoë"}
    assert set(known.tokens) == {key.token_id, badge.token_id}
    user = known.users["Zoë"]
    act = Act("Zoë", "here", "log in", "Zoë")
    ledger.begin_session(store, "d" * 64, user, act, None, absolute)
    ledger.begin_session(store, "e" * 64, user, act, "d" * 64, absolute)
    assert set(ledger.load(store, absolute).sessions) == {"e" * 64}
    ledger.touch_sessions(store, [("e" * 64, user.created_at)])
    assert ledger.load(store, absolute).sessions["e" * 64].seen_at == user.created_at
    ledger.set_disabled(store, "Zoë", "test", disabled=True)
    ledger.revoke_key(store, "line-1", "test")
    known = ledger.load(store, absolute)
    assert (known.tokens, known.sessions) == ({}, {})
    assert known.users["Zoë"].disabled_at is not None
    ledger.add_key(store, "line-1", Role.LINE, "test")
    entries = audit.after(store, 0)
    assert [each.act for each in entries][:3] == ["add user", "add user", "add key"]
    assert audit.after(store, entries[-1].seq) == []
    assert [each.seq for each in audit.newest(store, limit=2)] == [entries[-1].seq, entries[-2].seq]


def test_the_first_password_is_for_the_server_s_user_alone(store: Store, tmp_path: Path) -> None:
    path = ensure_admin(store, tmp_path)
    assert path is not None
    assert path.stat().st_mode & 0o777 == 0o600
    admin = ledger.load(store, AccessSettings().absolute).users["admin"]
    assert is_right(admin.password, path.read_text().strip())
    assert ensure_admin(store, tmp_path) is None
