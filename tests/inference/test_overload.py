"""More requests than there is time for: who is refused, who is displaced, who is answered."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from inference.scheduling import Priority, Refusal
from inference.services import Services
from inference.settings import Capacity
from model.contract import Assessment
from tests.inference.inference_factories import FakeGrader, assessment, picture
from tests.inference.test_grade_endpoint import code_of, form, grade

ClientFactory = Callable[..., TestClient]


class Line:
    """Sends items side by side, and knows when they wait."""

    def __init__(self, client: TestClient, pool: ThreadPoolExecutor) -> None:
        self.client = client
        self._pool = pool

    def send(self, name: str, views: int = 1, /, **headers: str) -> Future[Response]:
        """Send an item of its own."""
        parts = form(*[picture()] * views, item=f'{{"item_id": "{name}"}}', capture_id=name)
        return self._pool.submit(grade, self.client, parts, **headers)

    def queue(self, name: str, views: int = 1, /, **headers: str) -> Future[Response]:
        """Send one, and come back when it waits."""
        before = self.waiting
        sent = self.send(name, views, **headers)
        while self.waiting == before:
            assert not sent.done(), sent.result().text
            time.sleep(0.005)
        return sent

    @property
    def waiting(self) -> float:
        """Items in the queue."""
        return sum(self.figure("regrade_grade_waiting", priority=each) for each in Priority)

    def figure(self, name: str, **labels: str) -> float:
        """One of the server's metrics."""
        services: Services = self.client.app_state["services"]
        return services.metrics.registry.get_sample_value(name, labels) or 0.0

    def shed(self, priority: Priority, reason: Refusal) -> float:
        """How many were refused or given up."""
        return self.figure("regrade_grade_sheds_total", priority=priority, reason=reason)


@pytest.fixture
def line(make_client: ClientFactory, grader: FakeGrader) -> Any:
    """One worker, which is busy with an item, and places for three that wait."""
    client = make_client(capacity=Capacity(grade_threads=1, max_in_flight=4))
    grader.hold()
    with ThreadPoolExecutor(8) as pool:
        line = Line(client, pool)
        first = line.send("first")
        assert grader.entered.acquire(timeout=30)
        yield line
        grader.release()
        assert first.result().status_code == 200


def test_the_lowest_priority_is_shed_first(line: Line, grader: FakeGrader) -> None:
    low = [line.queue(f"low-{number}", **{"X-Priority": "low"}) for number in range(2)]
    normal = line.queue("normal")
    assert code_of(line.send("low-2", **{"X-Priority": "low"}).result())[:2] == (503, "overloaded")

    high = line.send("high", **{"X-Priority": "high"})
    assert code_of(low[1].result())[:2] == (503, "overloaded"), "the one that came last"
    another = line.send("another")
    assert code_of(low[0].result())[:2] == (503, "overloaded")
    assert code_of(line.send("one-more").result())[:2] == (503, "overloaded")

    grader.release()
    assert [each.result().status_code for each in (normal, high, another)] == [200, 200, 200]
    assert line.shed(Priority.LOW, Refusal.DISPLACED) == 2
    assert line.shed(Priority.LOW, Refusal.QUEUE_FULL) == 1
    assert line.shed(Priority.NORMAL, Refusal.QUEUE_FULL) == 1


def test_what_was_refused_left_no_trace_and_may_come_again(line: Line, grader: FakeGrader) -> None:
    waiting = [line.queue(f"waiting-{number}") for number in range(3)]
    refused = line.send("refused").result()
    assert code_of(refused)[:2] == (503, "overloaded")
    assert int(refused.headers["Retry-After"]) >= 1
    assert line.client.get("/v1/items/refused").status_code == 404
    grader.release()
    assert {each.result().status_code for each in waiting} == {200}
    assert line.send("refused").result().status_code == 200


def test_who_goes_first_is_who_has_least_time_among_the_highest(
    line: Line, grader: FakeGrader
) -> None:
    graded: list[int] = []

    def answer(views: int) -> Assessment:
        graded.append(views)
        return assessment(views=views)

    grader.answer = answer
    sent = [
        line.queue("patient", 2),
        line.queue("hurried", 3, **{"X-Deadline-Ms": "50000"}),
        line.queue("urgent", 4, **{"X-Priority": "high", "X-Deadline-Ms": "60000"}),
    ]
    grader.release()
    assert {each.result().status_code for each in sent} == {200}
    assert graded == [1, 4, 3, 2], "what was begun, then urgent, hurried, patient"


def test_no_work_is_spent_on_what_is_late(line: Line, grader: FakeGrader) -> None:
    late = [line.send(f"late-{number}", **{"X-Deadline-Ms": "800"}) for number in range(3)]
    assert {code_of(each.result())[:2] for each in late} == {(503, "deadline_missed")}
    grader.release()
    assert line.send("after").result().status_code == 200
    assert grader.assessed == 2, "the first and the last one"
    assert line.shed(Priority.NORMAL, Refusal.DEADLINE_PASSED) == 3


def test_a_repeat_with_more_time_keeps_the_item_in_the_queue(
    line: Line, grader: FakeGrader
) -> None:
    hurried = line.queue("shared", **{"X-Deadline-Ms": "1000"})
    patient = line.send("shared")
    assert code_of(hurried.result())[:2] == (503, "deadline_missed")
    grader.release()
    assert patient.result().status_code == 200
    assert grader.assessed == 2


def test_a_deadline_out_of_reach_is_refused_before_the_body_is_looked_at(
    make_client: ClientFactory, grader: FakeGrader
) -> None:
    """The body is no form, and yet the answer is about the time: nobody read it."""
    client = make_client(capacity=Capacity(grade_threads=1, max_in_flight=4))
    grader.hold()
    with ThreadPoolExecutor(8) as pool:
        line = Line(client, pool)
        slow = line.send("slow")
        assert grader.entered.acquire(timeout=30)
        time.sleep(0.3)
        grader.release()
        assert slow.result().status_code == 200  # an item takes 0.3 s, it has learned
        grader.hold()
        busy = line.send("busy")
        assert grader.entered.acquire(timeout=30)
        headers = {"X-Deadline-Ms": "400", "Content-Type": "multipart/form-data; boundary=x"}
        reply = client.post("/v1/grade", content=b"no form", headers=headers)
        assert code_of(reply)[:2] == (503, "deadline_missed")
        grader.release()
        assert busy.result().status_code == 200
    assert line.shed(Priority.NORMAL, Refusal.DEADLINE_OUT_OF_REACH) == 1


@pytest.mark.parametrize("value", ["urgent", "1", ""])
def test_a_priority_is_one_of_three_words(client: TestClient, jpeg: bytes, value: str) -> None:
    reply = grade(client, form(jpeg), **{"X-Priority": value})
    assert code_of(reply) == (422, "invalid_field", "x-priority")
