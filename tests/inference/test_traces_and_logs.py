"""One item can be followed through the request, its stages and the log, under the caller's trace."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind
from starlette.testclient import TestClient

from inference.app import create_app
from inference.models.lineup import Lineup
from inference.settings import ServerSettings
from inference.store import Store
from inference.tracing import Tracing, TracingError
from tests.inference.inference_factories import OPEN_ACCESS, FakeGrader, picture

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def traced(tmp_path: Path, grader: FakeGrader, spans: InMemorySpanExporter) -> Iterator[TestClient]:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    settings = ServerSettings(
        data_dir=tmp_path, host_names=frozenset({"testserver"}), access=OPEN_ACCESS
    )
    store = Store.open(f"sqlite:///{tmp_path / 'regrade.sqlite'}")
    app = create_app(settings, Lineup(grader), store, tracing=Tracing(provider))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def grade(client: TestClient, capture_id: str = "cap-1", image: bytes | None = None) -> int:
    return client.post(
        "/v1/grade",
        data={"item": '{"item_id": "R-1"}', "capture_id": capture_id},
        files={"images": ("a.jpg", picture() if image is None else image)},
        headers=PARENT,
    ).status_code


def test_stages_are_below_the_request_and_that_below_the_caller(
    traced: TestClient, spans: InMemorySpanExporter
) -> None:
    assert grade(traced) == 200
    found = {span.name: span for span in spans.get_finished_spans()}
    assert set(found) == {"POST /v1/grade", "queue", "decode", "network", "store"}
    request = found.pop("POST /v1/grade")
    assert request.kind is SpanKind.SERVER
    assert request.parent is not None
    assert f"{request.parent.span_id:016x}" == "00f067aa0ba902b7"
    assert request.attributes is not None
    assert request.attributes["http.response.status_code"] == 200
    assert request.context is not None
    for name in ("queue", "decode", "network", "store"):
        stage = found[name]
        assert stage.context is not None
        assert f"{stage.context.trace_id:032x}" == TRACE
        assert stage.parent is not None
        assert stage.parent.span_id == request.context.span_id
        assert stage.attributes == {"item_id": "R-1", "capture_id": "cap-1"}
        assert request.start_time is not None
        assert stage.start_time is not None
        assert stage.end_time is not None
        assert request.end_time is not None
        assert request.start_time <= stage.start_time <= stage.end_time <= request.end_time


def test_v2_has_stages_but_for_the_store(traced: TestClient, spans: InMemorySpanExporter) -> None:
    pixels = {"name": "pixels", "datatype": "UINT8", "shape": [1, 1, 32, 32, 3]} | {
        "data": [9] * 3072
    }
    assert traced.post("/v2/models/fake/infer", json={"inputs": [pixels]}).status_code == 200
    names = [span.name for span in spans.get_finished_spans()]
    assert names == ["queue", "decode", "network", "POST /v2/models/{model_name}/infer"]


@pytest.mark.parametrize(
    ("image", "event"), [(picture(), "item_graded"), (b"no picture", "item_refused")]
)
def test_each_line_of_an_item_names_it_and_the_trace(
    client: TestClient, image: bytes, event: str
) -> None:
    with structlog.testing.capture_logs([structlog.contextvars.merge_contextvars]) as lines:
        grade(client, image=image)
    (line,) = [line for line in lines if line["event"] == event]
    named = {name: line[name] for name in ("item_id", "capture_id", "trace_id")}
    assert named == {"item_id": "R-1", "capture_id": "cap-1", "trace_id": TRACE}


@pytest.mark.parametrize("sent", ["", "nonsense", f"00-{'0' * 32}-00f067aa0ba902b7-01"])
def test_what_is_no_trace_is_not_named(client: TestClient, sent: str) -> None:
    with structlog.testing.capture_logs([structlog.contextvars.merge_contextvars]) as lines:
        client.post(
            "/v1/grade",
            data={"item": '{"item_id": "R-1"}', "capture_id": "cap-1"},
            files={"images": ("a.jpg", picture())},
            headers={"traceparent": sent},
        )
    (line,) = [line for line in lines if line["event"] == "item_graded"]
    assert "trace_id" not in line


def test_names_of_the_service_come_from_the_standard_variables(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=dock-3")
    resource = Tracing.from_environment()._provider.resource.attributes
    assert resource["service.name"] == "regrade"
    assert resource["deployment.environment"] == "dock-3"
    monkeypatch.setenv("OTEL_SERVICE_NAME", "regrade-hall-2")
    assert Tracing.from_environment()._provider.resource.attributes["service.name"] == (
        "regrade-hall-2"
    )


def test_an_exporter_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "zipkin")
    with pytest.raises(TracingError, match="otlp, console or none"):
        Tracing.from_environment()


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(TracingError, match=r"pip install 'regrade\[otel\]'"):
        Tracing.from_environment()


def test_without_the_option_its_packages_are_not_loaded() -> None:
    text = "import sys, inference.app; sys.exit('opentelemetry.sdk' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    subprocess.run([sys.executable, "-c", text], env=environment, check=True)
