"""Keys of machines: how they look, how long they live, and what trying them costs."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from inference.access import audit, ledger
from inference.access.ledger import LedgerError
from inference.access.rates import Rate
from inference.access.roles import Role
from inference.access.tables import tokens
from inference.access.tokens import Token, TokenKind
from tests.inference.access.conftest import Guarded


def test_a_key_is_read_back_and_says_nothing_of_its_secret() -> None:
    key = Token.new_key()
    assert Token.parse(f" {key.text}\n") == key
    assert key.secret not in repr(key)
    assert len(key.secret) >= 43


def test_a_badge_is_digits_alone() -> None:
    badge = Token.new_badge()
    assert badge.text.isdecimal()
    assert Token.parse(badge.text) == badge


@pytest.mark.parametrize("text", ["", "rgk_", "rgk_a", "rgk__x", "other_a_b", "1" * 47, "é" * 48])
def test_what_is_no_token_is_none(text: str) -> None:
    assert Token.parse(text) is None


def test_the_store_keeps_a_hash_and_not_the_key(guarded: Guarded) -> None:
    text = guarded.key(Role.LINE)["X-API-Key"]
    secret = text.rsplit("_", 1)[-1]
    with guarded.store.reading() as connection:
        row = connection.execute(tokens.select()).one()
    assert secret not in str(row)
    assert Token.parse(text).digest == row.digest  # type: ignore[union-attr]


def test_a_new_key_opens_at_once_and_a_revoked_one_soon_not(guarded: Guarded) -> None:
    key = guarded.key(Role.LINE, "line-1")
    assert guarded.client.get("/v1/me", headers=key).status_code == 200
    ledger.revoke_key(guarded.store, "line-1", "test")
    limit = time.monotonic() + 20
    while guarded.client.get("/v1/me", headers=key).status_code == 200:
        assert time.monotonic() < limit
    assert guarded.client.get("/v1/me", headers=key).status_code == 401


def test_a_known_key_costs_no_query(
    monkeypatch: pytest.MonkeyPatch, guard: Callable[..., Guarded]
) -> None:
    quiet = guard(refresh_s=3600.0)
    key = quiet.key(Role.LINE)
    assert quiet.client.get("/v1/me", headers=key).status_code == 200

    def fail(*_: object) -> None:
        raise AssertionError("the store was asked")

    monkeypatch.setattr(ledger, "load", fail)
    for _ in range(5):
        assert quiet.client.get("/v1/me", headers=key).status_code == 200


def test_a_key_of_another_machine_does_not_open_with_this_ones_id(guarded: Guarded) -> None:
    key = Token.parse(guarded.key(Role.LINE)["X-API-Key"])
    assert key is not None
    forged = Token(TokenKind.KEY, key.token_id, Token.new_key().secret)
    reply = guarded.client.get("/v1/me", headers={"X-API-Key": forged.text})
    assert reply.status_code == 401


def test_a_badge_is_no_key(guarded: Guarded) -> None:
    guarded.user("anna")
    badge = ledger.add_badge(guarded.store, "anna", "test")
    assert guarded.client.get("/v1/me", headers={"X-API-Key": badge.text}).status_code == 401


def test_wrong_keys_are_limited_and_a_right_one_is_not_held_up(
    guard: Callable[..., Guarded],
) -> None:
    guarded = guard(bad_keys=Rate(2, 600.0))
    key = guarded.key(Role.LINE)
    wrong = {"X-API-Key": "rgk_0123456789ab_wrong"}
    codes = [guarded.client.get("/v1/me", headers=wrong).status_code for _ in range(3)]
    assert codes == [401, 401, 429]
    limited = guarded.client.get("/v1/me", headers=wrong)
    assert int(limited.headers["retry-after"]) > 1
    assert limited.json()["error"]["code"] == "too_many_requests"
    assert guarded.client.get("/v1/me", headers=key).status_code == 200
    recorded = [each for each in audit.newest(guarded.store, limit=50) if each.act == "wrong key"]
    assert len(recorded) == 2
    assert recorded[0].detail == "id 0123456789ab"


def test_a_name_is_one_person_or_one_machine(guarded: Guarded) -> None:
    guarded.user("anna")
    for taken in ("anna", "ANNA"):
        with pytest.raises(LedgerError, match="named 'anna' already"):
            ledger.add_key(guarded.store, taken, Role.OPERATOR, "test")
    for bad in ("", " anna", "a\nb", "local", "x" * 65, "<b>"):
        with pytest.raises(LedgerError, match="cannot be a name"):
            ledger.add_key(guarded.store, bad, Role.LINE, "test")
