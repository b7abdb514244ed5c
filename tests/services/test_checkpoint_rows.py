"""Runs of part numbers."""

from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from agents.services.part_runs import pack_runs, unpack_runs

NUMBERS = st.integers(0, 2**32 - 1)
# Lists as channels have them: long runs, now and then a jump.
RUNS = st.lists(st.tuples(st.integers(0, 2**31), st.integers(1, 50))).map(
    lambda runs: [number for first, count in runs for number in range(first, first + count)]
)


@pytest.mark.parametrize(
    ("numbers", "runs"),
    [
        ([], []),
        ([0], [(0, 1)]),
        ([3, 4, 5], [(3, 3)]),
        ([0, 1, 7, 3, 4], [(0, 2), (7, 1), (3, 2)]),
        ([2, 2, 1], [(2, 1), (2, 1), (1, 1)]),
        ([2**32 - 1], [(2**32 - 1, 1)]),
    ],
)
def test_consecutive_numbers_are_one_run(numbers, runs):
    packed = b"".join(n.to_bytes(4, "big") for run in runs for n in run)
    assert pack_runs(numbers) == packed
    assert unpack_runs(packed) == numbers


@given(st.lists(NUMBERS) | RUNS)
def test_what_is_unpacked_is_what_was_packed(numbers):
    assert unpack_runs(pack_runs(numbers)) == numbers


@given(st.integers(0, 2**31), st.integers(1, 5000))
def test_a_run_of_any_length_costs_eight_bytes(first, count):
    assert len(pack_runs(range(first, first + count))) == 8


@given(RUNS)
def test_no_run_follows_directly_on_another(numbers):
    packed = pack_runs(numbers)
    pairs = [
        (int.from_bytes(packed[at : at + 4]), int.from_bytes(packed[at + 4 : at + 8]))
        for at in range(0, len(packed), 8)
    ]
    assert all(first + count != following for (first, count), (following, _) in pairwise(pairs))
