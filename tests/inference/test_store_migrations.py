"""A store of the first release, with real history in it, as every later one must take it on.

``stores/0001.*.sql`` are dumps of what that release wrote: eight captures of seven items graded, one of two
views and one item twice, four answers of which one was withdrawn, and outcomes of known, unknown and
nameless items. They are never written anew: a change of them would test nothing.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from starlette.testclient import TestClient

from inference.access import audit
from inference.access.audit import Act, ActEnd, ActOutcome
from inference.app import create_app
from inference.models.lineup import Lineup
from inference.pictures import PictureStore
from inference.settings import ServerSettings
from inference.store import Store, schema
from inference.store.engine import REVISION, connect, revision_of, writing
from inference.upkeep.check import check
from inference.upkeep.facts import FACTS
from tests.inference.inference_factories import OPEN_ACCESS, FakeGrader

ROOT = Path(__file__).parents[2]
DUMPS = Path(__file__).parent / "stores"
_OLD = ("gradings", "overrides", "outcomes", "items", "totals")


@contextmanager
def engine_of(url: str) -> Iterator[Engine]:
    engine = connect(url)
    try:
        yield engine
    finally:
        engine.dispose()


@pytest.fixture
def old_url(store_url: str) -> str:
    """A database as the first release left it."""
    if store_url.startswith("sqlite"):
        with sqlite3.connect(store_url.removeprefix("sqlite:///")) as raw:
            raw.executescript((DUMPS / "0001.sqlite.sql").read_text("utf-8"))
        raw.close()
    else:
        with psycopg.connect(store_url) as raw_too:
            raw_too.execute((DUMPS / "0001.postgresql.sql").read_bytes())
    return store_url


@pytest.fixture
def pictures(tmp_path: Path) -> PictureStore:
    """Those that the gradings name."""
    store = PictureStore(tmp_path / "pictures")
    for path in sorted((ROOT / "datasets" / "samples" / "pictures").glob("*.jpg"))[:8]:
        data = path.read_bytes()
        store.save(hashlib.sha256(data).hexdigest(), data)
    return store


def rows(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """What the first release's tables hold."""
    with engine.begin() as connection:
        return {
            name: sorted(map(tuple, connection.execute(text(f"SELECT * FROM {name}"))), key=repr)  # noqa: S608
            for name in _OLD
        }


def test_every_row_of_the_first_release_is_still_there(
    old_url: str, pictures: PictureStore
) -> None:
    with engine_of(old_url) as engine:
        with engine.begin() as connection:
            assert revision_of(connection) == "0001"
        before = rows(engine)
    assert [len(before[name]) for name in _OLD] == [8, 4, 4, 8, 3]
    Store.open(old_url).close()
    with engine_of(old_url) as engine:
        assert rows(engine) == before
        report = check(engine, pictures, hashes=True)
        assert report.problems == []
        assert report.counts["pictures"] == 8
        with engine.begin() as connection:
            assert revision_of(connection) == REVISION == schema.revisions()[0]


def test_no_fact_of_the_first_release_can_be_changed_any_more(old_url: str) -> None:
    Store.open(old_url).close()
    with engine_of(old_url) as engine:
        for table in FACTS:
            for change in (f"DELETE FROM {table.name}", f"UPDATE {table.name} SET seq = seq + 100"):  # noqa: S608
                if table.name not in _OLD and engine.dialect.name == "sqlite":
                    continue  # it has a trigger for each row, and these have none
                with (
                    pytest.raises(DBAPIError, match="append-only"),
                    writing(engine) as connection,
                ):
                    connection.execute(text(change))


def test_acts_of_before_are_not_taken_for_lost_ones(store_url: str) -> None:
    """Schema 0007 does not say which rows of the audit log belong together."""
    if store_url.startswith("sqlite"):
        Path(store_url.removeprefix("sqlite:///")).touch()
    begun = {"actor": "eva", "origin": "here", "act": "POST /x", "target": "y", "detail": ""}
    with engine_of(store_url) as engine, writing(engine) as connection:
        schema.migrate(connection, "0007")
        connection.execute(
            text(
                "INSERT INTO audit (at, actor, origin, act, target, detail, outcome) VALUES "
                "(CURRENT_TIMESTAMP, :actor, :origin, :act, :target, :detail, 'begun')"
            ),
            begun,
        )
    store = Store.open(store_url)
    cut_off = Act("eva", "here", "POST /x", "y", ActOutcome.BEGUN, act_id="a" * 32)
    audit.add_alone(store, cut_off)
    assert [each.end for each in audit.newest(store, limit=9)] == [ActEnd.MISSING, None]
    store.close()


def test_the_server_shows_and_goes_on_with_the_history_of_the_first_release(
    old_url: str, pictures: PictureStore, tmp_path: Path
) -> None:
    settings = ServerSettings(tmp_path, access=OPEN_ACCESS, host_names=frozenset({"testserver"}))
    app = create_app(settings, Lineup(FakeGrader()), Store.open(old_url))
    with TestClient(app, raise_server_exceptions=False) as client:
        get: Callable[[str], Any] = lambda address: client.get(address).json()  # noqa: E731
        status = {
            each["item_id"]: (each["current"]["status"], each["current"]["lane"])
            for each in get("/v1/items")["items"]
        }
        assert status == {
            "R-0": ("review", "open-box"),
            "R-1": ("answered", "open-box"),
            "R-2": ("review", None),
            "R-3": ("answered", None),
            "R-4": ("review", None),
            "R-5": ("review", None),
            "R-6": ("review", None),
            "R-99": ("ungraded", None),
        }
        assert [len(get(f"/v1/items/R-{number}")["gradings"]) for number in (0, 1)] == [2, 1]
        assert len(get("/v1/items/R-5")["gradings"][0]["images"]) == 2
        assert [each["grade"] for each in get("/v1/overrides")] == [
            "new",
            "salvage",
            None,
            "repairable",
        ]
        assert get("/v1/summary")["by_ending"] == {"diverted": 3, "lost": 1}
        assert get("/v1/models/comparison")
        for address in (
            "/line",
            "/review",
            "/items/R-0",
            "/items/R-99",
            "/models",
            "/line/log?line_id=line1",
        ):
            assert client.get(address, follow_redirects=False).status_code in (200, 303), address
        answer = {"override_id": "o-9", "grade": "new", "operator": "Anna", "seen_seq": 3}
        said = client.post("/v1/items/R-2/overrides", json=answer)
        assert (said.status_code, said.json()["seq"]) == (201, 5)
        repeated = json.loads(client.get("/v1/outcomes").text)[0]
        assert client.post("/v1/outcomes", json=[repeated]).json() == {"accepted": 0, "repeated": 1}
