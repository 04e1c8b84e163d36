"""The server keeps to its OpenAPI text whatever is sent: no fault, no reply that it does not name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.inference.inference_factories import FakeGrader
from tests.inference.live_server import live_server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def no_fault(
    _context: schemathesis.CheckContext, response: schemathesis.Response, _case: object
) -> None:
    """A refusal may be 501 or 503 where the text says so; 500 is a defect."""
    assert response.status_code != 500, response.text


CHECKS = [
    no_fault,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
_ENDLESS = "/v1/lines/{line_id}/events"  # a stream of events; it has tests of its own
_WAITING = ("/v1/overrides", "/v1/lines/{line_id}/commands/open")


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Iterator[schemathesis.BaseSchema]:
    with live_server(FakeGrader(), tmp_path_factory.mktemp("server")) as address:
        whole = schemathesis.openapi.from_url(f"http://{address}/openapi.json", timeout=30)
        yield whole.exclude(path=_ENDLESS)


@pytest.mark.parametrize("mode", GenerationMode, ids=str)
def test_replies_are_those_that_are_documented(
    document: schemathesis.BaseSchema, mode: GenerationMode
) -> None:
    """Requests that the text allows, and requests that it does not."""
    for found in document.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
        def keeps_to_it(case: Any) -> None:
            if case.operation.path in _WAITING:
                case.query = {**(case.query or {}), "wait_s": 0}
            case.call_and_validate(checks=CHECKS, timeout=20)

        with suppress(Unsatisfiable):  # nothing can be wrong in a request without parameters
            keeps_to_it()
