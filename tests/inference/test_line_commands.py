"""Commands of people and alarms of lines: stored once, handed out in time, their ends kept."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.testclient import TestClient

from inference.records import CommandRequest
from inference.store import CommandConflictError, Store, UnknownCommandError
from model.contract import (
    Alarm,
    AlarmPriority,
    AlarmState,
    CommandKind,
    CommandResult,
    CommandStatus,
)
from tests.inference.inference_factories import line_state

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def request(command_id: str = "c-1", kind: str = "stop", **more: object) -> dict[str, Any]:
    return {"command_id": command_id, "kind": kind, "operator": "Anna", **more}


def asked(command_id: str = "c-1", kind: str = "stop", **more: object) -> CommandRequest:
    return CommandRequest.model_validate(request(command_id, kind, **more))


def done(command_id: str = "c-1", status: CommandStatus = CommandStatus.DONE) -> CommandResult:
    return CommandResult(command_id=command_id, status=status, reason="The line stands", at=NOW)


def alarm(revision: int = 1, state: AlarmState = AlarmState.UNACKNOWLEDGED_ACTIVE) -> Alarm:
    return Alarm(
        alarm_id="line1:lane-2-jam:1",
        line_id="line1",
        revision=revision,
        condition="lane-2-jam",
        priority=AlarmPriority.HIGH,
        state=state,
        text="Lane 2 is jammed",
        action="Take it out",
        began_at=NOW,
        changed_at=NOW,
    )


def test_a_command_is_stored_once_and_handed_out_until_its_end_is_known(store: Store) -> None:
    first = store.add_command("line1", asked())
    again = store.add_command("line1", asked())
    assert again == first
    assert first.is_open
    (handed,) = store.open_commands("line1", 0)
    assert handed.command == first.command
    assert 4 < handed.left_s <= 5
    assert store.open_commands("line2", 0) == []
    assert store.open_commands("line1", first.command.seq) == []
    assert store.add_results("line1", [done()]) == 1
    assert store.open_commands("line1", 0) == []
    (record,) = store.newest_commands("line1", limit=10)
    assert record.result == done()
    assert not record.is_open


def test_a_command_whose_time_is_over_is_not_handed_out(store: Store) -> None:
    store.add_command("line1", asked(expires_s=1))
    time.sleep(1.05)
    assert store.open_commands("line1", 0) == []
    (record,) = store.newest_commands("line1", limit=10)
    assert (record.result, record.is_open) == (None, False)


def test_a_reader_of_another_database_misses_nothing(store: Store) -> None:
    store.add_command("line1", asked())
    assert len(store.open_commands("line1", 10_000)) == 1


def test_an_id_stands_for_one_command(store: Store) -> None:
    store.add_command("line1", asked())
    for other, line_id in ((asked(kind="hold"), "line1"), (asked(), "line2")):
        with pytest.raises(CommandConflictError):
            store.add_command(line_id, other)


def test_the_first_result_holds(store: Store) -> None:
    store.add_command("line1", asked())
    assert store.add_results("line1", [done()]) == 1
    assert store.add_results("line1", [done(status=CommandStatus.REFUSED)]) == 0
    assert store.newest_commands("line1", limit=1)[0].result == done()
    for line_id, result in (("line1", done("c-9")), ("line2", done())):
        with pytest.raises(UnknownCommandError):
            store.add_results(line_id, [result])


def test_every_change_of_an_alarm_is_kept_once(store: Store) -> None:
    over = alarm(2, AlarmState.UNACKNOWLEDGED_RETURNED)
    assert store.add_alarms("line1", [alarm()]) == 1
    assert store.add_alarms("line1", [alarm(), over]) == 1
    assert store.newest_alarms("line1", limit=10) == [over, alarm()]
    assert store.newest_alarms("line2", limit=10) == []


def test_a_line_that_is_not_there_is_not_commanded(client: TestClient) -> None:
    reply = client.post("/v1/lines/line1/commands", json=request())
    assert (reply.status_code, reply.json()["error"]["code"]) == (404, "unknown_line")
    assert client.get("/v1/lines/line1/commands").json() == []


def test_a_line_that_is_silent_is_not_commanded(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.put("/v1/lines/line1/state", json=line_state().model_dump(mode="json"))
    monkeypatch.setattr("inference.routes.commands.STALE_S", -1.0)
    reply = client.post("/v1/lines/line1/commands", json=request())
    assert (reply.status_code, reply.json()["error"]["code"]) == (409, "line_silent")
    assert client.get("/v1/lines/line1/commands").json() == []


def test_a_controller_that_waits_is_told_at_once_and_reports_back(client: TestClient) -> None:
    client.put("/v1/lines/line1/state", json=line_state().model_dump(mode="json"))
    replies: list[Any] = []
    poll = threading.Thread(
        target=lambda: replies.append(
            client.get("/v1/lines/line1/commands/open", params={"wait_s": 20}).json()
        )
    )
    poll.start()
    sent = client.post("/v1/lines/line1/commands", json=request())
    poll.join(15)
    assert sent.status_code == 201
    (handed,) = replies[0]["commands"]
    assert handed["command"]["command_id"] == "c-1"
    assert replies[0]["waited_s"] >= 0
    body = [done().model_dump(mode="json")]
    path = "/v1/lines/line1/commands/results"
    assert client.post(path, json=body).json() == {"accepted": 1, "repeated": 0}
    assert client.post(path, json=body).json() == {"accepted": 0, "repeated": 1}
    (record,) = client.get("/v1/lines/line1/commands").json()
    assert record["result"]["status"] == "done"
    conflict = client.post("/v1/lines/line1/commands", json=request(kind="hold"))
    assert conflict.json()["error"]["code"] == "command_conflict"
    unknown = client.post(path, json=[done("c-9").model_dump(mode="json")])
    assert unknown.json()["error"]["code"] == "unknown_command"


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "explode"},
        {"kind": "lane_disable", "lane": 2},
        {"kind": "lane_enable"},
        {"kind": "stop", "lane": 2},
        {"kind": "acknowledge"},
        {"operator": " "},
        {"expires_s": 3600},
    ],
)
def test_a_command_that_makes_no_sense_is_refused(
    client: TestClient, wrong: dict[str, Any]
) -> None:
    client.put("/v1/lines/line1/state", json=line_state().model_dump(mode="json"))
    reply = client.post("/v1/lines/line1/commands", json=request() | wrong)
    assert (reply.status_code, reply.json()["error"]["code"]) == (422, "invalid_field")


def test_alarms_are_of_the_line_that_reports_them(client: TestClient) -> None:
    body = [alarm().model_dump(mode="json")]
    reply = client.post("/v1/lines/line2/alarms", json=body)
    assert reply.json()["error"]["code"] == "invalid_field"
    assert client.post("/v1/lines/line1/alarms", json=body).json()["accepted"] == 1
    assert client.get("/v1/lines/line1/alarms").json() == body


def test_every_kind_of_command_can_be_stored(store: Store) -> None:
    about: dict[CommandKind, dict[str, object]] = {
        CommandKind.LANE_ENABLE: {"lane": 1},
        CommandKind.LANE_DISABLE: {"lane": 1, "note": "why"},
        CommandKind.ACKNOWLEDGE: {"alarm_id": "a-1"},
    }
    for kind in CommandKind:
        store.add_command("line1", asked(f"c-{kind}", kind, **about.get(kind, {})))
    found = {record.command.kind for record in store.newest_commands("line1", limit=100)}
    assert found == set(CommandKind)
