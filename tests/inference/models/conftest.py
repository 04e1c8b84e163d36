"""A server whose registry holds small bundles, and whose loader makes fakes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from inference.app import create_app
from inference.models import names
from inference.models.lineup import Lineup
from inference.models.registry import Registry
from inference.settings import ServerSettings
from inference.store import Store
from model.contract import Bundle, BundleError, Grade
from tests.inference.inference_factories import OPEN_ACCESS, FakeGrader, assessment, picture


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "models")


@dataclass
class FakeLoader:
    """Makes a fake grader of a bundle; versions in ``broken`` cannot be loaded."""

    loaded: dict[str, FakeGrader] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    before: Callable[[str], None] = lambda _: None
    """Called with the version that is about to be loaded."""

    def __call__(self, bundle: Bundle) -> FakeGrader:
        version = bundle.manifest.version
        self.before(version)
        if version in self.broken:
            raise BundleError(bundle.path, "golden.png is graded otherwise here")
        grader = fake(version)
        self.loaded[version] = grader
        return grader


def fake(version: str) -> FakeGrader:
    """A grader that says salvage where the version is even."""
    grade = Grade.NEW if int(version[-1]) % 2 else Grade.SALVAGE
    grader = FakeGrader(lambda views: assessment(grade, views=views))
    grader.model = names.parse(f"tiny/{version}")
    return grader


@dataclass
class Site:
    """A running server of version 1, with 2 and 3 in its registry."""

    client: TestClient
    loader: FakeLoader
    registry: Registry
    first: FakeGrader

    def post(self, path: str, *, actor: str | None = "Eva", **body: Any) -> Any:
        """A change of models."""
        headers = {"X-Actor": actor} if actor else {}
        return self.client.post(f"/v1/models{path}", json=body, headers=headers)

    def promote(self, version: str, **body: Any) -> Any:
        return self.post("/promote", model=model(version), **body)

    def grade(self, item_id: str, capture_id: str | None = None) -> dict[str, Any]:
        """A verdict."""
        files: list[tuple[str, Any]] = [
            ("item", (None, f'{{"item_id": "{item_id}"}}')),
            ("capture_id", (None, capture_id or f"cap-{item_id}")),
            ("images", ("a.jpg", picture())),
        ]
        reply = self.client.post("/v1/grade", files=files)
        assert reply.status_code == 200, reply.text
        found: dict[str, Any] = reply.json()
        return found

    def history(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.get("/v1/models/history").json()
        return found


def model(version: str) -> dict[str, str]:
    return {"name": "tiny", "version": version}


@pytest.fixture
def site(tmp_path: Path, tiny: Path, registry: Registry) -> Iterator[Site]:
    for version in ("1", "2", "3"):
        registry.add(str(tiny), version=version)
    first, loader = fake("1"), FakeLoader()
    app = create_app(
        ServerSettings(data_dir=tmp_path, host_names=frozenset({"testserver"}), access=OPEN_ACCESS),
        Lineup(first),
        Store.open(f"sqlite:///{tmp_path / 'regrade.sqlite'}"),
        load=loader,
    )
    with TestClient(app, raise_server_exceptions=False) as client:
        yield Site(client, loader, registry, first)
        for each in (first, *loader.loaded.values()):
            each.release()
