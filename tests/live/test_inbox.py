"""What the inbox counts: exactly while people could, then no further."""

import pytest
from django.contrib.auth.models import User
from pytest_django import DjangoAssertNumQueries

from agents.live import Topic, Viewer, inbox, render
from tests.factories import make_interrupt


@pytest.mark.parametrize(("most", "told"), [(3, "2"), (2, "2")])
def test_it_counts_up_to_a_limit(
    alice: User, monkeypatch: pytest.MonkeyPatch, most: int, told: str
) -> None:
    for _ in range(2):
        make_interrupt()
    monkeypatch.setattr(inbox, "MOST", most)
    viewer = Viewer.of(alice, "ws://console")
    assert f'data-waiting="{told}"' in render(Topic("waiting"), viewer)["inbox-count"]
    assert f"{told} waiting" in render(Topic("inbox"), viewer)["inbox-total"]


def test_a_socket_reads_what_it_draws(
    alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    make_interrupt()
    viewer = Viewer.of(alice, "ws://console")
    with django_assert_num_queries(3):  # rows, those just closed, runners
        render(Topic("inbox"), viewer)
