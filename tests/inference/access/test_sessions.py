"""Logging in and out, what a session may do, and what other sites may not do with it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from argon2 import PasswordHasher

from inference.access import audit, ledger, passwords
from inference.access.ledger import LedgerError
from inference.access.passwords import PasswordError
from inference.access.rates import Rate
from inference.access.roles import Role
from inference.access.settings import AccessSettings
from inference.access.tables import sessions
from inference.store import NewGrading
from tests.inference.access.conftest import ORIGIN, PASSWORD, Guarded
from tests.inference.inference_factories import facts, verdict

COOKIE = "regrade_session_80"  # after the port that the test client calls
ANSWER = {"override_id": "o-1", "grade": "new"}


def graded(guarded: Guarded, item_id: str = "R-1") -> str:
    guarded.store.add_gradings([NewGrading(verdict(item_id), facts(item_id), "print")])
    return f"/v1/items/{item_id}/overrides"


def acts(guarded: Guarded) -> list[tuple[str, str, str]]:
    found = reversed(audit.newest(guarded.store, limit=100))
    return [(each.actor, each.act, each.outcome.value) for each in found]


def attempt(guarded: Guarded, name: str, password: str = "wrong") -> int:
    reply = guarded.client.post(
        "/login", data={"name": name, "password": password}, headers=ORIGIN, follow_redirects=False
    )
    return reply.status_code


def test_a_page_leads_to_the_log_in_and_back(guarded: Guarded) -> None:
    guarded.user("anna")
    html = {"Accept": "text/html"}
    reply = guarded.client.get("/review?item=R-1", headers=html, follow_redirects=False)
    assert reply.status_code == 303
    to = reply.headers["location"]
    assert to == "/login?next=/review%3Fitem%3DR-1"
    assert 'value="/review?item=R-1"' in guarded.client.get(to).text
    done = guarded.client.post(
        "/login",
        data={"name": "anna", "password": PASSWORD, "next": "/review?item=R-1"},
        headers=ORIGIN,
        follow_redirects=False,
    )
    assert (done.status_code, done.headers["location"]) == (303, "/review?item=R-1")
    cookie = done.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert guarded.client.get("/review", headers=html).status_code == 200


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example", "//evil.example", "/\\evil.example", "/a\tb", "javascript:x"],
)
def test_a_log_in_never_leads_to_another_site(guarded: Guarded, elsewhere: str) -> None:
    guarded.user("anna")
    done = guarded.client.post(
        "/login",
        data={"name": "anna", "password": PASSWORD, "next": elsewhere},
        headers=ORIGIN,
        follow_redirects=False,
    )
    assert done.headers["location"] == "/line"


def test_an_answer_is_recorded_under_the_name_of_who_is_logged_in(guarded: Guarded) -> None:
    guarded.user("anna")
    address = graded(guarded)
    change = guarded.log_in("anna")
    reply = guarded.client.post(address, json=ANSWER, headers=change)
    assert (reply.status_code, reply.json()["operator"]) == (201, "anna")
    again = guarded.client.post(address, json={**ANSWER, "operator": "anna"}, headers=change)
    assert again.json() == reply.json(), "a repeat is one answer"
    other = guarded.client.post(
        address, json={"override_id": "o-2", "grade": "new", "operator": "Ben"}, headers=change
    )
    assert other.json()["error"]["code"] == "invalid_field"


@pytest.mark.parametrize(
    "spoilt",
    [
        {"Origin": "http://evil.example"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"X-CSRF-Token": ""},
        {"X-CSRF-Token": "0" * 64},
        {"X-CSRF-Token": "\u00e9"},
    ],
    ids=str,
)
def test_a_change_needs_the_page_and_its_token(guarded: Guarded, spoilt: dict[str, str]) -> None:
    guarded.user("anna")
    address = graded(guarded)
    change = guarded.log_in("anna")
    headers = [(name.encode(), text.encode("latin-1")) for name, text in (change | spoilt).items()]
    reply = guarded.client.post(address, json=ANSWER, headers=headers)
    assert reply.json()["error"]["code"] == "cross_site_request"
    assert guarded.client.post(address, json=ANSWER, headers=change).status_code == 201


def test_another_site_cannot_log_somebody_in(guarded: Guarded) -> None:
    guarded.user("anna")
    for headers in ({}, {"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        reply = guarded.client.post(
            "/login", data={"name": "anna", "password": PASSWORD}, headers=headers
        )
        assert reply.status_code == 403


def cookie_of(guarded: Guarded) -> dict[str, str]:
    """The session as a header, for whoever has copied the cookie."""
    return {"Cookie": f"{COOKIE}={guarded.client.cookies[COOKIE]}"}


def test_logging_in_ends_the_session_before_and_logging_out_ends_this_one(
    guarded: Guarded,
) -> None:
    guarded.user("anna")
    guarded.user("ben")
    guarded.log_in("anna")
    annas = cookie_of(guarded)
    change = guarded.log_in("ben")
    bens = cookie_of(guarded)
    assert guarded.client.post("/logout", headers=change).status_code == 204
    guarded.client.cookies.clear()
    for headers in (annas, bens):
        assert guarded.client.get("/v1/me", headers=headers).status_code == 401
    assert ("ben", "log out", "done") in acts(guarded)


def test_a_cookie_from_before_the_log_in_is_worth_nothing_after_it(guarded: Guarded) -> None:
    guarded.user("anna")
    planted = {"Cookie": f"{COOKIE}=chosen-by-an-attacker"}
    guarded.log_in("anna", **planted)
    with guarded.store.reading() as connection:
        (row,) = connection.execute(sessions.select()).all()
    assert guarded.client.cookies[COOKIE] not in str(row), "only its hash is kept"
    guarded.client.cookies.clear()
    assert guarded.client.get("/v1/me", headers=planted).status_code == 401


def test_a_session_outlives_a_restart_and_not_its_time(guard: Callable[..., Guarded]) -> None:
    first = guard()
    first.user("anna")
    first.log_in("anna")
    session = cookie_of(first)

    def status(**settings: timedelta) -> int:
        return guard(**settings).client.get("/v1/me", headers=session).status_code

    assert status() == 200
    assert status(absolute=timedelta(0)) == 401
    assert status(idle=timedelta(0)) == 401


def test_what_a_page_asks_by_itself_keeps_no_session_alive(guard: Callable[..., Guarded]) -> None:
    guarded = guard(idle=timedelta(seconds=1.5))
    guarded.user("anna")
    guarded.log_in("anna")
    limit = time.monotonic() + 20
    while guarded.client.get("/v1/me").status_code == 200:
        assert time.monotonic() < limit
        time.sleep(0.1)


@pytest.mark.parametrize("how", ["disabled", "password"])
def test_sessions_end_with_what_they_rest_on(guarded: Guarded, how: str) -> None:
    guarded.user("boss", Role.ADMIN)
    guarded.user("anna")
    guarded.log_in("anna")
    if how == "disabled":
        ledger.set_disabled(guarded.store, "anna", "test", disabled=True)
    else:
        ledger.set_password(guarded.store, "anna", "quite another one", "test")
    limit = time.monotonic() + 20
    while guarded.client.get("/v1/me").status_code == 200:
        assert time.monotonic() < limit
    assert attempt(guarded, "anna", PASSWORD) == 401


def test_a_role_changes_at_once(guarded: Guarded) -> None:
    guarded.user("boss", Role.ADMIN)
    guarded.user("anna", Role.ADMIN)
    guarded.log_in("anna")
    assert guarded.client.get("/v1/audit").status_code == 200
    ledger.set_role(guarded.store, "anna", Role.OPERATOR, "test")
    limit = time.monotonic() + 20
    while guarded.client.get("/v1/audit").status_code == 200:
        assert time.monotonic() < limit
    assert guarded.client.get("/v1/audit").status_code == 403


def test_a_badge_logs_its_wearer_in_and_the_one_before_it_no_more(guarded: Guarded) -> None:
    guarded.user("anna")
    old = ledger.add_badge(guarded.store, "anna", "test").text
    new = ledger.add_badge(guarded.store, "anna", "test").text

    def scan(badge: str) -> int:
        return guarded.client.post(
            "/login", data={"badge": badge}, headers=ORIGIN, follow_redirects=False
        ).status_code

    assert scan(old) == 401
    assert scan(new) == 303
    assert guarded.client.get("/v1/me").json()["name"] == "anna"
    assert ("badge", "log in", "refused") in acts(guarded)


def test_guessing_is_limited_by_name_and_by_address(guard: Callable[..., Guarded]) -> None:
    guarded = guard(log_ins_by_name=Rate(2, 600.0), log_ins_by_address=Rate(6, 600.0))
    guarded.user("anna")
    guarded.user("ben")
    assert attempt(guarded, "ben", PASSWORD) == 303, "a right password is not counted"
    assert [attempt(guarded, name) for name in ("anna", "ANNA", "anna")] == [401, 401, 429]
    assert attempt(guarded, "anna", PASSWORD) == 429, "not even the right one, for now"
    assert attempt(guarded, "ben", PASSWORD) == 303
    assert [attempt(guarded, f"x{n}") for n in range(3)] == [401, 401, 429]
    reply = guarded.client.post("/login", data={"name": "ben"}, headers=ORIGIN)
    assert reply.status_code == 429
    assert int(reply.headers["retry-after"]) > 1


def test_a_wrong_password_and_a_wrong_name_get_the_same_answer(guarded: Guarded) -> None:
    guarded.user("anna")

    def said(name: str) -> str:
        reply = guarded.client.post(
            "/login", data={"name": name, "password": "wrong"}, headers=ORIGIN
        )
        return reply.text.replace(name, "")

    assert said("anna") == said("nora")
    assert acts(guarded)[-2:] == [("anna", "log in", "refused"), ("unknown", "log in", "refused")]


def test_a_password_in_the_field_of_the_name_is_not_kept(guarded: Guarded) -> None:
    guarded.user("boss", Role.ADMIN)
    guarded.user("ben")
    ledger.set_disabled(guarded.store, "ben", "test", disabled=True)
    for name in (PASSWORD, "", "Anna"):
        assert attempt(guarded, name) == 401
    assert attempt(guarded, "ben", PASSWORD) == 401
    newest = audit.newest(guarded.store, limit=4)
    assert [(each.actor, each.detail) for each in newest] == [
        ("ben", ""),
        ("unknown", "by a name that nobody has"),
        ("unknown", "by no name"),
        ("unknown", "by a name that nobody has"),
    ]
    assert PASSWORD not in "".join(each.model_dump_json() for each in newest)


def test_two_servers_of_one_host_do_not_log_each_other_out(guarded: Guarded) -> None:
    """A browser sends the cookies of a host to every port of it."""
    guarded.user("anna")
    client = guarded.client
    secrets = []
    for port in (8001, 8002):
        origin = f"http://testserver:{port}"
        reply = client.post(
            f"{origin}/login",
            data={"name": "anna", "password": PASSWORD},
            headers={"Origin": origin},
            follow_redirects=False,
        )
        assert reply.status_code == 303
        secrets.append(client.cookies[f"regrade_session_{port}"])
    assert secrets[0] != secrets[1]
    both = {"Cookie": f"regrade_session_8001={secrets[0]}; regrade_session_8002={secrets[1]}"}
    client.cookies.clear()
    for port in (8001, 8002):
        me = client.get(f"http://testserver:{port}/v1/me", headers=both)
        assert me.json()["name"] == "anna"
    me = client.get("http://testserver:8003/v1/me", headers=both)
    assert me.status_code == 401, "no session of this server"


@pytest.mark.parametrize(
    "body", [b"x" * 5000, b"name=%ff%fe&password=x", b"&".join([b"a=b"] * 20), b"\xff\xfe", b""]
)
def test_any_form_gets_an_answer(guarded: Guarded, body: bytes) -> None:
    headers = ORIGIN | {"Content-Type": "application/x-www-form-urlencoded"}
    assert guarded.client.post("/login", content=body, headers=headers).status_code < 500
    assert guarded.client.post("/login", content=body, headers=ORIGIN).status_code == 415


def test_the_last_administrator_stays(guarded: Guarded) -> None:
    guarded.user("boss", Role.ADMIN)
    with pytest.raises(LedgerError, match="no administrator would be left"):
        ledger.set_disabled(guarded.store, "boss", "test", disabled=True)
    with pytest.raises(LedgerError, match="no administrator would be left"):
        ledger.set_role(guarded.store, "boss", Role.OPERATOR, "test")
    with pytest.raises(LedgerError, match="a line is no person"):
        ledger.set_role(guarded.store, "boss", Role.LINE, "test")


@pytest.mark.parametrize("password", ["short", "x" * 257, "Chidi-123456"])
def test_a_weak_password_is_refused(guarded: Guarded, password: str) -> None:
    with pytest.raises(PasswordError):
        ledger.add_user(guarded.store, "chidi", Role.OPERATOR, password, "test")


def test_a_password_gets_the_hash_of_now_when_its_owner_logs_in(
    guarded: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    weaker = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1)
    with monkeypatch.context() as before:
        before.setattr(passwords, "_HASHER", weaker)
        guarded.user("anna")
    absolute = AccessSettings().absolute
    old = ledger.load(guarded.store, absolute).users["anna"].password
    assert "m=8192" in old
    guarded.log_in("anna")
    new = ledger.load(guarded.store, absolute).users["anna"].password
    assert "m=47104" in new
    assert passwords.is_right(new, PASSWORD)
    guarded.log_in("anna")
    assert ledger.load(guarded.store, absolute).users["anna"].password == new
    refused = guarded.client.post(
        "/login", data={"name": "anna", "password": PASSWORD + "?"}, headers=ORIGIN
    )
    assert refused.status_code == 401


def test_who_is_unknown_is_verified_as_long_as_who_is_known() -> None:
    assert not passwords._HASHER.check_needs_rehash(passwords._NOBODY)
    assert not passwords.is_right(None, "nobody has this password")
