"""Two checkpoints side by side: where they parted, and what differs at the ends."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories import start_run
from tests.views.pasts import Past, make_past


@pytest.fixture
def past(alice: User) -> Past:
    """A thread that was asked once, and has ended."""
    return make_past(alice)


@pytest.fixture
def reader(client: Client, ada: User) -> Client:
    """Ada, signed in: whoever may look at all."""
    client.force_login(ada)
    return client


def said(client: Client, url: str) -> str:
    """What a page says, without the markup."""
    text = re.sub(r"(?s).*<main[^>]*>|</main>.*", "", client.get(url).text)
    return " ".join(re.sub(r"<[^>]+>", "", re.sub(r"</(?:li|p|h\d)>", " ", text)).split())


def test_without_both_they_are_chosen(reader: Client, past: Past):
    url = f"/threads/{past.thread.pk}/compare/"
    page = reader.get(f"{url}?a={past.where_it_asked}").text
    for checkpoint_id in past.ids.values():
        assert page.count(f'<option value="{checkpoint_id}"') == 2
    assert f'<option value="{past.where_it_asked}" selected' in page
    assert "Since they parted" not in page


def test_what_has_happened_since_stands_side_by_side(reader: Client, past: Past):
    a, b = past.where_it_asked, past.ids[()]
    url = f"/threads/{past.thread.pk}/compare/?a={a}&b={b}"
    page = said(reader, url)
    assert "which is A itself" in page
    assert "Nothing since." in page
    assert "Step 2 after ask" in page
    assert "ask:yes" in page  # added to the log
    assert f'href="?a={b}&amp;b={a}"' in reader.get(url).text  # swapped


def test_a_checkpoint_with_itself(reader: Client, past: Past):
    at = past.where_it_asked
    page = said(reader, f"/threads/{past.thread.pk}/compare/?a={at}&b={at}")
    assert "A and B are one checkpoint." in page
    assert "Nothing in the state differs." in page


def test_a_thread_without_checkpoints(reader: Client):
    page = said(reader, f"/threads/{start_run().thread_id}/compare/")
    assert "This thread has no checkpoint yet." in page


def test_what_is_unknown_or_of_another_thread_is_nothing(reader: Client, past: Past):
    at, other = past.where_it_asked, start_run().thread_id
    for url in (
        f"/threads/{past.thread.pk}/compare/?a={at}&b=nothing",
        f"/threads/{other}/compare/?a={at}&b={at}",
        f"/threads/{other + 9}/compare/",
    ):
        assert reader.get(url).status_code == 404
