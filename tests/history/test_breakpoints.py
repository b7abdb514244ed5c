"""Breakpoints are foreseen where a runner would find them."""

import pytest

from agents.history.breakpoints import Stop, stop
from agents.history.graph_ways import Way

TOOLS, MODEL = Way("tools", conditional=False), Way("model", conditional=False)
PERHAPS_TOOLS, PERHAPS_MODEL = Way("tools", conditional=True), Way("model", conditional=True)


def test_before_what_is_next():
    assert stop([TOOLS, MODEL], ["chat"], ["tools", "other"], []) == Stop(
        "before", ("tools",), ("tools", "model"), is_sure=True
    )


def test_after_what_ran():
    assert stop([TOOLS], ["chat", "side"], [], ["chat"]) == Stop(
        "after", ("chat",), ("tools",), is_sure=True
    )


def test_before_goes_before_after():
    assert stop([TOOLS], ["chat"], ["tools"], ["chat"]) == Stop(
        "before", ("tools",), ("tools",), is_sure=True
    )


def test_a_star_is_every_node():
    found = stop([TOOLS], ["chat"], ["*"], [])
    assert found == Stop("before", ("tools",), ("tools",), is_sure=True)
    found = stop([TOOLS], ["chat"], [], ["*"])
    assert found == Stop("after", ("chat",), ("tools",), is_sure=True)


def test_the_start_is_no_node():
    every = ["*"]
    assert stop([Way("__start__", conditional=False)], [], every, every) is None
    assert stop([TOOLS], ["__start__"], [], every) is None


def test_a_condition_may_lead_past_it():
    found = stop([PERHAPS_TOOLS, PERHAPS_MODEL], ["chat"], ["tools"], [])
    assert found == Stop("before", ("tools",), ("tools", "model"), is_sure=False)


@pytest.mark.parametrize("ways", [[PERHAPS_TOOLS], [TOOLS, PERHAPS_MODEL], [PERHAPS_MODEL, TOOLS]])
def test_a_condition_that_cannot_lead_past_it(ways):
    found = stop(ways, ["chat"], ["tools"], [])
    assert found is not None
    assert (found.nodes, found.is_sure) == (("tools",), True)


def test_what_is_sure_is_told_before_what_may_be():
    found = stop([PERHAPS_TOOLS, PERHAPS_MODEL], ["chat"], ["tools"], ["chat"])
    assert found == Stop("after", ("chat",), ("tools", "model"), is_sure=True)


def test_a_graph_inside_is_stopped_at_by_its_own_name():
    inside = Way("sub:first", conditional=False)
    assert stop([inside], [], ["sub"], []) == Stop(
        "before", ("sub:first",), ("sub:first",), is_sure=True
    )
    assert stop([inside], [], ["sub:first"], []) is None


def test_an_end_stops_nowhere():
    assert stop([], ["chat"], ["*"], ["*"]) is None
