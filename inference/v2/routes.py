"""``/v2``: the addresses of the Open Inference Protocol."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Depends, Header, Path, Request, Response
from starlette.requests import ClientDisconnect

from inference.errors import ApiError, ErrorCode
from inference.grading import Assessed
from inference.models.names import number
from inference.scheduling import Deadline, Terms
from inference.services import Parts, Services
from inference.submitted import CallersTerms, check_declared_length
from inference.v2 import openapi
from inference.v2.compression import compress, decompress
from inference.v2.documents import (
    IndexEntry,
    InferReply,
    ModelConfig,
    ModelMetadata,
    Ready,
    ServerLive,
    ServerMetadata,
    StatisticsReply,
)
from inference.v2.errors import responses
from inference.v2.messages import HEADER_LENGTH, Reply, parse, render
from inference.v2.model import ServedModel, Views, items_of, wanted_outputs
from inference.v2.tensors import Tensor

T = TypeVar("T")
_TAGS: list[Any] = ["open inference protocol"]
_NAME = Path(description="Name of the model: the bundle's.")
_VERSION = Path(description="Version: the digits of the bundle's version.")
_BINARY = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}


async def _served(parts: Parts) -> tuple[ServedModel, ...]:
    return tuple(map(ServedModel, parts.models.lineup.graders))


Served = Annotated[tuple[ServedModel, ...], Depends(_served)]


async def _newest(served: Served, model_name: Annotated[str, _NAME]) -> ServedModel:
    return ServedModel.named(served, model_name, None)


async def _versioned(
    served: Served, model_name: Annotated[str, _NAME], model_version: Annotated[str, _VERSION]
) -> ServedModel:
    return ServedModel.named(served, model_name, model_version)


def _server_router() -> APIRouter:
    router = APIRouter(prefix="/v2", tags=_TAGS)

    @router.get("", summary="Server metadata", responses=responses())
    async def server_metadata() -> ServerMetadata:
        """Name, version, and the extensions of the protocol that are served."""
        return ServerMetadata()

    @router.get("/health/live", summary="Does the server answer", responses=responses())
    async def live() -> ServerLive:
        """Always 200: a process that does not answer this should be restarted."""
        return ServerLive()

    @router.get(
        "/health/ready", summary="Can the server infer", responses=responses(ErrorCode.NOT_READY)
    )
    async def ready(parts: Parts) -> Ready:
        """200 as `/health/ready` is."""
        return await _ready(parts)

    @router.get("/models/stats", summary="Statistics of all models", responses=responses())
    async def all_statistics(served: Served, parts: Parts) -> StatisticsReply:
        """What the protocol asked of each model that is served."""
        return StatisticsReply.of(served, parts.inferred)

    @router.post(
        "/repository/index",
        summary="List the models",
        responses=responses(ErrorCode.CROSS_SITE_REQUEST),
    )
    async def index(served: Served, parts: Parts) -> list[IndexEntry]:
        """The models of the registry: champion and challenger are ready, others can be promoted."""
        ready = {each.ref for each in served}
        others = [
            model
            for entry in await parts.models.entries()
            for model in entry.models
            if model not in ready
        ]
        return [
            *(IndexEntry(name=m.name, version=m.version, state="READY", reason="") for m in served),
            *(
                IndexEntry(
                    name=model.name,
                    version=number(model.version),
                    state="UNAVAILABLE",
                    reason="it has no role; POST /v1/models/promote gives it one",
                )
                for model in others
            ),
        ]

    @router.post(
        "/repository/models/{model_name}/{action}",
        summary="Load or unload a model",
        response_class=Response,
        responses=responses(
            ErrorCode.NOT_SUPPORTED, ErrorCode.CROSS_SITE_REQUEST, ErrorCode.INVALID_FIELD
        ),
    )
    async def refuse_loading(
        model_name: Annotated[str, _NAME],  # noqa: ARG001 - in the address, and so in OpenAPI
        action: Literal["load", "unload"],
    ) -> None:
        """Refused: who serves is decided on record, with a name and a reason, under `/v1/models`."""
        raise ApiError(
            ErrorCode.NOT_SUPPORTED,
            f"{action} is not supported: a model is promoted with a name and a reason, by "
            "POST /v1/models/promote",
        )

    return router


def _model_router(prefix: str, named: Callable[..., Awaitable[ServedModel]]) -> APIRouter:
    """The addresses of one model, with or without a version."""
    router = APIRouter(prefix=f"/v2/models/{{model_name}}{prefix}", tags=_TAGS)
    unknown = responses(ErrorCode.UNKNOWN_MODEL)

    @router.get("", summary="Model metadata", responses=unknown)
    async def metadata(model: ServedModel = Depends(named)) -> ModelMetadata:
        """Inputs, of which a request has one, and outputs, with datatype and shape."""
        return ModelMetadata.of(model)

    @router.get(
        "/ready",
        summary="Can the model infer",
        responses=responses(ErrorCode.UNKNOWN_MODEL, ErrorCode.NOT_READY),
        dependencies=[Depends(named)],
    )
    async def ready(parts: Parts) -> Ready:
        """200 as `/health/ready` is."""
        return await _ready(parts)

    @router.get("/config", summary="Model configuration", responses=unknown)
    async def config(model: ServedModel = Depends(named)) -> ModelConfig:
        """The configuration as Triton's clients read it."""
        return ModelConfig.of(model)

    @router.get("/stats", summary="Model statistics", responses=unknown)
    async def statistics(parts: Parts, model: ServedModel = Depends(named)) -> StatisticsReply:
        """What the protocol asked of the model since the server started."""
        return StatisticsReply.of([model], parts.inferred)

    @router.post(
        "/infer",
        summary="Infer",
        response_model=InferReply,
        responses={
            200: {
                "description": "JSON; where outputs are wanted in binary, JSON and their bytes.",
                "content": _BINARY,
            },
            **responses(*_INFER_ERRORS),
        },
        openapi_extra=_INFER_BODY,
    )
    async def infer(
        request: Request,
        parts: Parts,
        terms: CallersTerms,
        model: ServedModel = Depends(named),
        inference_header_content_length: Annotated[
            str | None, Header(description="Length of the JSON, where tensors follow it.")
        ] = None,
    ) -> Response:
        """Grade 1 to 8 items of 1 to 8 views each. Nothing of it is stored.

        Each item takes a place in the queue as a request to `POST /v1/grade` does. The deadline is
        `X-Deadline-Ms` or the parameter `timeout` in microseconds, whichever is earlier.
        """
        try:
            return await _infer(request, parts, model, terms, inference_header_content_length)
        except ApiError:
            parts.inferred.of(model.ref).failed(terms.deadline.started_s)
            raise

    return router


_INFER_ERRORS = (
    ErrorCode.MALFORMED_INFERENCE,
    ErrorCode.CROSS_SITE_REQUEST,
    ErrorCode.UNKNOWN_MODEL,
    ErrorCode.UPLOAD_TOO_SLOW,
    ErrorCode.BODY_TOO_LARGE,
    ErrorCode.WRONG_CONTENT_ENCODING,
    ErrorCode.INVALID_FIELD,
    ErrorCode.IMAGE_EMPTY,
    ErrorCode.IMAGE_NOT_RECOGNISED,
    ErrorCode.IMAGE_TRUNCATED,
    ErrorCode.IMAGE_TOO_LARGE,
    ErrorCode.IMAGE_TOO_SMALL,
    ErrorCode.IMAGE_UNSUPPORTED,
    ErrorCode.NOT_SUPPORTED,
    ErrorCode.OVERLOADED,
    ErrorCode.DEADLINE_MISSED,
)
_INFER_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "JSON, and the bytes of tensors behind it; the media type is not looked at.",
        "content": {"application/json": {"schema": openapi.REQUEST}, **_BINARY},
    }
}


async def _ready(parts: Services) -> Ready:
    if found := await parts.readiness.problems():
        raise ApiError(ErrorCode.NOT_READY, "; ".join(found))
    return Ready()


async def _infer(
    request: Request,
    parts: Services,
    model: ServedModel,
    terms: Terms,
    header_length: str | None,
) -> Response:
    check_declared_length(request, parts.settings.upload)
    parts.grading.check(terms)
    with parts.intake.upload() as upload:
        chunks: list[bytes] = []
        await parts.intake.receive(upload, request.stream(), chunks.append, terms.deadline)
        encoding = request.headers.get("content-encoding")
        limit = parts.settings.upload.max_body_bytes
        plain = await asyncio.to_thread(_joined, chunks, encoding, limit)
        parts.intake.grew(upload, len(plain))
        inference = await asyncio.to_thread(parse, plain, header_length)
        wanted = wanted_outputs(model, inference.request)
        items = items_of(inference, parts.settings.upload.max_images)
        terms = _earlier(terms, inference.request.parameters.timeout)
        assessed = await _unless_gone(request, _graded(parts, items, terms, model))
    began_output_s = time.perf_counter()
    reply, content, content_encoding = await asyncio.to_thread(
        _written,
        model,
        inference.request.id,
        [
            (each.tensor([one.judgement.assessment for one in assessed]), each.binary)
            for each in wanted
        ],
        request.headers.get("accept-encoding"),
    )
    headers = {"Vary": "Accept-Encoding"}
    if reply.header_length is not None:
        headers[HEADER_LENGTH] = str(reply.header_length)
    if content_encoding is not None:
        headers["Content-Encoding"] = content_encoding
    output_s = time.perf_counter() - began_output_s
    parts.inferred.of(model.ref).succeeded(
        terms.deadline.started_s, [each.timings for each in assessed], output_s
    )
    media_type = "application/json" if reply.header_length is None else "application/octet-stream"
    return Response(content, headers=headers, media_type=media_type)


def _written(
    model: ServedModel,
    request_id: str | None,
    outputs: list[tuple[Tensor, bool]],
    accepted: str | None,
) -> tuple[Reply, bytes, str | None]:
    """Text and compression of the reply: they take as long as they take, on a thread."""
    reply = render(
        (model.name, model.version), request_id, outputs, {"bundle_version": model.ref.version}
    )
    return reply, *compress(reply.body, accepted)


def _joined(chunks: list[bytes], encoding: str | None, limit: int) -> bytes:
    body = b"".join(chunks)
    chunks.clear()
    return decompress(body, encoding, limit)


async def _unless_gone(request: Request, grading: Coroutine[Any, Any, T]) -> T:
    """Nothing of it is stored, so it is of no use once the client has hung up.

    Raises:
        ClientDisconnect: It has.
    """
    work, gone = asyncio.create_task(grading), asyncio.create_task(_disconnected(request))
    try:
        await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            return work.result()
        raise ClientDisconnect
    finally:
        work.cancel()
        gone.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _earlier(terms: Terms, timeout_us: int | None) -> Terms:
    if timeout_us is None:
        return terms
    deadline = terms.deadline
    at_s = deadline.started_s + timeout_us / 1e6
    earliest_s = at_s if deadline.at_s is None else min(at_s, deadline.at_s)
    return Terms(Deadline(deadline.started_s, earliest_s), terms.priority)


async def _graded(
    parts: Services, items: list[Views], terms: Terms, model: ServedModel
) -> list[Assessed]:
    """As many items side by side as there are threads; the first that fails ends the others."""
    places = asyncio.Semaphore(parts.settings.capacity.grade_threads)
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(_one(parts, at, views, terms, places, model))
                for at, views in enumerate(items)
            ]
    except ExceptionGroup as group:
        raise group.exceptions[0] from group
    return [task.result() for task in tasks]


async def _one(
    parts: Services,
    at: int,
    views: Views,
    terms: Terms,
    places: asyncio.Semaphore,
    model: ServedModel,
) -> Assessed:
    try:
        async with places:
            return await parts.grading.assess(views, terms, model.grader)
    except ApiError as error:
        if error.field is None:
            raise
        raise ApiError(error.code, error.message, field=f"item {at}, {error.field}") from error


router = APIRouter()
for each in (
    _server_router(),
    _model_router("", _newest),
    _model_router("/versions/{model_version}", _versioned),
):
    router.include_router(each)
