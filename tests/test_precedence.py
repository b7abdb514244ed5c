"""Who goes first: what runners ask for; the others wait for a moment, and no longer."""

import threading
import time

import pytest

from agents.precedence import Precedence


def waited(precedence: Precedence) -> float:
    """The seconds that giving way takes."""
    begun = time.monotonic()
    precedence.give_way()
    return time.monotonic() - begun


def test_nobody_waits_for_nobody(monkeypatch: pytest.MonkeyPatch):
    precedence = Precedence()
    monkeypatch.setattr(precedence._changed, "wait", lambda _: pytest.fail("it waits"))
    precedence.give_way()


def test_who_draws_waits_for_what_runners_may_ask_next():
    precedence = Precedence()
    with precedence.first():
        begun = time.monotonic()
    precedence.give_way()
    assert time.monotonic() >= begun + 0.005


def test_who_draws_waits_for_an_agent_that_goes_on():
    precedence = Precedence()
    with precedence.first():
        precedence.expect_agent()
        begun = time.monotonic()
    precedence.give_way()
    assert time.monotonic() >= begun + 0.04


def test_who_draws_waits_for_who_is_at_work():
    precedence = Precedence()
    begun, over = threading.Event(), threading.Event()

    def work() -> None:
        with precedence.first():
            begun.set()
            over.wait(10)

    worker = threading.Thread(target=work)
    worker.start()
    begun.wait(10)
    threading.Timer(0.02, over.set).start()
    took = waited(precedence)
    assert over.is_set() or took >= 0.05
    worker.join()


def test_nobody_waits_for_long():
    precedence = Precedence()
    with precedence.first(), precedence.first():
        assert 0.05 <= waited(precedence) < 10


def test_who_is_called_back_waits_no_longer(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("agents.precedence._AT_MOST", 60)
    precedence = Precedence()
    asked, is_over = threading.Event(), False

    def unless() -> bool:
        asked.set()
        return is_over

    with precedence.first():
        waiter = threading.Thread(target=lambda: precedence.give_way(unless=unless))
        waiter.start()
        asked.wait(10)
        is_over = True
        precedence.call_back()
        waiter.join(10)
        assert not waiter.is_alive()
