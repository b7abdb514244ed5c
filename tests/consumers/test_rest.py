"""Rests: none for a little work, half of the time for much."""

import pytest

from agents.consumers.rest import Rest


def worked(each: float, rounds: int, pause: float = 0.0) -> tuple[float, list[float]]:
    """The seconds all of it took, and the rests; `pause` is what else lies between rounds."""
    rest, now, rests = Rest(), 1000.0, []
    for _ in range(rounds):
        now += each
        rests.append(rest.after(each, now))
        now += rests[-1] + pause
    return now - 1000.0, rests


def test_a_little_work_needs_no_rest():
    assert worked(0.02, rounds=12)[1] == [0.0] * 12
    assert worked(0.02, rounds=100, pause=0.02)[1] == [0.0] * 100


@pytest.mark.parametrize("each", [0.005, 0.05, 0.4])
def test_much_work_leaves_half_of_the_time(each: float):
    took, rests = worked(each, rounds=200)
    assert took >= 2 * 200 * each - 0.25 - each
    assert rests[-1] == pytest.approx(each)


def test_no_rest_is_long():
    assert worked(10.0, rounds=3)[1] == [0.5] * 3
