"""Agents: the list, one agent, and starting a run of it."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from agents.models import Run
from agents.reviews import schema_form
from agents.reviews.fields import MISSING
from tests.factories import connect_runner, make_agent, make_interrupt, start_run, take
from tests.reviews.submitted import submitted

TYPED = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city"],
}
CONVERSATION = {"type": "object", "properties": {"messages": {"type": "array"}}}
EMPTY = schema_form.build(TYPED, MISSING, "input")


@pytest.fixture
def operator(client: Client, olga: User) -> Client:
    """Olga, signed in."""
    client.force_login(olga)
    return client


def post(client: Client, **given: Any) -> Any:
    """Send the form of the agent's page."""
    return client.post("/agents/operations/", given)


class TestList:
    """All agents."""

    def test_who_serves_them_and_what_waits(self, operator: Client):
        connect_runner(agents=("email",))
        make_interrupt(agent="operations")
        page = operator.get("/agents/").text
        tiles = re.split(r'<li class="tile"', page)[1:]
        facts = [re.sub(r"<[^>]*>|\s+", " ", tile) for tile in tiles]
        assert ["email" in facts[0], "operations" in facts[1]] == [True, True]
        assert "1 runner " in facts[0]
        assert "Online" in facts[0]
        assert "1 waiting" in facts[1]

    def test_without_agents_it_says_how_one_appears(self, operator: Client):
        page = operator.get("/agents/").text
        assert "An agent appears here when a runner that serves it connects." in page
        assert "python -m reviewconsole.runner" in page

    @pytest.mark.parametrize("count", [1, 3])
    def test_queries(
        self, operator: Client, count: int, django_assert_num_queries: DjangoAssertNumQueries
    ):
        for number in range(count):
            connect_runner(f"runner {number}", agents=(f"agent-{number}",))
        with django_assert_num_queries(8):
            operator.get("/agents/")


class TestAgent:
    """One agent."""

    def test_tools_with_their_arguments(self, operator: Client):
        make_agent()
        page = operator.get("/agents/operations/").text
        assert "<code><bdi>amount</bdi></code>" in page
        assert '<span class="chip"><bdi>number</bdi></span>' in page

    def test_the_graph_as_a_picture_and_as_a_list(self, operator: Client):
        make_agent(interrupt_before=["tools"])
        page = operator.get("/agents/operations/").text
        assert page.count('class="graph-node"') == 3
        assert page.count('class="graph-stop"') == 1
        assert (
            "<strong><bdi>tools</bdi></strong>, pauses before it; "
            "tools: <bdi>send_email, refund</bdi>; leads to <bdi>end</bdi>" in page
        )

    def test_an_agent_that_says_nothing_has_a_page(self, operator: Client):
        make_agent(graph=None, input_schema=None, tools=None, interrupt_before=None)
        page = operator.get("/agents/operations/").text
        assert "No tool node was found in the graph." in page
        assert "graph-picture" not in page

    @pytest.mark.parametrize("name", ["a/b", "Ä rger", "x?y", "100%"])
    def test_any_name_has_a_page(self, operator: Client, name: str):
        make_agent(name)
        href = re.search(r'class="tile-link" href="([^"]+)"', operator.get("/agents/").text)
        assert href is not None
        assert operator.get(href.group(1)).status_code == 200

    def test_without_a_runner_it_says_what_becomes_of_a_run(self, operator: Client):
        make_agent()
        page = operator.get("/agents/operations/").text
        assert "A run you start is stored, and begins when one connects." in page

    def test_only_operators_have_the_form(self, client: Client, alice: User):
        client.force_login(alice)
        make_agent()
        assert "Start a run" not in client.get("/agents/operations/").text

    @pytest.mark.parametrize("count", [1, 3])
    def test_queries(
        self, operator: Client, count: int, django_assert_num_queries: DjangoAssertNumQueries
    ):
        for number in range(count):
            connect_runner(f"runner {number}")
            start_run()
        with django_assert_num_queries(12):
            operator.get("/agents/operations/")


class TestStart:
    """Starting a run."""

    def test_a_message(self, operator: Client):
        make_agent()
        answer = post(operator, way="message", message="Refund order 8812.")
        run = Run.objects.get()
        assert (answer.status_code, answer["Location"]) == (302, f"/threads/{run.thread_id}/")
        assert run.input == {"messages": [{"role": "user", "content": "Refund order 8812."}]}
        assert (run.created_by, run.thread.title) == (
            User.objects.get(username="olga"),
            "Refund order 8812.",
        )

    def test_a_title(self, operator: Client):
        make_agent()
        post(operator, way="message", message="Refund order 8812.", title="Broken cups")
        assert Run.objects.get().thread.title == "Broken cups"

    def test_json_keeps_big_numbers(self, operator: Client):
        make_agent()
        post(operator, way="json", json='{"order": 9007199254740993, "rate": 1.0}')
        assert Run.objects.get().input == {"order": 9007199254740993, "rate": 1.0}

    def test_the_fields_of_the_input(self, operator: Client):
        make_agent(input_schema=TYPED)
        assert 'name="input.city"' in operator.get("/agents/operations/").text
        typed = submitted(EMPTY, {"input.city": "Lisbon"})
        post(operator, way="fields", **typed)
        assert Run.objects.get().input == {"city": "Lisbon"}

    @pytest.mark.parametrize(
        ("given", "complaint"),
        [
            ({"way": "message", "message": "  "}, "Write what the agent should do."),
            ({"way": "json", "json": "{"}, "Line 1, column 2"),
            ({"way": "json", "json": "null"}, "Give the agent something to work on."),
        ],
    )
    def test_what_cannot_be_used_is_refused_and_kept(
        self, operator: Client, given: dict[str, str], complaint: str
    ):
        make_agent()
        answer = post(operator, **given, title="Broken cups")
        assert answer.status_code == 422
        assert complaint in answer.text
        assert 'value="Broken cups"' in answer.text
        assert not Run.objects.exists()

    def test_fields_that_lack_are_refused(self, operator: Client):
        make_agent(input_schema=TYPED)
        typed = submitted(EMPTY, {"input.days": "many", "input.days:state": "value"})
        answer = post(operator, way="fields", **typed)
        assert answer.status_code == 422
        assert 'value="many"' in answer.text
        assert not Run.objects.exists()

    def test_a_button_of_the_form_starts_nothing(self, operator: Client):
        make_agent()
        typed = submitted(schema_form.build(CONVERSATION, MISSING, "input"))
        answer = post(operator, way="fields", op="add:input.messages", **typed)
        assert answer.status_code == 200
        assert 'name="input.messages.0' in answer.text
        assert not Run.objects.exists()

    def test_a_thread_goes_on(self, operator: Client):
        first = start_run()
        take(first)
        operator.post(f"/runs/{first.pk}/cancel/")
        Run.objects.filter(pk=first.pk).update(status="cancelled", lease_expires_at=None)
        page = operator.get(f"/agents/operations/?thread={first.thread.thread_id}").text
        assert f'name="thread" value="{first.thread.thread_id}"' in page
        post(operator, way="message", message="And now?", thread=first.thread.thread_id)
        assert Run.objects.latest("pk").thread_id == first.thread_id

    def test_a_busy_thread_is_a_conflict(self, operator: Client):
        busy = start_run()
        answer = post(operator, way="message", message="Hi", thread=busy.thread.thread_id)
        assert answer.status_code == 409
        assert "has a run already; wait for it or cancel it." in answer.text
        assert ">\nHi</textarea>" in answer.text

    def test_a_foreign_thread_is_a_404(self, operator: Client):
        make_agent()
        other = start_run(agent="email")
        for thread in (other.thread.thread_id, "\0"):
            assert post(operator, way="message", message="Hi", thread=thread).status_code == 404
