"""Numbers that wrap: each has its slot, and which of two is newer is never in doubt."""

from __future__ import annotations

import pytest

from sorter_control.sequence import (
    COMMAND_NUMBERS,
    EVENT_NUMBERS,
    Numbering,
    encoder_after,
    encoder_travel,
)

_WRAP = 2**32


def test_rings_have_their_slots_and_as_many_numbers_as_fit_a_word_in_whole_rounds() -> None:
    assert (EVENT_NUMBERS.slots, EVENT_NUMBERS.last) == (12, 65_532)
    assert (COMMAND_NUMBERS.slots, COMMAND_NUMBERS.last) == (8, 65_528)


@pytest.mark.parametrize("numbers", [EVENT_NUMBERS, COMMAND_NUMBERS])
def test_numbers_go_from_1_to_the_last_and_begin_again_with_1(numbers: Numbering) -> None:
    assert [numbers.after(each) for each in (0, 1, 2)] == [1, 2, 3]
    assert numbers.after(numbers.last - 1) == numbers.last
    assert numbers.after(numbers.last) == 1


@pytest.mark.parametrize("numbers", [EVENT_NUMBERS, COMMAND_NUMBERS])
def test_numbers_that_follow_each_other_have_slots_that_do_over_the_wrap_too(
    numbers: Numbering,
) -> None:
    number = numbers.last - 2 * numbers.slots
    slots = []
    for _ in range(4 * numbers.slots):
        number = numbers.after(number)
        slots.append(numbers.slot(number))
    assert slots == list(range(numbers.slots)) * 4


def test_the_distance_is_counted_forwards_over_the_wrap() -> None:
    last = EVENT_NUMBERS.last
    assert EVENT_NUMBERS.distance(3, 3) == 0
    assert EVENT_NUMBERS.distance(3, 5) == 2
    assert EVENT_NUMBERS.distance(5, 3) == last - 2
    assert EVENT_NUMBERS.distance(last, 1) == 1


def test_steps_go_the_shorter_way_round() -> None:
    last = EVENT_NUMBERS.last
    assert EVENT_NUMBERS.steps(3, 5) == 2
    assert EVENT_NUMBERS.steps(5, 3) == -2
    assert EVENT_NUMBERS.steps(last, 2) == 2
    assert EVENT_NUMBERS.steps(2, last) == -2
    assert EVENT_NUMBERS.steps(1, 1 + last // 2) == last // 2
    assert EVENT_NUMBERS.steps(1, 2 + last // 2) == 1 - last // 2


def test_the_encoder_wraps_at_32_bits() -> None:
    assert encoder_after(5, 7) == 12
    assert encoder_after(_WRAP - 1, 1) == 0
    assert encoder_after(_WRAP - 10, 25) == 15
    assert encoder_after(3, -5) == _WRAP - 2


def test_travel_is_signed_and_right_across_the_wrap() -> None:
    assert encoder_travel(10, 10) == 0
    assert encoder_travel(10, 25) == 15
    assert encoder_travel(25, 10) == -15
    assert encoder_travel(_WRAP - 10, 15) == 25
    assert encoder_travel(15, _WRAP - 10) == -25
    assert encoder_travel(0, _WRAP // 2 - 1) == _WRAP // 2 - 1
    assert encoder_travel(0, _WRAP // 2) == -_WRAP // 2
