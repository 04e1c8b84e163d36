"""Models: who serves, what changed it, and how they compare."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from inference.access.middleware import begin, note
from inference.actor import WhoAsks
from inference.errors import ApiError, ErrorCode
from inference.models import names
from inference.models.comparison import compared
from inference.models.fetch import SourceError
from inference.models.records import Challenger, Change, Note, Roles
from inference.models.registry import Entry, NameTakenError, RegistryError, UnknownBundleError
from inference.models.roles import RoleError
from inference.models.scores import Comparison
from inference.models.service import ChangedMeanwhileError, Wish
from inference.models.tuning import ThresholdChanges, TuningError
from inference.replies import errors
from inference.services import Parts, Services
from inference.store import Store
from model.contract import BundleError, ModelRef
from model.contract.bundle import Thresholds

router = APIRouter(prefix="/v1/models", tags=["models"])

_READ = (ErrorCode.INVALID_FIELD, ErrorCode.STORE_UNAVAILABLE)
_WRITE = (
    *_READ,
    ErrorCode.MALFORMED_JSON,
    ErrorCode.CROSS_SITE_REQUEST,
    ErrorCode.MODEL_CONFLICT,
    ErrorCode.BODY_TOO_LARGE,
    ErrorCode.WRONG_CONTENT_TYPE,
    ErrorCode.BUNDLE_REFUSED,
    ErrorCode.MISSING_FIELD,
    ErrorCode.UNEXPECTED_FIELD,
)
_ROLE = (*_WRITE, ErrorCode.UNKNOWN_MODEL, ErrorCode.MODELS_CHANGED)

Version = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
_MODEL: JsonDict = {"name": "returns", "version": "2026.11.24-2312"}


class BundleInfo(BaseModel):
    """A bundle in the registry. It never changes."""

    name: str
    version: str
    models: tuple[ModelRef, ...] = Field(
        description="What can serve from it: the float network and, with `+int8`, the faster one."
    )
    created_at: str
    data_fingerprint: str
    manifest_sha256: str = Field(description="Its manifest has the hashes of all other files.")
    thresholds: Thresholds

    @classmethod
    def of(cls, entry: Entry) -> BundleInfo:
        """Of an entry."""
        manifest = entry.manifest
        return cls(
            name=manifest.name,
            version=manifest.version,
            models=entry.models,
            created_at=manifest.created_at,
            data_fingerprint=manifest.data_fingerprint,
            manifest_sha256=entry.manifest_sha256,
            thresholds=manifest.thresholds,
        )


class ModelsState(BaseModel):
    """Who serves now, and who could."""

    roles: Roles
    seq: int = Field(description="Of the newest change, 0: none. Send it as `seen_seq`.")
    since: AwareDatetime | None = Field(description="When that was.")
    bundles: tuple[BundleInfo, ...]


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    note: Note = Field(default="", description="Why; it is put on record.")


class AddRequest(_Request):
    """A bundle for the registry."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"source": "s3://models/goods/2026-12", "note": "more toys"}}
    )

    source: Annotated[str, StringConstraints(min_length=1, max_length=1000)] = Field(
        description="Folder on the server's machine, or URL: `s3://`, `gs://`, `abfs://`, `https://`."
    )
    version: Version | None = Field(
        default=None, description="Take it in as this version; left out: the manifest's."
    )


class _RoleRequest(_Request):
    seen_seq: int | None = Field(
        default=None,
        ge=0,
        le=2**62,
        description="`seq` of the newest change that the sender knew: when there is a newer one, the "
        "reply is 409 `models_changed`. Left out: does it in any case.",
    )


class PromoteRequest(_RoleRequest):
    """A new champion."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"model": _MODEL, "note": "fewer misses"}}
    )

    model: ModelRef


class RollbackRequest(_RoleRequest):
    """The champion of before. Without `seen_seq`, a request that is sent twice goes back twice."""


class ChallengeRequest(_RoleRequest):
    """A challenger, or none."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"challenger": {"model": _MODEL, "share": 0.1}}}
    )

    challenger: Challenger | None = Field(description="null: no more challenger.")


class ShadowRequest(_RoleRequest):
    """A shadow, or none."""

    model_config = ConfigDict(json_schema_extra={"example": {"model": _MODEL}})

    model: ModelRef | None = Field(description="null: no more shadow.")


class TuneRequest(_Request):
    """Other thresholds for the same network."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"base": _MODEL, "thresholds": {"review_cost": 0.8}}}
    )

    base: ModelRef
    thresholds: ThresholdChanges
    version: Version | None = Field(
        default=None, description="Left out: the base's with `.t1`, `.t2`, ..."
    )


@router.get("", summary="Who serves, and who could", responses=errors(*_READ))
async def models(parts: Parts) -> ModelsState:
    """The roles and the bundles of the registry."""
    return await state_of(parts)


async def state_of(parts: Services) -> ModelsState:
    """The roles and the bundles of the registry."""
    newest = await parts.store.read(Store.newest_model_change)
    entries = await parts.models.entries()
    return ModelsState(
        roles=parts.models.roles,
        seq=newest.seq if newest else 0,
        since=newest.at if newest else None,
        bundles=tuple(map(BundleInfo.of, entries)),
    )


@router.get("/history", summary="Who changed what, when, and why", responses=errors(*_READ))
async def history(
    parts: Parts,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    before: Annotated[
        int | None, Query(ge=0, le=2**62, description="`seq` of the last one of the page before.")
    ] = None,
) -> list[Change]:
    """Changes of models, newest first, those that failed included; nothing is ever taken out."""
    return await parts.store.read(Store.model_changes, limit=limit, before=before)


@router.get("/comparison", summary="How the models compare", responses=errors(*_READ))
async def comparison(parts: Parts) -> Comparison:
    """The shadow's disagreement with the champion, and each model against people's later answers.

    Of the newest 10,000 answers. People saw what the champion or challenger thought before they
    answered, and saw most often what it was unsure of: such scores compare models, and are not the
    accuracy on all items.
    """
    return await compared(parts.models, parts.store)


@router.post("", summary="Add a bundle", status_code=201, responses=errors(*_WRITE))
async def add(call: Request, request: AddRequest, parts: Parts, who: WhoAsks) -> BundleInfo:
    """Fetch a bundle into the registry and verify its hashes; it gets no role.

    A repeat adds nothing. Versions never change: another bundle of the same version is refused.
    """
    wish = _wish(call, who, request, request.source)
    async with _translated():
        entry = await parts.models.add(request.source, request.version, wish)
    note(call, f"{names.shown(entry.ref)} from {request.source}", request.note)
    return BundleInfo.of(entry)


@router.post(
    "/tune",
    summary="Change thresholds",
    status_code=201,
    responses=errors(*_WRITE, ErrorCode.UNKNOWN_MODEL),
)
async def tune(call: Request, request: TuneRequest, parts: Parts, who: WhoAsks) -> BundleInfo:
    """Add a version of a bundle with other thresholds and the same network; it gets no role."""
    base = names.shown(request.base)
    wish = _wish(call, who, request, base)
    async with _translated():
        entry = await parts.models.tune(request.base, request.thresholds, request.version, wish)
    note(call, f"{names.shown(entry.ref)} from {base}", request.note)
    return BundleInfo.of(entry)


@router.post("/promote", summary="Make a model the champion", responses=errors(*_ROLE))
async def promote(
    call: Request, request: PromoteRequest, parts: Parts, who: WhoAsks
) -> ModelsState:
    """Load a model beside the one that serves, prove it, warm it, and swap it in.

    Hashes and golden answers are proved in another process first. Items that are under way end with
    the model that they began with. Whatever fails, the old one stays, and the history says why. The
    reply comes when the new one serves.
    """
    wish = _wish(call, who, request, f"champion {names.shown(request.model)}")
    async with _translated():
        await parts.models.promote(request.model, wish)
    return await state_of(parts)


@router.post("/rollback", summary="Bring the last champion back", responses=errors(*_ROLE))
async def rollback(
    call: Request, request: RollbackRequest, parts: Parts, who: WhoAsks
) -> ModelsState:
    """Promote the champion that served before this one; once more, the one before that."""
    wish = _wish(call, who, request, "the champion before this one")
    async with _translated():
        await parts.models.roll_back(wish)
    return await state_of(parts)


@router.post("/challenge", summary="Give a share to a challenger", responses=errors(*_ROLE))
async def challenge(
    call: Request, request: ChallengeRequest, parts: Parts, who: WhoAsks
) -> ModelsState:
    """Have another model grade, and act, for a share of the items, or end that.

    Which items is a function of `item_id` and share alone: all views and captures of one item meet
    the same model.
    """
    model = request.challenger.model if request.challenger else None
    wish = _wish(call, who, request, f"challenger {names.shown(model) if model else 'none'}")
    async with _translated():
        await parts.models.challenge(request.challenger, wish)
    return await state_of(parts)


@router.post("/shadow", summary="Have a model grade along", responses=errors(*_ROLE))
async def shadow(call: Request, request: ShadowRequest, parts: Parts, who: WhoAsks) -> ModelsState:
    """Have another model grade the same items after they were answered, or end that.

    What it says is stored apart, and nothing follows from it. It works in a process of the lowest
    priority; when over 1000 captures wait, more are dropped and counted.
    """
    model = names.shown(request.model) if request.model else "none"
    wish = _wish(call, who, request, f"shadow {model}")
    async with _translated():
        await parts.models.shadow(request.model, wish)
    return await state_of(parts)


def _wish(call: Request, who: str, request: _Request, about: str) -> Wish:
    """What is asked for; the audit log says about what, and exactly what once that is known."""
    note(call, about, request.note)

    async def put_on_record(what: str) -> None:
        note(call, what, request.note)
        await begin(call)

    seen_seq = request.seen_seq if isinstance(request, _RoleRequest) else None
    return Wish(who, put_on_record, request.note, seen_seq)


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    try:
        yield
    except UnknownBundleError as error:
        raise ApiError(ErrorCode.UNKNOWN_MODEL, str(error), field="model") from error
    except (RoleError, NameTakenError) as error:
        raise ApiError(ErrorCode.MODEL_CONFLICT, str(error)) from error
    except (SourceError, BundleError, RegistryError) as error:
        raise ApiError(ErrorCode.BUNDLE_REFUSED, str(error)) from error
    except TuningError as error:
        raise ApiError(ErrorCode.INVALID_FIELD, str(error), field="thresholds") from error
    except ChangedMeanwhileError as error:
        newest = error.newest
        what = names.shown(newest.model) if newest.model else "nothing"
        raise ApiError(
            ErrorCode.MODELS_CHANGED,
            f"{newest.actor}: {newest.kind.value} {what} at {newest.at:%H:%M:%S} UTC; look at it, then "
            f"send seen_seq={newest.seq} to go on all the same",
            field="seen_seq",
        ) from error
