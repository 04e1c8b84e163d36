"""The application: routes, middleware and the resources that its lifespan owns."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from typing import Any, TypedDict

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from inference.grader import Grader
from inference.grading import GradingService
from inference.metrics import Metrics
from inference.middleware import CountingMiddleware, JsonLimitMiddleware, SafetyMiddleware
from inference.pages import routes as pages
from inference.pictures import PictureStore
from inference.routes import batch, errors, grade, health, images, items, lines
from inference.services import Services
from inference.settings import ServerSettings
from inference.store import Store
from inference.threads import StoreThreads
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

Every reply that is not a success has the body `{"error": {"code", "message", "field"}}`; under
`/v2`, as the Open Inference Protocol has it, `{"error": "message"}`.
"""
_TAGS = [
    {"name": "grading", "description": "Pictures in, verdict out."},
    {"name": "items", "description": "What is known of each item."},
    {"name": "overrides", "description": "People's answers."},
    {"name": "outcomes", "description": "Where items went, and why."},
    {"name": "lines", "description": "Lines as they stand now."},
    {
        "name": "open inference protocol",
        "description": "For inference clients and platforms; nothing is stored.",
    },
    {"name": "images", "description": "Pictures that were graded."},
    {"name": "health", "description": "For the machines that watch this one."},
]


class _Application(FastAPI):
    def openapi(self) -> dict[str, Any]:
        document = super().openapi()
        v2_openapi.complete(document)
        return document


class AppState(TypedDict):
    """What ``request.state`` starts with."""

    services: Services


def create_app(
    settings: ServerSettings,
    grader: Grader,
    store: Store,
    *,
    on_started: Callable[[Services], None] = lambda _: None,
) -> FastAPI:
    """Build the application; its lifespan closes the store.

    Args:
        settings: Limits and places.
        grader: A verified model.
        store: An opened store.
        on_started: Called with the running parts.
    """
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[AppState]:
        async with AsyncExitStack() as stack:
            stack.callback(store.close)
            threads = await stack.enter_async_context(StoreThreads(store))
            pictures = PictureStore(settings.pictures_dir)
            grading = await stack.enter_async_context(
                GradingService(grader, threads, pictures, settings.capacity, metrics)
            )
            await stack.enter_async_context(Keeper(store, pictures, settings.retention, metrics))
            intake = Intake(settings.upload, metrics)
            services = Services(settings, grader, threads, pictures, grading, intake, metrics)
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
        lifespan=lifespan,
    )
    errors.install(app)
    app.add_middleware(JsonLimitMiddleware)
    app.add_middleware(SafetyMiddleware, host_names=settings.host_names)
    app.add_middleware(CountingMiddleware, metrics=metrics)
    for module in (grade, batch, items, lines, images, health, v2, pages):
        app.include_router(module.router)
    app.mount("/static", StaticFiles(packages=[("inference.pages", "static")]), name="static")
    return app
