"""A server that asks who calls, with somebody of each role."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from inference.access import ledger
from inference.access.roles import Role
from inference.access.settings import AccessSettings
from inference.store import Store
from tests.inference.conftest import ClientFactory

PASSWORD = "correct horse battery"
ORIGIN = {"Origin": "http://testserver"}
#: Nobody waits for a poll in a test: what another process did is read again at once.
SETTINGS = AccessSettings(refresh_s=0.02)


@dataclass(frozen=True)
class Guarded:
    """A running server, and the store as another process has it open."""

    client: TestClient
    store: Store

    def key(self, role: Role, name: str | None = None) -> dict[str, str]:
        """Headers with a new key."""
        token = ledger.add_key(self.store, name or f"a-{role}", role, "test")
        return {"X-API-Key": token.text}

    def user(self, name: str, role: Role = Role.OPERATOR) -> None:
        """Somebody who may log in."""
        ledger.add_user(self.store, name, role, PASSWORD, "test")

    def log_in(self, name: str, password: str = PASSWORD, **headers: str) -> dict[str, str]:
        """Log in, in the client's own cookies; gives the headers of a change."""
        reply = self.client.post(
            "/login",
            data={"name": name, "password": password},
            headers=ORIGIN | headers,
            follow_redirects=False,
        )
        assert reply.status_code == 303, reply.text
        me = self.client.get("/v1/me").json()
        assert (me["name"], me["means"]) == (name, "session")
        return ORIGIN | {"X-CSRF-Token": me["csrf_token"]}


@pytest.fixture
def guard(make_client: ClientFactory, tmp_path: Path) -> Iterator[Callable[..., Guarded]]:
    """Starts a server with other settings."""
    stores = []

    def make(**settings: object) -> Guarded:
        client = make_client(access=replace(SETTINGS, **settings))  # type: ignore[arg-type]
        stores.append(Store.open(f"sqlite:///{tmp_path / 'regrade.sqlite'}"))
        return Guarded(client, stores[-1])

    yield make
    for store in stores:
        store.close()


@pytest.fixture
def guarded(guard: Callable[..., Guarded]) -> Guarded:
    return guard()
