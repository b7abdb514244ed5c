"""Lanes: each line is drawn once, no two share a column, and each reaches its parent."""

import time

from hypothesis import given, strategies as st

from agents.history.tree import Lane, lanes

Skeleton = list[tuple[str, str | None]]


@st.composite
def trees(draw: st.DrawFn) -> Skeleton:
    """Checkpoints, newest first, of which each may come from any older one, or from none kept."""
    count = draw(st.integers(0, 30))
    made: Skeleton = []
    for number in range(count):
        parent = draw(st.integers(-2, number - 1)) if number else -1
        made.append((str(number), {-1: None, -2: "gone"}.get(parent, str(parent))))
    return made[::-1]


@given(trees())
def test_every_line_is_drawn_and_reaches_its_parent(skeleton: Skeleton) -> None:
    """The drawing is walked down row by row: who follows the lines finds the tree."""
    row_of = {checkpoint: row for row, (checkpoint, _) in enumerate(skeleton)}
    lines: dict[int, set[str]] = {}  # by column: the parents that the lines in it lead to
    drawn = list(lanes(skeleton))
    for (checkpoint, parent), lane in zip(skeleton, drawn, strict=True):
        assert lane.lane not in lane.passing
        arriving = lines.pop(lane.lane, set())
        assert arriving == ({checkpoint} if lane.has_child else set())
        assert tuple(sorted(lines)) == lane.passing
        assert lane.has_child == any(each == checkpoint for _, each in skeleton)
        if parent in row_of:
            assert lane.parent_lane is not None
            lines.setdefault(lane.parent_lane, set()).add(parent)
        else:
            assert lane.parent_lane is None
        assert all(len(leads_to) == 1 for leads_to in lines.values())
        assert len(lines) == len({each for leads_to in lines.values() for each in leads_to})
    assert lines == {}


@given(trees(), st.integers(0, 30), st.integers(0, 30))
def test_a_window_is_a_part_of_the_whole(skeleton: Skeleton, start: int, length: int) -> None:
    rows = range(start, start + length)
    assert list(lanes(skeleton, rows)) == list(lanes(skeleton))[start : start + length]


def test_a_branch_stands_beside_the_older_one() -> None:
    skeleton: Skeleton = [("5", "2"), ("4", "3"), ("3", "2"), ("2", "1"), ("1", None)]
    assert list(lanes(skeleton)) == [
        Lane(lane=0, has_child=False, parent_lane=0, passing=()),
        Lane(lane=1, has_child=False, parent_lane=1, passing=(0,)),
        Lane(lane=1, has_child=True, parent_lane=0, passing=(0,)),
        Lane(lane=0, has_child=True, parent_lane=0, passing=()),
        Lane(lane=0, has_child=True, parent_lane=None, passing=()),
    ]


def test_a_thousand_branches_of_one_checkpoint_need_two_columns() -> None:
    forks: Skeleton = [(str(number), "0") for number in range(1000, 0, -1)]
    assert {lane.lane for lane in lanes([*forks, ("0", None)])} == {0, 1}


def test_a_parent_that_is_newer_than_its_child_is_none() -> None:
    assert [lane.parent_lane for lane in lanes([("2", None), ("1", "2"), ("0", "0")])] == [None] * 3


def test_ten_thousand_rows_take_a_moment() -> None:
    skeleton: Skeleton = [(str(n), str(n - 1 - n % 3)) for n in range(10_000, 0, -1)]
    began = time.perf_counter()
    assert len(list(lanes(skeleton, range(100)))) == 100
    assert sum(1 for _ in lanes(skeleton)) == 10_000
    assert time.perf_counter() - began < 1  # a tenth of it on an idle machine
