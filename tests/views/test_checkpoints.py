"""The page of a checkpoint, and its download."""

import json
import re
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from agents.models import Blob, Thread
from agents.models.checkpoint import Form
from agents.services import history
from tests.factories import decide, pause_at, start_run
from tests.history.graphs import nested
from tests.services.histories import History
from tests.services.replayed import replay

CHANGES, STATE, NEXT = "changes-title", "state-title", "next-title"


@pytest.fixture
def reader(client: Client, olga: User) -> Client:
    """Olga, signed in."""
    client.force_login(olga)
    return client


@pytest.fixture
def past(db: None) -> History:
    """Three steps, and a branch that left after the first."""
    made = History()
    made.add("01", values={"messages": [1, 2], "plan": "wait"}, metadata={"step": 1})
    made.add("02", "01", {"messages": [1, 2, 3]}, metadata={"step": 2})
    made.add("03", "02", {"plan": "act now"}, metadata={"step": 3})
    made.add("04", "01", {"plan": "stop"}, metadata={"step": 2, "source": "update"})
    made.save()
    return made


def url(thread: Thread, checkpoint_id: str, rest: str = "") -> str:
    """The address of a checkpoint's page."""
    return f"/threads/{thread.pk}/checkpoints/{checkpoint_id}/{rest}"


def words(page: str, begin: str, end: str = "</main>") -> str:
    """What a page says between two places, on one line."""
    part = page[page.index(begin) : page.index(end)].partition(">")[2]
    return " ".join(unescape(re.sub(r"<[^>]*(>|$)", " ", part)).split())


def links(page: str) -> set[str]:
    """The addresses a page leads to."""
    return set(re.findall(r'href="([^"]*)"', page.replace("&amp;", "&")))


class TestPage:
    """What changed first, then what is next, then everything."""

    def test_what_changed_comes_first(self, reader: Client, past: History):
        page = reader.get(url(past.thread, "03")).text
        changed = words(page, CHANGES, STATE)
        assert changed.startswith("What changed since Step 2 plan changed wait act now")
        assert "act now" in words(page, STATE, NEXT)

    def test_a_message_that_came_is_shown_as_one(self, reader: Client, past: History):
        changed = words(reader.get(url(past.thread, "02")).text, CHANGES, STATE)
        assert changed.startswith("What changed since Step 1 messages 3 added Human 3 3 3")

    def test_the_first_has_everything_new(self, reader: Client, past: History):
        page = reader.get(url(past.thread, "01")).text
        assert words(page, CHANGES, STATE).startswith("What changed it is the first")
        assert "Parent none: it is the first" in words(page, "around-title")

    def test_against_another_one(self, reader: Client, past: History):
        changed = words(reader.get(url(past.thread, "04", "?against=03")).text, CHANGES, STATE)
        assert "since Step 3" in changed
        assert "act now stop" in changed
        assert "removed" in changed

    def test_a_parent_that_is_no_longer_kept(self, reader: Client, past: History):
        past.thread.checkpoints.filter(checkpoint_id="02").delete()
        page = reader.get(url(past.thread, "03")).text
        assert "What was before it is no longer kept" in words(page, CHANGES, STATE)
        assert "02 (no longer kept)" in words(page, "around-title")

    def test_what_is_around_it(self, reader: Client, past: History):
        found = links(reader.get(url(past.thread, "01")).text)
        assert {url(past.thread, "02"), url(past.thread, "04")} <= found
        around = words(reader.get(url(past.thread, "01")).text, "around-title", "metadata-title")
        assert re.sub(r"just now| ago|\d+ min", "", around).split() == [
            "Around", "it", "Parent", "none:", "it", "is", "the", "first",
            "Children", "Step", "2", "loop", "Step", "2", "update",
        ]  # fmt: skip

    def test_it_leads_to_what_can_be_done(self, reader: Client, alice: User, past: History):
        here = url(past.thread, "02")
        orders = {f"{here}replay/", f"{here}fork/", f"{here}copy/"}
        looks = {
            f"{here}raw/",
            f"/threads/{past.thread.pk}/compare/?a=01&b=02",
            f"/threads/{past.thread.pk}/compare/?a=02&b=04",
        }
        assert orders | looks <= links(reader.get(here).text)
        reader.force_login(alice)
        found = links(reader.get(here).text)
        assert looks <= found
        assert not orders & found

    def test_internal_channels_only_when_asked_for(self, reader: Client, db: None):
        thread = replay(nested())
        first = history.tree(thread=thread).rows[-1].checkpoint_id
        page = reader.get(url(thread, first)).text
        assert "__start__" not in words(page, STATE, NEXT)
        page = reader.get(url(thread, first, "?internal=1")).text
        assert "__start__" in words(page, STATE, NEXT)

    def test_a_graph_inside_has_pages_of_its_own(self, reader: Client, db: None):
        thread = replay(nested())
        around = next(row for row in history.tree(thread=thread).rows if row.inside)
        inside = around.inside[0]
        page = reader.get(url(thread, around.checkpoint_id)).text
        target = next(each for each in links(page) if f"/{inside.checkpoint_id}/" in each)
        page = reader.get(target).text
        assert f"Inside {inside.ns}" in words(page, "page-title")
        assert url(thread, around.checkpoint_id) in links(page)
        assert not [each for each in links(page) if each.endswith(("/replay/", "/fork/", "/copy/"))]

    def test_a_decision_stands_where_it_was_asked(self, reader: Client, bob: User):
        (review,) = pause_at(start_run())
        decide(review, bob)
        page = reader.get(url(review.thread, review.checkpoint_id)).text
        asked = words(page, "asked-title", "around-title")
        assert "Which expert should I ask?" in asked
        assert "bob : Ask Bob." in asked

    def test_what_cannot_be_read_says_so(self, reader: Client, past: History):
        Blob.objects.filter(channel="plan").update(kind="msgpack+aes", form=Form.WHOLE)
        state = words(reader.get(url(past.thread, "03")).text, STATE, NEXT)
        assert "plan cannot be read here: a value stored as 'msgpack+aes'" in state

    def test_hostile_text_is_shown_as_it_is(self, reader: Client):
        made = History()
        made.add("01", values={"plan": "<script>alert(1)</script>\u202e", "<b>": 1})
        made.save()
        page = reader.get(url(made.thread, "01")).text
        assert "<script>alert" not in page
        assert "<b>" not in page
        assert "U+202E" in page

    def test_queries_do_not_grow_with_the_thread(
        self,
        reader: Client,
        past: History,
        django_assert_max_num_queries: DjangoAssertNumQueries,
    ):
        for number in range(5, 45):
            past.add(f"{number:02}", f"{number - 1:02}", {"plan": f"{number}"})
        past.save()
        with django_assert_max_num_queries(50) as few:
            reader.get(url(past.thread, "03"))
        with django_assert_max_num_queries(len(few)):
            reader.get(url(past.thread, "30"))


class TestDownload:
    """Everything that is stored, as tagged JSON."""

    def test_it_is_json_to_keep(self, reader: Client, past: History):
        answer = reader.get(url(past.thread, "03", "raw/"))
        assert answer["Content-Type"] == "application/json"
        assert answer["Content-Disposition"] == 'attachment; filename="checkpoint-03.json"'
        stored = json.loads(answer.content)
        assert (stored["checkpoint_id"], stored["values"]["plan"]) == ("03", "act now")

    def test_of_a_graph_inside(self, reader: Client, db: None):
        thread = replay(nested())
        inside = next(row.inside[0] for row in history.tree(thread=thread).rows if row.inside)
        answer = reader.get(url(thread, inside.checkpoint_id, "raw/"), {"ns": inside.ns})
        assert json.loads(answer.content)["checkpoint_ns"] == inside.ns


@pytest.mark.parametrize("rest", ["", "raw/"])
@pytest.mark.parametrize("foreign", [True, False])
def test_what_is_not_there_is_one_and_the_same_answer(
    reader: Client, past: History, rest: str, *, foreign: bool
):
    other = start_run().thread
    address = url(other, "02", rest) if foreign else url(past.thread, "no-such", rest)
    answer = reader.get(address)
    nothing = reader.get("/threads/987654321/checkpoints/02/")
    assert (answer.status_code, answer.text) == (404, nothing.text)


@pytest.mark.parametrize("query", ["?ns=elsewhere", "?against=no-such"])
def test_a_place_that_is_not_there(reader: Client, past: History, query: str):
    assert reader.get(url(past.thread, "02", query)).status_code == 404
