"""The gate of a run: what it asks, whose it is, and which answer counts."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from langchain_core.tools import tool

from reviewconsole.protocol.messages import (
    Admission,
    CallEnded,
    CallTool,
    Lease,
    Outcome,
    RefusalCode,
    Refused,
    Request,
    Result,
    Verdict,
)
from reviewconsole.runner import gate as gate_module, stored
from reviewconsole.runner.client import ConsoleClient
from reviewconsole.runner.exceptions import Refusal
from reviewconsole.runner.gate import Call, Gate, gates, strictest
from reviewconsole.runner.waiting import Awaiting, Blocking, blocking
from tests.processes import wait_until
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


def asking(gate: Gate, text: str) -> CallTool:
    """The question of a call that runs in no task."""
    made = Call(note, "c1", {"text": text})
    return gate.request(made, stored.store(made.args))


async def test_both_ways_to_wait_ask_the_same(peer: Peer, client: ConsoleClient):
    gate = Gate(client, Lease(1, 1), "t")
    assert await gate.admit(asking(gate, "a"), Awaiting()) == Admission(Verdict.RUN, "", 1)
    asked = asking(gate, "a")
    assert blocking(gate.admit(asked, Blocking())) == Admission(Verdict.RUN, "", 2)
    first, second = peer.of(CallTool)
    assert first == second
    assert (first.lease, first.ns, first.tool, first.call_id) == (Lease(1, 1), "", "note", "c1")


async def test_arguments_that_no_frame_holds_are_left_out(peer: Peer, client: ConsoleClient):
    gate = Gate(client, Lease(1, 1), "t")
    await gate.admit(asking(gate, "a"), Awaiting())  # the welcome has told the limit
    await gate.admit(asking(gate, "a" * LIMIT), Awaiting())
    assert [each.args for each in peer.of(CallTool)[1:]] == [None]


async def test_a_call_that_runs_at_another_runner_is_asked_for_until_it_has_ended(
    peer: Peer, client: ConsoleClient, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(gate_module, "WAIT_SECONDS", 0.01)
    answers = iter([Verdict.WAIT, Verdict.WAIT, Verdict.REFUSE])
    peer.answer_instead = lambda request: (
        Admission(next(answers), "") if isinstance(request, CallTool) else None
    )
    gate = Gate(client, Lease(1, 1), "t")
    admission = await gate.admit(asking(gate, "a"), Awaiting())
    assert admission.verdict is Verdict.REFUSE
    assert len(peer.of(CallTool)) == 3


async def test_an_answer_that_came_late_is_asked_for_again(peer: Peer, client: ConsoleClient):
    """As after a stop of this process: another runner may have the run, and make the call."""
    gate = Gate(client, Lease(1, 1), "t")
    await gate.admit(asking(gate, "a"), Awaiting())

    def expire(request: Request) -> Result | None:
        if isinstance(request, CallTool):
            client.lease_seconds = 0  # any time is more than half of it
            peer.answer_instead = fence
        return None

    def fence(request: Request) -> Result | None:
        fenced = Refused(RefusalCode.FENCED, "over")
        return fenced if isinstance(request, CallTool) else None

    peer.answer_instead = expire
    with pytest.raises(Refusal, match="over"):
        await gate.admit(replace(asking(gate, "a"), execution="e"), Awaiting())
    told = await asyncio.to_thread(ends, peer)
    assert told == [(2, "e", Outcome.UNTOUCHED)]


async def test_a_call_that_nobody_waits_for_is_given_back(peer: Peer, client: ConsoleClient):
    gate = Gate(client, Lease(1, 1), "t")
    await gate.admit(asking(gate, "a"), Awaiting())
    peer.hold()
    waiting = asyncio.create_task(gate.admit(asking(gate, "b"), Awaiting()))
    await asyncio.to_thread(wait_until, "it asks", lambda: len(peer.of(CallTool)) == 2)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asyncio.to_thread(peer.proceed)
    told = await asyncio.to_thread(ends, peer)
    assert told == [(2, "", Outcome.UNTOUCHED)]


def ends(peer: Peer) -> list[tuple[int, str, Outcome]]:
    """How calls ended, as soon as it is told of one."""
    told = wait_until("it is told how a call ended", lambda: peer.of(CallEnded))
    return [(each.effect, each.execution, each.outcome) for each in told]


def elsewhere(work: Callable[[], Any]) -> Any:
    """The result of a function in a thread that knows nothing of its caller."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


def test_a_call_belongs_to_the_run_around_it_else_to_any(client: ConsoleClient):
    one, two = Gate(client, Lease(1, 1), "t"), Gate(client, Lease(2, 1), "u")
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
    answer = Admission(Verdict.ANSWER, "")
    assert strictest([review, answer]) == answer
