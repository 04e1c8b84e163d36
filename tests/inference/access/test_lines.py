"""A key of one line speaks for no other."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from inference.access import audit, ledger
from inference.access.ledger import LedgerError
from inference.access.roles import RULES, Role
from inference.store import OtherLinesError, Store
from model.contract import Alarm, AlarmPriority, AlarmState
from tests.inference.access.conftest import Guarded
from tests.inference.access.test_roles import address_of
from tests.inference.inference_factories import NOON, line_state, outcome, picture

_OF_A_LINE = [
    rule for rule, each in RULES.items() if "{line_id}" in rule and Role.LINE in each.roles
]


@pytest.fixture
def bound(guarded: Guarded) -> Callable[[str], dict[str, str]]:
    """Makes headers with the key of one line."""

    def make(line_id: str) -> dict[str, str]:
        name = f"controller of {line_id[:40]}"
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


def alarm(alarm_id: str, line_id: str) -> dict[str, Any]:
    """As a line reports it."""
    return Alarm(
        alarm_id=alarm_id,
        line_id=line_id,
        revision=1,
        condition="emergency-stop",
        priority=AlarmPriority.CRITICAL,
        state=AlarmState.UNACKNOWLEDGED_ACTIVE,
        text="Emergency stop",
        action="Make the machine safe",
        began_at=NOON,
        changed_at=NOON,
    ).model_dump(mode="json")


def named_outcome(outcome_id: str, line_id: str) -> dict[str, Any]:
    """As a line reports it."""
    return {**outcome(line_id=line_id).model_dump(mode="json"), "outcome_id": outcome_id}


@pytest.mark.parametrize("named", ["line2:boot1:1", "LINE1:boot1:1", "line10:1"])
def test_a_line_gives_no_id_that_names_another_line(
    guarded: Guarded, bound: Callable[[str], dict[str, str]], named: str
) -> None:
    """It would shut the other line's report out: what is stored twice is stored once."""
    key = bound("line1")
    form: list[tuple[str, Any]] = [
        ("item", (None, '{"item_id": "R-1"}')),
        ("capture_id", (None, named)),
        ("images", ("a.jpg", picture())),
    ]
    batch = json.dumps([{"capture_id": named, "item": {"item_id": "R-1"}, "images": ["a.jpg"]}])
    post = partial(guarded.client.post, headers=key)
    replies = {
        "outcome_id": post("/v1/outcomes", json=[named_outcome(named, "line1")]),
        "alarm_id": post("/v1/lines/line1/alarms", json=[alarm(named, "line1")]),
        "capture_id": post("/v1/grade", files=form),
        "capture_id ": post("/v1/grade/batch", files=[("batch", (None, batch)), form[-1]]),
    }
    for field, reply in replies.items():
        error = reply.json()["error"]
        assert (reply.status_code, error["field"]) == (403, field.strip())
        assert "begin ids of this one with line1:" in error["message"]
        assert "regrade keys add" in error["message"]
    assert guarded.store.newest_outcomes(line_id=None, limit=9) == []
    assert guarded.store.newest_alarms("line1", limit=9) == []
    assert guarded.store.summary(None).graded == 0
    newest = audit.newest(guarded.store, limit=1)[0]
    assert (newest.actor, newest.target) == ("controller of line1", f"capture_id {named}")


def test_a_line_goes_on_with_its_own_ids_and_with_those_that_name_no_line(
    guarded: Guarded, bound: Callable[[str], dict[str, str]]
) -> None:
    long = "l" * 100
    for line_id, own in (("line1", ("line1:b:1", "mine")), (long, (f"{long[:80]}:stop:1",))):
        key = bound(line_id)
        for each in own:
            outcomes = [named_outcome(each, line_id)]
            reply = guarded.client.post("/v1/outcomes", json=outcomes, headers=key)
            assert reply.json() == {"accepted": 1, "repeated": 0}
            address = f"/v1/lines/{line_id}/alarms"
            reply = guarded.client.post(address, json=[alarm(each, line_id)], headers=key)
            assert reply.json() == {"accepted": 1, "repeated": 0}


def test_an_id_that_is_another_lines_on_record_is_no_repeat(
    guarded: Guarded, bound: Callable[[str], dict[str, str]]
) -> None:
    others, key = bound("line2"), bound("line1")
    outcomes, alarms = "/v1/outcomes", "/v1/lines/{}/alarms".format
    client = guarded.client
    for headers, line_id, status in ((others, "line2", 200), (key, "line1", 403)):
        sent: dict[str, Any] = {
            outcomes: [named_outcome("tote-7", line_id), named_outcome("tote-8", line_id)],
            alarms(line_id): [alarm("stop-7", line_id)],
        }
        for address, body in sent.items():
            reply = client.post(address, json=body, headers=headers)
            assert reply.status_code == status, reply.text
            assert status == 200 or "this is of line line2" in reply.json()["error"]["message"]
    assert {each.line_id for each in guarded.store.newest_outcomes(line_id=None, limit=9)} == {
        "line2"
    }


def test_each_store_keeps_the_ids_of_lines_apart(store: Store) -> None:
    """Over both databases."""
    assert store.add_outcomes([outcome(line_id="line2")], "line2") == 1
    stolen = outcome(line_id="line2").model_copy(update={"line_id": "line1"})
    with pytest.raises(OtherLinesError) as caught:
        store.add_outcomes([outcome(tid=9, line_id="line1"), stolen], "line1")
    assert (caught.value.report_id, caught.value.line_id) == ("line2:boot1:1", "line2")
    assert store.summary(None).outcomes == 1
    theirs = Alarm.model_validate(alarm("stop-7", "line2"))
    assert store.add_alarms("line2", [theirs], "line2") == 1
    with pytest.raises(OtherLinesError):
        store.add_alarms("line1", [Alarm.model_validate(alarm("stop-7", "line1"))], "line1")


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
