"""The list of threads, with its search and pages."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from agents.models import Thread
from agents.services import thread_words
from agents.views import thread_list
from tests.factories import QUESTION, decide, make_interrupt, pause, start_run


@pytest.fixture
def reader(client: Client, olga: User) -> Client:
    """Olga, signed in: whoever may do most here."""
    client.force_login(olga)
    return client


class TestList:
    """All threads."""

    @staticmethod
    def found(client: Client, query: str = "") -> list[int]:
        """The threads that the list shows."""
        return [
            int(pk) for pk in re.findall(r'"/threads/(\d+)/"', client.get(f"/threads/{query}").text)
        ]

    def test_newest_first(self, reader: Client):
        old, new = start_run().thread_id, start_run().thread_id
        assert self.found(reader) == [new, old]

    def test_search_by_title_and_id(self, reader: Client):
        refund = start_run(title="Refund order 8812").thread
        mail = start_run(title="Write to Alice").thread
        assert self.found(reader, "?q=refund") == [refund.pk]
        assert self.found(reader, f"?q={mail.thread_id[:8]}") == [mail.pk]
        assert self.found(reader, "?q=order+refund") == [refund.pk]
        assert "No thread matches." in reader.get("/threads/?q=nothing").text

    def test_search_what_was_said_and_metadata(self, reader: Client):
        run = start_run(message="hello")
        state = {"messages": [{"type": "ai", "content": "Ich schreibe den GRUẞ an Zoë."}]}
        asked = pause(run, QUESTION, snapshot=state)[0]
        Thread.objects.filter(pk=asked.thread_id).update(metadata={"customer": {"number": 8812}})
        thread_words.index(thread=asked.thread_id)
        start_run()
        for words in ("gruss", "schreib", "zoë 88", "customer"):
            assert self.found(reader, f"?q={words}") == [asked.thread_id], words
        assert self.found(reader, "?q=8812+refund") == []

    @pytest.mark.parametrize("text", ["'", '"', "a'b\\", "NOT", "* -", "%25 _", "()&|!:*"])
    def test_search_is_words_alone(self, reader: Client, text: str):
        start_run()
        assert reader.get("/threads/", {"q": text}).status_code == 200

    def test_filter_by_agent_and_status(self, reader: Client):
        waits = make_interrupt(agent="email").thread_id
        busy = start_run(agent="operations").thread_id
        assert self.found(reader, "?agent=email") == [waits]
        assert self.found(reader, "?status=interrupted") == [waits]
        assert self.found(reader, "?agent=operations&status=busy") == [busy]
        assert self.found(reader, "?status=unknown") == [busy, waits]
        assert self.found(reader, "?agent=nobody") == []

    def test_filter_by_who_decided(self, reader: Client, alice: User, bob: User):
        first, second = make_interrupt(), make_interrupt()
        decide(first, alice)
        decide(second, bob)
        assert self.found(reader, "?by=bob") == [second.thread_id]
        assert self.found(reader, "?by=olga") == []
        page = reader.get("/threads/").text
        assert re.findall(r"Decided by (\w+)</option>", page) == ["anybody", "alice", "bob"]

    def test_filter_by_day(self, reader: Client):
        march, april = start_run().thread_id, start_run().thread_id
        Thread.objects.filter(pk=march).update(updated_at="2026-03-31T23:59:59Z")
        Thread.objects.filter(pk=april).update(updated_at="2026-04-01T00:00:00Z")
        assert self.found(reader, "?to=2026-03-31") == [march]
        assert self.found(reader, "?from=2026-04-01") == [april]
        assert self.found(reader, "?from=2026-03-31&to=2026-04-01") == [april, march]
        assert self.found(reader, "?from=2026-02-30&to=9999-12-31") == [april, march]

    def test_deleted_threads_are_asked_for(self, reader: Client):
        gone, kept = start_run().thread_id, start_run().thread_id
        Thread.objects.filter(pk=gone).update(deleted_at="2026-04-01T00:00:00Z")
        assert self.found(reader) == [kept]
        assert self.found(reader, "?status=deleted") == [gone]

    def test_pages(self, reader: Client, monkeypatch: pytest.MonkeyPatch):
        """There and back, also through rows that changed at one moment."""
        monkeypatch.setattr(thread_list, "PAGE", 2)
        made = [start_run().thread_id for _ in range(5)]
        Thread.objects.filter(pk__in=made[:3]).update(updated_at="2026-01-01T00:00:00Z")
        newest = made[::-1]
        pages = [newest[:2], newest[2:4], newest[4:]]

        def follow(text: str, word: str) -> str:
            link = re.search(rf'href="(\?[^"]+)"[^>]*>{word}<', text)
            return link.group(1).replace("&amp;", "&") if link else ""

        there, back = [""], []
        for _ in pages[1:]:
            there.append(follow(reader.get(f"/threads/{there[-1]}").text, "Older"))
        assert [self.found(reader, query) for query in there] == pages
        assert follow(reader.get(f"/threads/{there[-1]}").text, "Older") == ""
        query = there[-1]
        while query := follow(reader.get(f"/threads/{query}").text, "Newer"):
            back.append(self.found(reader, query))
        assert back == [pages[1], pages[0]]

    @pytest.mark.parametrize(
        "before",
        [
            "x",
            "2026-01-01T00:00:00Z",
            "2026-13-01T00:00:00Z,1",
            "0001-01-01T00:00:00%2B23:59,1",
            "9999-12-31T23:59:59-23:59,1",
        ],
    )
    def test_a_place_that_is_none_is_the_first_page(self, reader: Client, before: str):
        thread = start_run().thread_id
        assert self.found(reader, f"?before={before}") == [thread]
        assert self.found(reader, f"?after={before}") == [thread]

    def test_an_empty_list_says_how_threads_begin(self, reader: Client):
        assert "A thread begins with a run" in reader.get("/threads/").text

    @pytest.mark.parametrize("count", [1, 3])
    def test_queries(
        self, reader: Client, count: int, django_assert_num_queries: DjangoAssertNumQueries
    ):
        for _ in range(count):
            start_run()
        with django_assert_num_queries(8):
            reader.get("/threads/")
