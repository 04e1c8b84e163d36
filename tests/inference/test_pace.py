"""The estimate behind refusals, with literal times."""

from __future__ import annotations

import pytest

from inference.pace import Pace


def test_before_the_first_item_nothing_is_refused() -> None:
    pace = Pace()
    assert pace.wait_s(10) == 0
    assert pace.can_finish_in(0.001)


def test_an_item_that_came_to_an_idle_server_took_all_its_time() -> None:
    pace = Pace()
    pace.departed(arrived_s=10.0, now_s=10.1, model_s=0.06)
    assert pace.wait_s(3) == pytest.approx(0.3)


def test_of_items_that_waited_only_the_gap_between_them_counts() -> None:
    pace = Pace()
    for now_s in (0.1, 0.2, 0.3):
        pace.departed(arrived_s=0.0, now_s=now_s, model_s=0.06)
    assert pace.service_s == pytest.approx(0.1)


def test_an_assessment_begins_only_where_it_can_end_in_time() -> None:
    pace = Pace()
    pace.departed(arrived_s=0.0, now_s=0.1, model_s=0.06)
    assert pace.can_finish_in(None)
    assert pace.can_finish_in(0.06)
    assert not pace.can_finish_in(0.05)


def test_a_bad_moment_is_forgotten() -> None:
    pace = Pace()
    pace.departed(arrived_s=0.0, now_s=5.0, model_s=5.0)
    refusals = 0
    while not pace.can_finish_in(0.1):
        refusals += 1
    assert 0 < refusals < 50
