"""The table of roles is complete, is what the server does, and is what the documents say."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from inference.access.middleware import UnruledRouteError, rule_routes
from inference.access.roles import RULES, Role, Rule, matrix
from tests.inference.access.conftest import Guarded
from tests.inference.conftest import ClientFactory
from tests.inference.inference_factories import picture

ROOT = Path(__file__).parents[3]
_ENDLESS = "GET /v1/lines/{line_id}/events"


def address_of(rule: str) -> tuple[str, str]:
    """Method and an address of such a route."""
    method, path = rule.split(" ")
    if method == "ANY":
        return "GET", f"{path}/style.css"
    path = path.replace("{sha256}", "0" * 64).replace("{action}", "load")
    return method, re.sub(r"{\w+}", "x", path)


def test_a_route_without_a_rule_keeps_the_server_from_starting(client: TestClient) -> None:
    app = client.app
    assert isinstance(app, FastAPI)
    rule_routes(app.routes)

    @app.post("/v1/forgotten")
    def forgotten() -> None:
        """Nobody said who may call this."""

    with pytest.raises(UnruledRouteError, match="POST /v1/forgotten"):
        rule_routes(app.routes)


def test_a_rule_without_a_route_is_found(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RULES, "GET /v1/gone", Rule(frozenset(Role)))
    assert isinstance(client.app, FastAPI)
    with pytest.raises(UnruledRouteError, match="GET /v1/gone"):
        rule_routes(client.app.routes)


def test_who_is_not_known_gets_what_is_public_and_nothing_else(guarded: Guarded) -> None:
    for rule, allowed in RULES.items():
        method, address = address_of(rule)
        reply = guarded.client.request(method, address, follow_redirects=False)
        if allowed.public:
            assert reply.status_code not in (401, 500), rule
        else:
            assert reply.status_code == 401, rule
            assert reply.headers["www-authenticate"].startswith("Bearer")
            assert "default-src 'none'" in reply.headers["content-security-policy"]


def test_each_role_may_do_what_the_table_says(guarded: Guarded) -> None:
    for role in Role:
        key = guarded.key(role)
        for rule, allowed in RULES.items():
            if rule == _ENDLESS or allowed.public:
                continue
            method, address = address_of(rule)
            reply = guarded.client.request(method, address, headers=key, follow_redirects=False)
            code = reply.json().get("error") if reply.status_code == 403 else None
            assert (reply.status_code == 403) == (role not in allowed.roles), (role, rule, code)
            assert reply.status_code not in (401, 500), (role, rule)


def test_a_line_can_neither_answer_nor_look_at_what_other_lines_saw() -> None:
    """The parts of the table that an attacker with the key of a line would want."""
    refused = (
        "POST /v1/items/{item_id}/overrides",
        "GET /v1/items/{item_id}",
        "GET /v1/images/{sha256}",
        "GET /v1/audit",
        "POST /v2/repository/models/{model_name}/{action}",
    )
    assert all(Role.LINE not in RULES[rule].roles for rule in refused)
    assert RULES["POST /v1/outcomes"].roles == {Role.LINE}


def test_the_documented_matrix_is_the_table() -> None:
    assert matrix() in (ROOT / "docs" / "security.md").read_text("utf-8")


def test_openapi_says_who_may_call(client: TestClient) -> None:
    document: dict[str, Any] = client.get("/openapi.json").json()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            rule = RULES[f"{method.upper()} {path}"]
            assert bool(operation["security"]) != rule.public, path
            assert ("401" in operation["responses"]) != rule.public, path
            assert rule.public or "Roles: " in operation["description"], path


@pytest.mark.parametrize("path", ["/v1/grade", "/v1/outcomes", "/v2/models/fake/infer"])
def test_a_stranger_is_refused_before_the_body_is_parsed(guarded: Guarded, path: str) -> None:
    reply = guarded.client.post(path, content=b"{", headers={"Content-Type": "application/json"})
    assert reply.status_code == 401


def test_a_line_grades_with_its_key_either_way(guarded: Guarded) -> None:
    key = guarded.key(Role.LINE)
    bearer = {"Authorization": f"Bearer {key['X-API-Key']}"}
    for number, headers in enumerate((key, bearer)):
        reply = guarded.client.post(
            "/v1/grade",
            files=[
                ("item", (None, json.dumps({"item_id": "R-1"}))),
                ("capture_id", (None, f"cap-{number}")),
                ("images", ("a.jpg", picture())),
            ],
            headers=headers,
        )
        assert reply.status_code == 200


def test_open_access_knows_who_brings_a_key_and_refuses_a_wrong_one(
    make_client: ClientFactory, guarded: Guarded
) -> None:
    client = make_client()
    line = guarded.key(Role.LINE)
    assert client.get("/v1/me").json()["means"] == "open"
    assert client.get("/v1/me", headers=line).json()["name"] == "a-line"
    assert client.get("/v1/items", headers=line).status_code == 403
    assert client.get("/v1/me", headers={"X-API-Key": "rgk_0_wrong"}).status_code == 401
    forwarded = client.get("/v1/me", headers={"X-Forwarded-For": "203.0.113.9"})
    assert forwarded.status_code == 403
