"""Where a thread stands in the graph of its agent: what waits, and the way that led there."""

from typing import Any

import pytest
from django.contrib.auth.models import User

from agents.live import Topic, Viewer, graphs, render
from agents.models import Agent, Interrupt
from agents.services import checkpoints
from reviewconsole.protocol.plain import Plain
from tests.factories import describe_agent, make_interrupt, start_run
from tests.views.pasts import make_past

pytestmark = pytest.mark.django_db

NODES = ("outer", "sub:ask", "sub:deeper:ask", "other")


def ask(value: Plain = "Sure?", **place: Any) -> Interrupt:
    """A question of an agent that has graphs inside."""
    asked = make_interrupt(value, **place)
    nodes = [{"id": node, "name": node.rpartition(":")[2]} for node in NODES]
    Agent.objects.update(spec=describe_agent(graph={"nodes": nodes}))
    return Interrupt.objects.select_related("run__thread__agent", "thread__agent").get(pk=asked.pk)


@pytest.mark.parametrize(
    ("place", "waits"),
    [
        ({"node": "outer"}, ["outer"]),
        ({"node": "ask", "ns": "sub:0-1"}, ["sub:ask"]),
        ({"node": "ask", "ns": "sub:0-1|deeper:0-2"}, ["sub:deeper:ask"]),
        ({"node": "hidden", "ns": "outer:0-1|inside:0-2"}, ["outer"]),
        (
            {
                "value": {"breakpoint": "before", "nodes": ["outer", "other"], "tool_calls": []},
                "kind": "breakpoint",
                "node": "outer",
            },
            ["outer", "other"],
        ),
    ],
)
def test_what_a_question_waits_in(place: dict[str, Any], waits: list[str]):
    asked = ask(**place)
    of_thread = graphs.of_thread(asked.thread, "", [asked])
    for picture in (of_thread, graphs.of_pause(asked.run, [asked])):
        assert picture is not None
        assert [node.id for node in picture.nodes if node.waits] == waits


def test_the_breakpoints_of_a_run_are_in_the_picture_of_its_pause():
    asked = ask(node="outer")
    asked.run.interrupt_before = ["other"]
    picture = graphs.of_pause(asked.run, [asked])
    assert picture is not None
    assert [node.id for node in picture.nodes if node.stops_before] == ["other"]


def test_the_way_to_the_head(alice: User, django_assert_max_num_queries: Any):
    thread = make_past(alice).thread
    head = checkpoints.head(thread) or ""
    with django_assert_max_num_queries(12):
        picture = graphs.of_thread(thread, head, [])
    assert picture is not None
    assert {node.id: node.runs for node in picture.nodes} == dict.fromkeys(
        ("__start__", "first", "ask", "last", "__end__"), 1
    )
    assert all(edge.is_taken for edge in picture.edges)


def test_the_page_of_a_thread_shows_it_live(alice: User):
    thread = make_past(alice).thread
    html = render(Topic("thread", thread.pk), Viewer.of(alice, ""))["thread-graph"]
    assert "<strong><bdi>ask</bdi></strong>, ran once; leads to <bdi>last</bdi>" in html


def test_a_graph_that_cannot_be_drawn(alice: User):
    run = start_run()
    Agent.objects.update(spec={})
    html = render(Topic("thread", run.thread_id), Viewer.of(alice, ""))["thread-graph"]
    assert "or it is too large to draw" in html


def test_the_page_of_an_agent_shows_what_waits_in_it_now(alice: User):
    asked = ask("Sure?", node="ask", ns="sub:0-1")
    ask("Sure?", node="outer")
    html = render(Topic("agent", asked.thread.agent_id), Viewer.of(alice, ""))["agent-graph"]
    assert "<strong><bdi>sub / ask</bdi></strong>, waits now" in html
    assert html.count(", waits now") == 2
