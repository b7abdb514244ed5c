"""How a checkpoint came to be, and what follows it."""

import pytest

from agents.history.documents import SENDS, Document
from agents.history.steps import Standing, following, ran, source, step
from agents.history.tasks import Trace
from reviewconsole.protocol.plain import Plain, Typed

PARENT = Document(seen={"__start__": {"__start__": "1"}, "first": {"branch:to:first": "2"}})
CHILD = Document(seen={**PARENT.seen, "ask": {"branch:to:ask": "3"}, "__interrupt__": {"log": "3"}})
DONE = (Trace("1", "~__pregel_pull, ask", ("log",)),)


@pytest.mark.parametrize(
    ("metadata", "nodes"),
    [
        ({"source": "loop"}, ("ask",)),
        ({"source": "update"}, ("ask",)),
        ({"source": "update", "reviewconsole_as_node": "first"}, ("first",)),
        ({"source": "update", "reviewconsole_as_node": "__copy__"}, ()),
        ({"source": "update", "reviewconsole_as_node": "__end__"}, ()),
        ({"source": "fork"}, ("ask",)),
        ({"source": "input"}, ()),
        ({}, ()),
    ],
)
def test_the_nodes_that_ran(metadata: dict[str, Plain], nodes: tuple[str, ...]) -> None:
    assert ran(metadata, CHILD, Standing(PARENT, {})) == nodes
    assert ran(metadata, CHILD, None) == ()


def test_writes_name_what_nodes_have_not_seen() -> None:
    """A node that was sent for a second time has seen nothing new."""
    sent: Plain = [Typed(1, "langgraph.types", "Send", ["work", {}])]
    trace = Trace("1", "~__pregel_push, 0000000000, 0000000000", ("log",))
    parent = Standing(CHILD, {SENDS: sent}, (trace,))
    assert ran({"source": "loop"}, CHILD, parent) == ("work",)


def test_a_task_that_did_not_finish_did_not_run_to_make_it() -> None:
    asked = Trace("1", "~__pregel_pull, ask", ("__interrupt__",))
    assert ran({"source": "loop"}, PARENT, Standing(PARENT, {}, (asked,))) == ()


def test_without_triggers_tasks_and_runners_name_what_channels_do_not() -> None:
    """The functional API has one node, and no channel names it."""
    begun = Document(versions={"__start__": "1"})
    values: dict[str, Plain] = {"__start__": {}}
    assert following(Standing(begun, values), None) == ("__start__",)
    assert following(Standing(begun, values), None, ["workflow"]) == ("workflow",)
    assert following(Standing(begun, values, DONE), None) == ("ask",)
    assert following(Standing(begun, values, DONE), {"workflow": ["__start__"]}) == ("workflow",)


def test_what_metadata_says() -> None:
    assert (source({"source": "loop"}), source({"source": 1}), source({})) == ("loop", "", "")
    assert (step({"step": -1}), step({"step": "1"}), step({})) == (-1, None, None)
