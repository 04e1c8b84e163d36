"""The application: routes, middleware and the resources that its lifespan owns."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from typing import Any, TypedDict

from fastapi import Depends, FastAPI
from fastapi.staticfiles import StaticFiles

from inference import replies
from inference.access import openapi as access_openapi
from inference.access.directory import Directory
from inference.access.gate import Gate
from inference.access.log_in import LogIns
from inference.access.middleware import AccessMiddleware, cleared, rule_routes
from inference.golden import GoldenWatch
from inference.grading import GradingService
from inference.line_metrics import LineMetrics
from inference.lines import LineBoard
from inference.metrics import Metrics
from inference.middleware import CountingMiddleware, JsonLimitMiddleware, SafetyMiddleware
from inference.models.lineup import Lineup, Served
from inference.models.loading import Loader, Loading
from inference.models.metrics import ModelMetrics
from inference.models.registry import Registry
from inference.models.service import ModelService
from inference.pages import access as access_pages
from inference.pages import models as models_page
from inference.pages import routes as pages
from inference.pictures import PictureStore
from inference.readiness import ReadinessWatch
from inference.routes import (
    access,
    batch,
    commands,
    grade,
    health,
    images,
    items,
    lines,
    models,
)
from inference.services import Services
from inference.settings import ServerSettings
from inference.store import Store
from inference.threads import StoreThreads
from inference.tracing import Tracing, TracingMiddleware
from inference.upkeep.keeper import Keeper
from inference.uploads import Intake
from inference.v2 import openapi as v2_openapi
from inference.v2 import routes as v2

_DESCRIPTION = """
Grades returned goods from photographs, keeps what was said and done about each item, and lets
people answer where the model is not sure.

A line works with four calls: `POST /v1/grade` for each item, `GET /v1/overrides` to follow
people's answers, `POST /v1/outcomes` for where the items went, `PUT /v1/lines/{line_id}/state`
for the live page. Whatever is sent twice after a lost reply is stored once.

Each call brings a key in `X-API-Key` or `Authorization: Bearer`; `regrade keys add` makes one.

Every reply that is not a success has the body `{"error": {"code", "message", "field"}}`; under
`/v2`, as the Open Inference Protocol has it, `{"error": "message"}`.
"""
_TAGS = [
    {"name": "grading", "description": "Pictures in, verdict out."},
    {"name": "items", "description": "What is known of each item."},
    {"name": "overrides", "description": "People's answers."},
    {"name": "outcomes", "description": "Where items went, and why."},
    {"name": "lines", "description": "Lines as they stand now."},
    {"name": "models", "description": "Who grades, who could, and how they compare."},
    {
        "name": "open inference protocol",
        "description": "For inference clients and platforms; nothing is stored.",
    },
    {"name": "images", "description": "Pictures that were graded."},
    {"name": "access", "description": "Who calls, and what was done."},
    {"name": "health", "description": "For the machines that watch this one."},
]


class _Application(FastAPI):
    def openapi(self) -> dict[str, Any]:
        document = super().openapi()
        if "securitySchemes" not in document["components"]:
            replies.complete(document)
            v2_openapi.complete(document)
            access_openapi.complete(document)
        return document


class AppState(TypedDict):
    """What ``request.state`` starts with."""

    services: Services


def create_app(
    settings: ServerSettings,
    lineup: Lineup,
    store: Store,
    *,
    load: Loader | None = None,
    tracing: Tracing | None = None,
    on_started: Callable[[Services], None] = lambda _: None,
) -> FastAPI:
    """Build the application; its lifespan closes the store.

    Args:
        settings: Limits and places.
        lineup: Verified models: those that the store's history names, where it has one.
        store: An opened store.
        load: Makes graders of bundles while the server runs; left out, as ``Loading`` does.
        tracing: Makes spans; left out, there are none.
        on_started: Called with the running parts.
    """
    metrics = Metrics()
    served = Served(lineup)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[AppState]:
        async with AsyncExitStack() as stack:
            stack.callback(store.close)
            threads = await stack.enter_async_context(StoreThreads(store))
            pictures = PictureStore(settings.pictures_dir)
            grading = await stack.enter_async_context(
                GradingService(served, threads, pictures, settings.capacity, metrics, tracing)
            )
            service = await stack.enter_async_context(
                ModelService(
                    served,
                    Registry(settings.models_dir),
                    threads,
                    settings.pictures_dir,
                    ModelMetrics(metrics.registry),
                    lambda: not grading.workers.queue_is_empty,
                    load or Loading().beside,
                )
            )
            await stack.enter_async_context(Keeper(store, pictures, settings.retention, metrics))
            intake = Intake(settings.upload, metrics)
            directory = await stack.enter_async_context(Directory(threads, settings.access))
            gate = Gate(settings.access, threads, directory)
            log_ins = await stack.enter_async_context(LogIns(gate, threads))
            golden = await stack.enter_async_context(
                GoldenWatch(
                    lambda: served.lineup.champion,
                    metrics,
                    lambda: not grading.workers.queue_is_empty,
                )
            )
            board = LineBoard()
            services = Services(
                settings,
                service,
                threads,
                pictures,
                grading,
                golden,
                ReadinessWatch(threads, pictures, golden),
                intake,
                metrics,
                gate,
                log_ins,
                board,
                LineMetrics(board, metrics.registry),
            )
            stack.callback(services.stop_waiting)
            on_started(services)
            yield {"services": services}

    app = _Application(
        title="Regrade",
        version=version("regrade"),
        description=_DESCRIPTION,
        openapi_tags=_TAGS,
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(cleared)],
        lifespan=lifespan,
    )
    replies.install(app)
    api = (grade, batch, items, lines, commands, models, images, health, access, v2)
    for module in (*api, pages, models_page, access_pages):
        app.include_router(module.router)
    app.mount("/static", StaticFiles(packages=[("inference.pages", "static")]), name="static")
    app.add_middleware(JsonLimitMiddleware, timeout_s=settings.upload.timeout_s)
    app.add_middleware(AccessMiddleware, ruled=rule_routes(app.routes))
    app.add_middleware(SafetyMiddleware, host_names=settings.host_names)
    app.add_middleware(CountingMiddleware, metrics=metrics)
    if tracing is not None:
        app.add_middleware(TracingMiddleware, tracing=tracing)
    return app
