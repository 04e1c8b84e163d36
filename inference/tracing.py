"""OpenTelemetry by option: a span for each request, and one for each stage of an item below it.

Nothing here is imported from OpenTelemetry until it is asked for, and nothing is set for the whole
process. Exporter, sampler and resource are as the standard ``OTEL_*`` variables say.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, Self

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

_SERVICE = "regrade"


class TracingError(Exception):
    """Traces were asked for and cannot be made; the message says what to do."""


class Tracing:
    """Makes the server's spans. Used on one event loop."""

    def __init__(self, provider: TracerProvider) -> None:
        from opentelemetry import trace  # noqa: PLC0415
        from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415
            TraceContextTextMapPropagator,
        )

        self._provider = provider
        self._trace = trace
        self._propagator = TraceContextTextMapPropagator()
        self._tracer = provider.get_tracer(_SERVICE, version("regrade"))
        self._epoch_ns = time.time_ns() - time.perf_counter_ns()

    @classmethod
    def from_environment(cls) -> Self:
        """As ``OTEL_*`` variables say; spans go to ``OTEL_EXPORTER_OTLP_ENDPOINT`` over HTTP.

        Raises:
            TracingError: The packages are not there, or the exporter is not one of ours.
        """
        try:
            from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
            from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
            from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

            exporter = _exporter()
        except ModuleNotFoundError as error:
            raise TracingError(f"--otel needs {error.name}: pip install 'regrade[otel]'") from error
        defaults = Resource({"service.name": _SERVICE, "service.version": version("regrade")})
        provider = TracerProvider(resource=_named(defaults))
        if exporter is not None:
            provider.add_span_processor(BatchSpanProcessor(exporter))
        return cls(provider)

    def close(self) -> None:
        """Send what waits."""
        self._provider.shutdown()

    def stages(self, ids: Mapping[str, str], ended_s: Mapping[str, tuple[float, float]]) -> None:
        """Spans of one item below the request that is under way.

        Args:
            ids: Attributes of each.
            ended_s: When each stage began and ended, in seconds of ``time.perf_counter``.
        """
        for stage, (began_s, end_s) in ended_s.items():
            span = self._tracer.start_span(
                stage, attributes=dict(ids), start_time=self._unix_ns(began_s)
            )
            span.end(self._unix_ns(end_s))

    def _unix_ns(self, counter_s: float) -> int:
        return self._epoch_ns + int(counter_s * 1e9)

    async def request(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request under a span, which continues the trace that the caller began."""
        trace = self._trace
        carrier = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        span = self._tracer.start_span(
            scope["method"],
            context=self._propagator.extract(carrier),
            kind=trace.SpanKind.SERVER,
            attributes={"http.request.method": scope["method"], "url.path": scope["path"]},
        )
        structlog.contextvars.bind_contextvars(
            trace_id=trace.format_trace_id(span.get_span_context().trace_id)
        )

        async def noting_status(message: Message) -> None:
            if message["type"] == "http.response.start":
                span.set_attribute("http.response.status_code", message["status"])
                if message["status"] >= 500:
                    span.set_status(trace.StatusCode.ERROR)
            await send(message)

        with trace.use_span(span, end_on_exit=True):
            await app(scope, receive, noting_status)
            route = getattr(scope.get("route"), "path", None)
            if route is not None:
                span.set_attribute("http.route", route)
                span.update_name(f"{scope['method']} {route}")


class TracingMiddleware:
    """Puts each request under a span."""

    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        self._app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http":
            await self._tracing.request(self._app, scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _named(defaults: Resource) -> Resource:
    """What OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say is the stronger."""
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource  # noqa: PLC0415

    return Resource.create().merge(defaults).merge(OTELResourceDetector().detect())


def _exporter() -> SpanExporter | None:
    name = os.environ.get("OTEL_TRACES_EXPORTER", "otlp")
    if name == "none":
        return None
    if name == "console":
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter  # noqa: PLC0415

        return ConsoleSpanExporter()
    if name == "otlp":
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
            OTLPSpanExporter,
        )

        return OTLPSpanExporter()
    raise TracingError(f"OTEL_TRACES_EXPORTER is {name!r}; it can be otlp, console or none")
