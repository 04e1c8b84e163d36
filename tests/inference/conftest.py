from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from starlette.testclient import TestClient

from inference.access.settings import AccessSettings
from inference.app import create_app
from inference.models.lineup import Lineup
from inference.settings import Capacity, ServerSettings, UploadLimits
from inference.store import Store
from tests.inference.inference_factories import OPEN_ACCESS, FakeGrader, picture
from tests.training.tiny_bundle import write_tiny_bundle

_POSTGRES = os.environ.get("REGRADE_TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/test")


@pytest.fixture(scope="session")
def postgres_url() -> str:
    """A PostgreSQL server that tests may use; without one they are skipped."""
    try:
        psycopg.connect(_POSTGRES, connect_timeout=2).close()
    except psycopg.OperationalError as error:
        if "REGRADE_TEST_POSTGRES_URL" in os.environ:
            raise
        pytest.skip(f"no PostgreSQL at {_POSTGRES}: {error}")
    return _POSTGRES


@pytest.fixture
def fresh_postgres(postgres_url: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """A schema of its own in PostgreSQL, dropped afterwards."""
    schema = f"regrade_test_{os.getpid()}_{abs(hash(request.node.nodeid)) % 10**9}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        name = sql.Identifier(schema)
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(name))
        try:
            yield f"{postgres_url}?options=-csearch_path%3D{schema}"
        finally:
            connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(name))


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'regrade.sqlite'}"
    url: str = request.getfixturevalue("fresh_postgres")
    return url


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    opened = Store.open(store_url)
    yield opened
    opened.close()


@pytest.fixture
def grader() -> Iterator[FakeGrader]:
    fake = FakeGrader()
    yield fake
    fake.release()


ClientFactory = Callable[..., TestClient]


@pytest.fixture
def make_client(tmp_path: Path, grader: FakeGrader) -> Iterator[ClientFactory]:
    """Running applications over SQLite, with limits as a test needs them."""
    with ExitStack() as stack:

        def make(
            *,
            capacity: Capacity | None = None,
            upload: UploadLimits | None = None,
            access: AccessSettings = OPEN_ACCESS,
        ) -> TestClient:
            settings = ServerSettings(
                data_dir=tmp_path, access=access, host_names=frozenset({"testserver"})
            )
            settings = replace(
                settings,
                capacity=capacity or settings.capacity,
                upload=upload or settings.upload,
            )
            store = Store.open(f"sqlite:///{tmp_path / 'regrade.sqlite'}")
            app = create_app(settings, Lineup(grader), store)
            return stack.enter_context(TestClient(app, raise_server_exceptions=False))

        yield make
        grader.release()


@pytest.fixture
def client(make_client: ClientFactory) -> TestClient:
    return make_client()


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle: tiny, version 1."""
    return write_tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny")


@pytest.fixture
def jpeg() -> bytes:
    return picture()
