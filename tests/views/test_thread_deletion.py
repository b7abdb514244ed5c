"""The page that deletes a thread: it says what goes, and takes no click for an order."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from agents.models import Thread
from tests.factories import decide, make_interrupt, pause_at, start_run


@pytest.fixture
def admin(client: Client, ada: User) -> Client:
    """Ada, signed in."""
    client.force_login(ada)
    return client


def test_the_way_there_is_for_admins(admin: Client, alice: User):
    thread = make_interrupt().thread_id
    link = f'href="/threads/{thread}/delete/"'
    assert link in admin.get(f"/threads/{thread}/").text
    admin.force_login(alice)
    page = admin.get(f"/threads/{thread}/").text
    assert link not in page
    assert f'href="/threads/{thread}/export.json"' in page


def test_it_says_what_waits_and_what_is_kept(admin: Client, alice: User):
    review = make_interrupt()
    page = admin.get(f"/threads/{review.thread_id}/delete/").text
    assert f'<a href="/interrupts/{review.pk}/">' in page
    assert "that nothing was decided" in page
    decide(review, alice)
    page = admin.get(f"/threads/{review.thread_id}/delete/").text
    assert "1 decision with who, when and why" in page


def test_nothing_happens_before_it_was_ticked(admin: Client):
    thread = make_interrupt().thread
    answer = admin.post(f"/threads/{thread.pk}/delete/")
    assert (answer.status_code, "Tick this first" in answer.text) == (422, True)
    assert Thread.objects.get().deleted_at is None


def test_it_leads_to_the_record(admin: Client):
    thread = make_interrupt().thread
    answer = admin.post(f"/threads/{thread.pk}/delete/", {"sure": "on"}, follow=True)
    assert answer.redirect_chain == [(f"/threads/{thread.pk}/", 302)]
    assert "ada deleted this thread" in answer.text
    assert admin.get(f"/threads/{thread.pk}/delete/").status_code == 302


def test_what_was_decided_or_asked_in_it_says_so(admin: Client, alice: User):
    decided, asked = pause_at(start_run(), "a?", "b?", waiting=("tools", "tools"))
    decide(decided, alice)
    admin.post(f"/threads/{decided.thread_id}/delete/", {"sure": "on"})
    told = " deleted the thread "
    for question, words in ((decided, "It was never sent:"), (asked, "Nothing is left to decide:")):
        page = admin.get(f"/interrupts/{question.pk}/").text
        assert (words in page, told in page, "The run was cancelled" in page) == (True, True, False)


def test_a_thread_that_runs_stays(admin: Client):
    run = start_run()
    answer = admin.post(f"/threads/{run.thread_id}/delete/", {"sure": "on"})
    assert (answer.status_code, "Nothing was done." in answer.text) == (409, True)
    assert Thread.objects.get().deleted_at is None


def test_an_unknown_thread(admin: Client):
    assert admin.get("/threads/1/delete/").status_code == 404
