"""People's answers, from a running server's HTTP API, with the pictures that they answered on."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
from pydantic import AwareDatetime, BaseModel, ConfigDict, TypeAdapter

from datasets.importers.sightings import (
    Facts,
    Found,
    LeftOut,
    Problem,
    Sighting,
    SourceError,
    reason_of,
)
from model.contract import ItemFacts, Override

_SUFFIXES: Mapping[str, str] = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp"}
_TIMEOUT_S = 30.0


class _Grading(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    graded_at: AwareDatetime
    images: tuple[str, ...]


class _Item(BaseModel):
    """What is needed of ``GET /v1/items/{id}``."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    facts: ItemFacts | None
    gradings: tuple[_Grading, ...]
    """Newest first."""

    def answered_on(self, answer: Override) -> _Grading | None:
        """What the person saw: the newest grading before the answer, else the newest."""
        before = (each for each in self.gradings if each.graded_at <= answer.created_at)
        return next(before, self.gradings[0] if self.gradings else None)


def connect(url: str) -> httpx.Client:
    """A client for the server at an address, with the key in ``REGRADE_API_KEY``; close it after use."""
    key = os.environ.get("REGRADE_API_KEY", "")
    return httpx.Client(
        base_url=url, timeout=_TIMEOUT_S, headers={"X-API-Key": key} if key else None
    )


class Server:
    """The few addresses that are needed of a server (docs/api.md)."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def answers(self) -> Iterator[Override]:
        """All answers, oldest first, page by page."""
        page = TypeAdapter(list[Override])
        after = 0
        while found := page.validate_python(self._json("/v1/overrides", after=after)):
            yield from found
            after = found[-1].seq

    def item(self, item_id: str) -> _Item:
        """One item."""
        return _Item.model_validate(self._json(f"/v1/items/{item_id}"))

    def picture(self, sha256: str) -> tuple[bytes, str] | None:
        """Bytes of a picture and the suffix for its file; None: the retention policy deleted it."""
        reply = self._client.get(f"/v1/images/{sha256}")
        if reply.status_code == HTTPStatus.GONE:
            return None
        reply.raise_for_status()
        return reply.content, _SUFFIXES.get(reply.headers.get("content-type", ""), ".jpg")

    def _json(self, path: str, **query: int) -> Any:
        reply = self._client.get(path, params=query)
        reply.raise_for_status()
        return reply.json()


def read(server: Server, into: Path) -> Iterator[Found]:
    """The newest answer of each item that holds, for each picture that it was given on.

    The answer is of the item: where it has several views, each carries it.

    Args:
        server: To ask.
        into: Folder for the pictures.

    Raises:
        SourceError: The server cannot be reached or does not answer as docs/api.md says.
    """
    try:
        newest = {answer.item_id: answer for answer in server.answers()}
        for answer in newest.values():
            if answer.grade is None:
                yield LeftOut("the answer was withdrawn", answer.item_id)
            else:
                yield from _views(server, answer, answer.grade.value, into)
    except httpx.HTTPStatusError as error:
        if error.response.status_code in (401, 403):
            raise SourceError(
                f"{error.request.url} answers {error.response.status_code}: put the key of an "
                "engineer into REGRADE_API_KEY (regrade keys add NAME --role engineer)"
            ) from error
        raise SourceError(
            f"{error.request.url} answers {error.response.status_code}; is it a Regrade server?"
        ) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise SourceError(f"the server cannot be reached: {error}") from error
    except ValueError as error:
        raise SourceError(
            f"the server does not answer as a Regrade server: {reason_of(error)}"
        ) from error


def _views(server: Server, answer: Override, label: str, into: Path) -> Iterator[Found]:
    item = server.item(answer.item_id)
    grading = item.answered_on(answer)
    if grading is None:
        yield LeftOut("the item was answered without a picture", answer.item_id)
        return
    for view, sha256 in enumerate(grading.images):
        found = server.picture(sha256)
        if found is None:
            yield LeftOut("retention deleted the picture", f"{answer.item_id}, view {view}")
            continue
        data, suffix = found
        if hashlib.sha256(data).hexdigest() != sha256:
            yield Problem(answer.item_id, f"view {view}", f"the bytes are not picture {sha256}")
            continue
        picture = into / sha256[:2] / f"{sha256}{suffix}"
        picture.parent.mkdir(parents=True, exist_ok=True)
        picture.write_bytes(data)
        yield Sighting(
            picture,
            (label,),
            where=f"item {answer.item_id}, view {view}",
            facts=Facts(
                item_id=answer.item_id,
                view=view,
                category=item.facts.category if item.facts else None,
                labelled_by=answer.operator,
                labelled_at=answer.created_at,
            ),
        )
