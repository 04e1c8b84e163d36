"""Dashboard, alerts and documentation name figures that the server has, and all of them."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from tests.inference.inference_factories import line_state, outcome, picture

FOLDER = Path("docs/observability")
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "grafana-dashboard.json").read_text("utf-8"))
RULES: list[dict[str, Any]] = yaml.safe_load((FOLDER / "prometheus-alerts.yml").read_text("utf-8"))[
    "groups"
][0]["rules"]
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
#: Names that Prometheus itself gives, to every series of a target.
TARGET = {"instance", "job"}
NAME = re.compile(r"\b(?:regrade|process)_[a-z0-9_]+\b")
MATCHERS = re.compile(r"\b((?:regrade|process)_[a-z0-9_]+)\{([^}]*)\}")


def expressions() -> Iterator[str]:
    for panel in PANELS:
        for target in panel.get("targets", ()):
            yield target["expr"]
    for rule in RULES:
        yield rule["expr"]


@pytest.fixture
def figures(client: TestClient) -> dict[str, set[str]]:
    """Labels of each series of a server that has graded, refused, and heard of a line."""
    for capture_id, image in (("cap-1", picture()), ("cap-2", b"no picture")):
        form = {"item": '{"item_id": "R-1"}', "capture_id": capture_id}
        client.post("/v1/grade", data=form, files={"images": ("a.jpg", image)})
    late = {"item": '{"item_id": "R-1"}', "capture_id": "cap-3"}
    client.post(
        "/v1/grade",
        data=late,
        files={"images": ("a.jpg", picture())},
        headers={"X-Deadline-Ms": "1"},
    )
    state = line_state().model_dump(mode="json")
    assert client.put("/v1/lines/line1/state", json=state).status_code == 204
    ended = [outcome().model_dump(mode="json")]
    assert client.post("/v1/outcomes", json=ended).status_code == 200
    answer = {"override_id": "o-1", "grade": "new", "operator": "ann", "note": ""}
    assert client.post("/v1/items/R-1/overrides", json=answer).status_code < 300
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(client.get("/metrics").text):
        found.setdefault(family.name, set())
        if family.type == "counter":
            found.setdefault(f"{family.name}_total", set())
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def test_each_expression_asks_for_what_there_is(figures: dict[str, set[str]]) -> None:
    for expression in expressions():
        asked = set(NAME.findall(expression))
        assert asked or expression.startswith("up{"), expression
        assert asked <= set(figures), f"{expression}: no {asked - set(figures)}"


def test_labels_that_are_matched_are_there(figures: dict[str, set[str]]) -> None:
    seen = 0
    for expression in expressions():
        for name, matchers in MATCHERS.findall(expression):
            labels = set(re.findall(r"([a-z_]+)(?:=|!=|=~|!~)\"", matchers)) - TARGET
            if figures[name]:
                seen += len(labels)
                assert labels <= figures[name], expression
    assert seen


def test_grafana_can_import_the_dashboard() -> None:
    assert {"title", "uid", "schemaVersion", "panels", "templating", "time"} <= set(DASHBOARD)
    assert DASHBOARD["id"] is None, "an id belongs to one Grafana; imported, it is given anew"
    variables = {each["name"] for each in DASHBOARD["templating"]["list"]}
    used = set(re.findall(r"\$\{?(?!__)(\w+)", json.dumps(PANELS)))
    assert used == variables
    ids = [panel["id"] for panel in PANELS]
    assert len(set(ids)) == len(ids)
    for panel in PANELS:
        assert set(panel["gridPos"]) == {"h", "w", "x", "y"}
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
        if panel["type"] == "row":
            continue
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        letters = [target["refId"] for target in panel["targets"]]
        assert letters == sorted(set(letters))
    for one, other in itertools.combinations([panel["gridPos"] for panel in PANELS], 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or above, f"panels lie on each other: {one} {other}"


def test_rows_are_those_of_the_documentation() -> None:
    rows = [panel["title"] for panel in PANELS if panel["type"] == "row"]
    assert rows == [
        *("Traffic", "Latency by stage", "Queue and refusals", "Store", "Model", "Lines"),
        *("Review", "Process"),
    ]


def test_alerts_have_what_prometheus_and_people_need() -> None:
    names = [rule["alert"] for rule in RULES]
    assert len(set(names)) == len(names)
    page = Path("docs/observability.md").read_text("utf-8")
    for rule in RULES:
        assert rule["labels"]["severity"] in ("critical", "warning", "info")
        assert set(rule["annotations"]) == {"summary", "description"}
        assert f"`{rule['alert']}`" in page


def test_the_page_names_each_figure_and_no_other(client: TestClient) -> None:
    page = Path("docs/observability.md").read_text("utf-8")
    documented = set(re.findall(r"^\| `((?:regrade|process)_[a-z0-9_]+)`", page, re.MULTILINE))
    exposed = set()
    for family in text_string_to_metric_families(client.get("/metrics").text):
        if family.name.endswith("_created"):
            continue
        exposed.add(family.name + {"counter": "_total", "info": "_info"}.get(family.type, ""))
    assert documented == exposed
