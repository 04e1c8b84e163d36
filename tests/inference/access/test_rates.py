from __future__ import annotations

import pytest

from inference.access import rates
from inference.access.rates import Rate, RateLimiter, network_of


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_a_burst_passes_and_then_one_for_each_interval() -> None:
    clock = Clock()
    limiter = RateLimiter(Rate(3, 10.0), clock)
    assert [limiter.take("a") for _ in range(4)] == [0, 0, 0, 10.0]
    assert limiter.take("b") == 0, "others have their own"
    clock.now_s += 4
    assert limiter.take("a") == pytest.approx(6.0)
    clock.now_s += 6
    assert [limiter.take("a"), limiter.take("a")] == [0, 10.0]
    clock.now_s += 1000
    assert [limiter.take("a") for _ in range(4)][:3] == [0, 0, 0], "and never more than a burst"


def test_what_is_given_back_is_not_counted() -> None:
    limiter = RateLimiter(Rate(1, 10.0), Clock())
    for _ in range(3):
        assert limiter.take("a") == 0
        limiter.give_back("a")


def test_keys_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "_MAX_KEYS", 10)
    limiter = RateLimiter(Rate(1, 10.0), Clock())
    for number in range(100):
        limiter.take(str(number))
    assert len(limiter._full_until_s) == 10


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("testclient", "testclient"),
    ],
)
def test_an_address_that_can_be_chosen_is_counted_by_its_network(
    address: str, network: str
) -> None:
    assert network_of(address) == network
