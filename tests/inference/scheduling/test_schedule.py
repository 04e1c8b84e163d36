"""Who is next, who is refused, who has to go: the queue with literal times."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.scheduling.schedule import Bounds, Refusal, Schedule
from inference.scheduling.terms import Priority, Ticket

HIGH, NORMAL, LOW = Priority


def schedule(
    *, workers: int = 1, places: int = 100, max_wait_s: float = 10.0, picture_s: float = 0.0
) -> Schedule[str]:
    """A queue whose pace is known."""
    made: Schedule[str] = Schedule(Bounds(workers, places, max_wait_s))
    if picture_s:
        made.pace.worked(1, picture_s)
    return made


def ticket(
    deadline_s: float = math.inf, priority: Priority = NORMAL, *, pictures: int = 1
) -> Ticket:
    return Ticket(deadline_s, priority, pictures)


def busy(queue: Schedule[str]) -> None:
    """Every worker has something to do."""
    for number in range(queue.bounds.workers):
        assert queue.offer(ticket(), f"busy-{number}", 0.0).refusal is None
        assert queue.take(0.0).next is not None


def order_of(queue: Schedule[str], now_s: float = 0.0) -> list[str]:
    """Take everything that is left, one after the other."""
    taken = []
    while (next_one := queue.take(now_s).next) is not None:
        taken.append(next_one.job)
        queue.done(next_one.ticket)
    return taken


def test_priority_then_deadline_then_arrival() -> None:
    queue = schedule()
    for job, asked in {
        "low": ticket(1.0, LOW),
        "patient": ticket(),
        "second": ticket(9.0),
        "first": ticket(5.0),
        "patient too": ticket(),
        "high": ticket(math.inf, HIGH),
    }.items():
        assert queue.offer(asked, job, 0.0).refusal is None
    assert order_of(queue) == ["high", "first", "second", "patient", "patient too", "low"]


def test_an_empty_queue_has_nothing() -> None:
    taken = schedule().take(0.0)
    assert (taken.next, taken.late) == (None, ())


def test_what_is_late_is_dropped_before_it_costs_anything() -> None:
    queue = schedule()
    queue.offer(ticket(1.0), "late", 0.0)
    queue.offer(ticket(9.0), "in time", 0.0)
    taken = queue.take(2.0)
    assert taken.late == ("late",)
    assert taken.next is not None
    assert taken.next.job == "in time"
    assert queue.working == 1


def test_what_can_no_longer_be_done_in_time_makes_way_for_others() -> None:
    queue = schedule(picture_s=0.5)
    queue.offer(ticket(1.0), "hopeless", 0.0)
    queue.offer(ticket(9.0), "in time", 0.0)
    assert queue.take(0.8).late == ("hopeless",)


def test_what_may_be_late_is_tried_when_nobody_else_waits() -> None:
    queue = schedule(picture_s=0.5)
    queue.offer(ticket(1.0), "alone", 0.0)
    taken = queue.take(0.8)
    assert taken.next is not None
    assert taken.late == ()


def test_a_deadline_that_has_passed_is_refused_at_once() -> None:
    assert schedule().offer(ticket(1.0), "late", 1.0).refusal is Refusal.DEADLINE_PASSED


def test_a_deadline_behind_what_waits_is_refused_at_once() -> None:
    queue = schedule(picture_s=0.1)
    busy(queue)
    for number in range(5):
        queue.offer(ticket(9.0), str(number), 0.0)
    asked = ticket(9.1)
    assert queue.refusal(asked, 8.5) is Refusal.DEADLINE_OUT_OF_REACH
    assert queue.offer(asked, "late", 8.5).refusal is Refusal.DEADLINE_OUT_OF_REACH
    assert queue.offer(ticket(9.1, HIGH), "urgent", 8.5).refusal is None


def test_an_idle_server_tries_whatever_a_bad_moment_taught_it() -> None:
    queue = schedule(picture_s=5.0)
    assert queue.offer(ticket(0.1), "one", 0.0).refusal is None


def test_nobody_loses_a_promise_to_an_equal() -> None:
    """An earlier deadline goes first only as long as those behind it stay in time."""
    queue = schedule(picture_s=0.1)
    busy(queue)
    queue.offer(ticket(0.22), "promised", 0.0)
    assert queue.offer(ticket(0.21), "pushy", 0.0).refusal is Refusal.DEADLINE_OUT_OF_REACH
    assert order_of(queue) == ["promised"]


def test_a_higher_priority_displaces_those_that_it_would_make_late() -> None:
    queue = schedule(picture_s=0.1)
    busy(queue)
    queue.offer(ticket(0.2, LOW), "low", 0.0)
    queue.offer(ticket(9.0, LOW), "low and patient", 0.0)
    offer = queue.offer(ticket(0.5), "normal", 0.0)
    assert (offer.refusal, offer.displaced) == (None, ("low",))
    assert order_of(queue) == ["normal", "low and patient"]


def test_a_full_queue_sheds_its_lowest_priority() -> None:
    queue = schedule(places=4)
    busy(queue)
    for job, asked in {
        "low": ticket(5.0, LOW),
        "lower": ticket(6.0, LOW),
        "normal": ticket(7.0),
    }.items():
        queue.offer(asked, job, 0.0)
    assert queue.offer(ticket(1.0, LOW), "another", 0.0).refusal is Refusal.QUEUE_FULL
    assert queue.offer(ticket(9.0), "one", 0.0).displaced == ("lower",)
    assert queue.offer(ticket(9.0, HIGH), "two", 0.0).displaced == ("low",)
    assert queue.offer(ticket(9.0), "three", 0.0).refusal is Refusal.QUEUE_FULL
    assert order_of(queue) == ["two", "normal", "one"]


def test_whoever_has_no_deadline_waits_so_long_and_no_longer() -> None:
    queue = schedule(picture_s=0.1, max_wait_s=0.3)
    busy(queue)
    waiting = [queue.offer(ticket(), str(number), 0.0).refusal for number in range(5)]
    assert waiting == [None, None, None, Refusal.WAIT_TOO_LONG, Refusal.WAIT_TOO_LONG]
    assert queue.offer(ticket(60.0), "patient", 0.0).refusal is None


def test_workers_share_the_wait() -> None:
    one, two = (schedule(workers=workers, picture_s=0.1) for workers in (1, 2))
    for queue in (one, two):
        busy(queue)
        for number in range(4):
            queue.offer(ticket(), str(number), 0.0)
    assert one.backlog_s == pytest.approx(0.45)
    assert two.backlog_s == pytest.approx(0.25)


def test_an_item_of_many_pictures_counts_for_as_many() -> None:
    queue = schedule(picture_s=0.1)
    busy(queue)
    queue.offer(ticket(pictures=8), "eight", 0.0)
    assert queue.offer(ticket(0.9), "one", 0.0).refusal is None  # goes first
    assert queue.offer(ticket(0.9, pictures=8), "eight more", 0.0).refusal is not None


def test_what_was_given_up_is_out_and_what_was_begun_is_not() -> None:
    queue = schedule()
    queue.offer(ticket(), "begun", 0.0)
    queue.take(0.0)
    queue.offer(ticket(), "waiting", 0.0)
    assert queue.withdraw("waiting")
    assert not queue.withdraw("begun")
    assert queue.take(0.0).next is None


def test_somebody_with_more_time_keeps_an_item_alive() -> None:
    queue = schedule()
    queue.offer(ticket(1.0, LOW), "shared", 0.0)
    queue.offer(ticket(5.0), "other", 0.0)
    queue.relax("shared", ticket(9.0, HIGH))
    assert order_of(queue, 2.0) == ["shared", "other"]


def test_who_waits_longer_for_it_too_does_not_send_it_behind_others() -> None:
    queue = schedule()
    busy(queue)
    queue.offer(ticket(1.0), "shared", 0.0)
    queue.offer(ticket(5.0), "other", 0.0)
    queue.relax("shared", replace(ticket(1.0), until_s=9.0))
    assert order_of(queue, 0.5) == ["shared", "other"]


def test_it_is_not_dropped_while_somebody_still_waits() -> None:
    queue = schedule(picture_s=0.1)
    busy(queue)
    queue.offer(ticket(1.0), "shared", 0.0)
    queue.offer(ticket(5.0), "other", 0.0)
    queue.relax("shared", replace(ticket(1.0), until_s=9.0))
    assert order_of(queue, 2.0) == ["shared", "other"]


TICKETS = st.builds(
    Ticket,
    st.one_of(st.just(math.inf), st.floats(0.0, 3.0)),
    st.sampled_from(Priority),
    st.integers(1, 8),
)


@given(st.lists(TICKETS, max_size=40), st.integers(1, 3), st.integers(1, 12))
def test_nobody_is_lost_and_no_high_one_goes_before_a_low_one(
    asked: list[Ticket], workers: int, places: int
) -> None:
    """Each item ends in exactly one way, and whoever is displaced is of lower priority."""
    queue: Schedule[int] = Schedule(Bounds(workers, places, 0.5))
    queue.pace.worked(1, 0.05)
    ended: list[int] = []
    for number, each in enumerate(asked):
        offer = queue.offer(each, number, 0.01 * number)
        if offer.refusal is not None:
            assert not offer.displaced
            ended.append(number)
        for job in offer.displaced:
            assert asked[job].priority.rank > each.priority.rank
            ended.append(job)
        assert queue.working + sum(queue.waiting(each) for each in Priority) <= places
    now_s = 0.01 * len(asked)
    while True:
        taken = queue.take(now_s)
        ended += taken.late
        if taken.next is None:
            break
        ended.append(taken.next.job)
        assert taken.next.ticket.deadline_s > now_s, "work on what is late"
        queue.done(taken.next.ticket)
        now_s += 0.05
    assert sorted(ended) == list(range(len(asked)))
