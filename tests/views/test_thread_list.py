"""The list of threads, with its search and pages."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from agents.models import Thread
from agents.views import thread_list
from tests.factories import make_interrupt, start_run


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

    def test_filter_by_agent_and_status(self, reader: Client):
        waits = make_interrupt(agent="email").thread_id
        busy = start_run(agent="operations").thread_id
        assert self.found(reader, "?agent=email") == [waits]
        assert self.found(reader, "?status=interrupted") == [waits]
        assert self.found(reader, "?agent=operations&status=busy") == [busy]
        assert self.found(reader, "?status=unknown") == [busy, waits]

    def test_pages(self, reader: Client, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(thread_list, "PAGE", 2)
        made = [start_run().thread_id for _ in range(5)]
        Thread.objects.filter(pk__in=made[:3]).update(updated_at="2026-01-01T00:00:00Z")
        seen, query = [], ""
        for _ in range(3):
            page = reader.get(f"/threads/{query}").text
            seen += [int(pk) for pk in re.findall(r'"/threads/(\d+)/"', page)]
            older = re.search(r'href="(\?before=[^"]+)">Older', page)
            query = older.group(1).replace("&amp;", "&") if older else ""
        assert (seen, query) == (made[::-1], "")

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
