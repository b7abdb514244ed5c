"""The lines beside a row of the tree."""

from agents.history.tree import Lane
from agents.live.lane_drawing import MOST_LANES, Drawing, draw


def test_a_row_in_the_middle_of_a_straight_line():
    lane = Lane(lane=0, has_child=True, parent_lane=0, passing=())
    assert draw(lane, 1) == Drawing(width=18, x=9, lines="M9 0V18M9 18V9999", crowd="")


def test_the_first_of_a_branch_bends_to_its_parent():
    lane = Lane(lane=1, has_child=False, parent_lane=0, passing=(0,))
    drawing = draw(lane, 2)
    assert (drawing.width, drawing.x) == (32, 23)
    assert drawing.lines == "M9 0V9999M23 18C23 28 9 28 9 38V9999"


def test_the_root_has_no_line_below():
    lane = Lane(lane=0, has_child=True, parent_lane=None, passing=())
    assert draw(lane, 1).lines == "M9 0V18"


def test_many_lanes_are_one_dashed_line():
    lane = Lane(lane=0, has_child=True, parent_lane=0, passing=tuple(range(1, 500)))
    drawing = draw(lane, 500)
    assert drawing.width == 18 + 14 * (MOST_LANES - 1)
    assert drawing.lines.count("M") == MOST_LANES
    assert drawing.crowd == "M135 0V9999"


def test_a_point_beyond_the_last_lane_stands_on_it():
    assert draw(Lane(lane=40, has_child=True, parent_lane=40, passing=()), 41).x == 135
