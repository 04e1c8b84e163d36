"""A key of one line speaks for no other."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from inference.access import audit, ledger
from inference.access.ledger import LedgerError
from inference.access.roles import RULES, Role
from tests.inference.access.conftest import Guarded
from tests.inference.access.test_roles import address_of
from tests.inference.inference_factories import line_state, outcome

_OF_A_LINE = [
    rule for rule, each in RULES.items() if "{line_id}" in rule and Role.LINE in each.roles
]


@pytest.fixture
def bound(guarded: Guarded) -> Callable[[str], dict[str, str]]:
    """Makes headers with the key of one line."""

    def make(line_id: str) -> dict[str, str]:
        name = f"controller of {line_id}"
        return {
            "X-API-Key": ledger.add_key(
                guarded.store, name, Role.LINE, "test", line_id=line_id
            ).text
        }

    return make


def test_no_address_of_another_line_is_open(
    guarded: Guarded, bound: Callable[[str], dict[str, str]]
) -> None:
    key = bound("line1")
    assert len(_OF_A_LINE) >= 5
    for rule in _OF_A_LINE:
        method, address = address_of(rule)
        reply = guarded.client.request(method, address.replace("/x", "/line2", 1), headers=key)
        assert reply.status_code == 403, rule
        assert "for line line1 alone" in reply.json()["error"]["message"]
    newest = audit.newest(guarded.store, limit=1)[0]
    assert (newest.actor, newest.act) == ("controller of line1", "refused")


def test_a_line_reports_for_itself_alone(
    guarded: Guarded, bound: Callable[[str], dict[str, str]]
) -> None:
    key = bound("line1")

    def put(line_id: str) -> int:
        text = line_state(line_id=line_id).model_dump_json()
        json_too = key | {"Content-Type": "application/json"}
        address = f"/v1/lines/{line_id}/state"
        return guarded.client.put(address, content=text, headers=json_too).status_code

    def report(*lines: str) -> int:
        sent = [
            outcome("R-1", number, line_id=line).model_dump(mode="json")
            for number, line in enumerate(lines)
        ]
        return guarded.client.post("/v1/outcomes", json=sent, headers=key).status_code

    assert (put("line1"), put("line2"), put("LINE1")) == (204, 403, 403)
    assert (report("line1", "line2"), report("line2")) == (403, 403)
    assert guarded.store.newest_outcomes(line_id=None, limit=9) == []
    assert report("line1") == 200


def test_a_key_without_a_line_is_of_any(guarded: Guarded) -> None:
    key = guarded.key(Role.LINE)
    assert guarded.client.get("/v1/me", headers=key).json()["line_id"] is None
    for line_id in ("line1", "line2"):
        reply = guarded.client.get(f"/v1/lines/{line_id}/commands/open", headers=key)
        assert reply.status_code == 200


def test_only_a_lines_key_has_a_line_and_it_has_a_name(guarded: Guarded) -> None:
    with pytest.raises(LedgerError, match="only a line's key"):
        ledger.add_key(guarded.store, "eva", Role.ENGINEER, "test", line_id="line1")
    with pytest.raises(LedgerError, match="no name of a line"):
        ledger.add_key(guarded.store, "eva", Role.LINE, "test", line_id="line 1")
