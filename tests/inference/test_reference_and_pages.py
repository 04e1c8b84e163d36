"""OpenAPI, the error table, templates' contexts, headers and the desk: what pages promise."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest
from jinja2 import meta
from starlette.testclient import TestClient

from inference.errors import ERRORS, ErrorCode
from inference.pages.contexts import Context, ErrorPage
from inference.pages.desk import LEASE_S, ReviewDesk
from inference.pages.reference import kind_of
from inference.pages.render import environment, page
from inference.replies import error_table
from model.contract import (
    AlarmState,
    CommandKind,
    CommandStatus,
    Ending,
    Grade,
    QualityIssue,
    ReviewReason,
)

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "inference" / "pages" / "templates"
PAGES = ("/line", "/review", "/models", "/docs", "/items/nobody")


@pytest.fixture
def document(client: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").json()
    return found


def test_every_error_has_a_kind_and_a_meaning() -> None:
    assert set(ERRORS) == set(ErrorCode)
    assert all(kind.meaning.endswith(".") for kind in ERRORS.values())
    for code, kind in ERRORS.items():
        later = kind.status == 503 or code is ErrorCode.TOO_MANY_REQUESTS
        assert kind.retry == later, code


def test_the_documented_error_table_is_the_codes() -> None:
    assert error_table() in (ROOT / "docs" / "api.md").read_text("utf-8")


def test_openapi_lists_every_route_and_every_error(document: dict[str, Any]) -> None:
    assert set(document["paths"]) == {
        "/v1/grade",
        "/v1/grade/batch",
        "/v1/items",
        "/v1/items/{item_id}",
        "/v1/items/{item_id}/overrides",
        "/v1/overrides",
        "/v1/outcomes",
        "/v1/summary",
        "/v1/lines",
        "/v1/lines/{line_id}/state",
        "/v1/lines/{line_id}/events",
        "/v1/models",
        "/v1/models/history",
        "/v1/models/comparison",
        *(f"/v1/models/{verb}" for verb in ("promote", "rollback", "challenge", "shadow", "tune")),
        "/v1/lines/{line_id}/commands",
        "/v1/lines/{line_id}/commands/open",
        "/v1/lines/{line_id}/commands/results",
        "/v1/lines/{line_id}/alarms",
        "/v1/me",
        "/v1/audit",
        "/v1/images/{sha256}",
        "/v1/images/{sha256}/thumbnail",
        "/health/live",
        "/health/ready",
        "/metrics",
        "/v2",
        "/v2/health/live",
        "/v2/health/ready",
        "/v2/models/stats",
        "/v2/repository/index",
        "/v2/repository/models/{model_name}/{action}",
        *(
            f"/v2/models/{{model_name}}{version}{rest}"
            for version in ("", "/versions/{model_version}")
            for rest in ("", "/ready", "/config", "/stats", "/infer")
        ),
    }
    shown = str(document["paths"])
    general = {ErrorCode.NOT_FOUND, ErrorCode.METHOD_NOT_ALLOWED}
    assert not [code for code in set(ErrorCode) - general if f"`{code.value}`" not in shown]


def test_every_operation_is_explained_and_errors_have_one_model(document: dict[str, Any]) -> None:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            where = f"{method} {path}"
            assert operation["summary"], where
            assert len(operation["description"]) > 20, where
            for status, reply in operation["responses"].items():
                if status.startswith(("4", "5")) and path != "/health/ready":
                    name = "InferenceError" if path.startswith("/v2") else "ErrorReply"
                    schema = reply["content"]["application/json"]["schema"]
                    assert schema == {"$ref": f"#/components/schemas/{name}"}, (where, status)
    assert "HTTPValidationError" not in document["components"]["schemas"]


@pytest.mark.parametrize("context", get_args(Context), ids=lambda each: each.__name__)
def test_a_template_uses_what_its_context_has(context: type[Any]) -> None:
    """Names in the template, with those of the layout that it extends, are the fields."""
    used: set[str] = set()
    names = [context.template]
    text = (TEMPLATES / context.template).read_text("utf-8")
    names += re.findall(r'{% extends "(.+?)" %}', text)
    for name in names:
        parsed = environment().parse((TEMPLATES / name).read_text("utf-8"))
        used |= meta.find_undeclared_variables(parsed)
    own = {
        name
        for pair in re.findall(r"{% (?:set|macro) (\w+)|import .+? as (\w+)", text)
        for name in pair
    }
    assert used - own == {field.name for field in fields(context)}


def test_every_word_of_the_contract_has_words_for_people() -> None:
    word = environment().filters["word"]
    for enum in (Grade, Ending, ReviewReason, QualityIssue, CommandKind, CommandStatus, AlarmState):
        for each in enum:
            assert "_" not in word(each.value)


def test_pages_escape_what_they_show() -> None:
    shown = page(ErrorPage(nav="", status=404, message="<script>alert(1)</script>"))
    assert b"<script>alert" not in bytes(shown.body)


@pytest.mark.parametrize("address", PAGES)
def test_pages_load_nothing_from_elsewhere(client: TestClient, address: str) -> None:
    reply = client.get(address)
    assert "text/html" in reply.headers["content-type"]
    assert not re.findall(r"""(?:src|href)=["']?(?:https?:)?//""", reply.text)
    policy = reply.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert reply.headers["x-content-type-options"] == "nosniff"
    for asset in re.findall(r'(?:src|href)="(/static/[^"]+)"', reply.text):
        assert client.get(asset).status_code == 200, asset


def test_an_unknown_item_is_a_page_for_people(client: TestClient) -> None:
    reply = client.get("/items/nobody")
    assert reply.status_code == 404
    assert "nothing is known of item nobody" in reply.text


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"$ref": "#/components/schemas/Box"}, "Box"),
        ({"type": "array", "items": {"type": "string"}}, "list of string"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "integer or null"),
        ({"type": "object", "additionalProperties": {"type": "number"}}, "map to number"),
        ({"enum": ["review", "all"]}, '"review" or "all"'),
        ({"const": 1}, "1"),
        ({"type": "string", "format": "date-time"}, "date-time"),
        ({}, "any"),
    ],
)
def test_a_schema_is_put_in_words(schema: dict[str, Any], words: str) -> None:
    assert kind_of(schema) == words


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_an_item_is_leased_to_one_viewer_until_the_lease_ends() -> None:
    clock = Clock()
    desk = ReviewDesk(clock)
    assert desk.take("anna", ["a", "b"]) == "a"
    assert desk.take("ben", ["a", "b"]) == "b"
    assert desk.take("cleo", ["a", "b"]) is None
    assert desk.take("anna", ["a"]) == "a", "one's own lease is no obstacle"
    clock.now_s = LEASE_S + 1
    assert desk.take("cleo", ["a", "b"]) == "a"


def test_a_viewer_keeps_what_it_holds_and_frees_the_rest() -> None:
    clock = Clock()
    desk = ReviewDesk(clock)
    desk.take("anna", ["a"])
    desk.take("anna", ["b"])
    clock.now_s = LEASE_S - 1
    desk.renew("anna", ["a"])
    assert desk.take("ben", ["b"]) == "b"
    clock.now_s = LEASE_S + 1
    assert desk.take("ben", ["a"]) is None
