"""The estimate behind refusals, with literal times."""

from __future__ import annotations

import pytest

from inference.scheduling.pace import Pace


def test_before_the_first_item_nothing_takes_time() -> None:
    pace = Pace()
    assert pace.wait_s(10, workers=2) == 0
    assert pace.own_s(3) == 0


def test_workers_share_what_waits() -> None:
    pace = Pace()
    pace.worked(1, busy_s=0.1)
    assert pace.wait_s(6, workers=2) == pytest.approx(0.3)


def test_an_item_of_more_pictures_takes_more_time_but_is_stored_once() -> None:
    pace = Pace()
    pace.worked(4, busy_s=0.4)
    pace.finished(0.03)
    assert pace.own_s(1) == pytest.approx(0.13)
    assert pace.own_s(8) == pytest.approx(0.83)


def test_a_bad_moment_is_forgotten() -> None:
    pace = Pace()
    pace.worked(1, busy_s=5.0)
    for _ in range(40):
        pace.worked(1, busy_s=0.02)
    assert pace.own_s(1) < 0.03
