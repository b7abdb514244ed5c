"""The gate of a run: what it asks, whose it is, and which answer counts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langchain_core.tools import tool

from reviewconsole.protocol.messages import Admission, CallTool, Lease, Verdict
from reviewconsole.runner.client import ConsoleClient
from reviewconsole.runner.gate import Call, Gate, gates, strictest
from tests.runner.peer import Peer

LIMIT = 1024 * 1024  # bytes a frame


@tool
def note(text: str) -> str:
    """Write a note."""
    return text


@pytest.fixture
def peer() -> Iterator[Peer]:
    with Peer(max_frame_bytes=LIMIT) as peer:
        yield peer


def call(**args: Any) -> Call:
    return Call(note, "c1", args)


async def test_both_forms_ask_the_same(peer: Peer, client: ConsoleClient):
    gate = Gate(client, Lease(1, 1))
    assert await gate.admit(call(text="a")) == Admission(Verdict.RUN, "")
    assert gate.admit_sync(call(text="a")) == Admission(Verdict.RUN, "")
    first, second = peer.of(CallTool)
    assert first == second
    assert (first.lease, first.ns, first.tool, first.call_id) == (Lease(1, 1), "", "note", "c1")


async def test_arguments_that_no_frame_holds_are_left_out(peer: Peer, client: ConsoleClient):
    gate = Gate(client, Lease(1, 1))
    gate.admit_sync(call(text="a"))  # the welcome has told the limit
    await gate.admit(call(text="a" * LIMIT))
    gate.admit_sync(call(text="a" * LIMIT))
    assert [each.args for each in peer.of(CallTool)[1:]] == [None, None]


def elsewhere(work: Callable[[], Any]) -> Any:
    """The result of a function in a thread that knows nothing of its caller."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


def test_a_call_belongs_to_the_run_around_it_else_to_any(client: ConsoleClient):
    one, two = Gate(client, Lease(1, 1)), Gate(client, Lease(2, 1))
    assert gates() == ()
    with one.open():
        assert gates() == (one,)
        with two.open():
            assert gates() == (two,)
            assert elsewhere(gates) == (one, two)
    assert elsewhere(gates) == ()


def test_the_strictest_answer_counts():
    run, review = Admission(Verdict.RUN, ""), Admission(Verdict.REVIEW, "")
    refuse = Admission(Verdict.REFUSE, "no")
    assert strictest([run]) == run
    assert strictest([run, review, run]) == review
    assert strictest([review, refuse, run]) == refuse
