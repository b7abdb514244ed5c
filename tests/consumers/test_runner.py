"""The runners' socket: whom it lets in, what it answers, and with which code it ends."""

import asyncio
from datetime import timedelta

import pytest
from channels.db import database_sync_to_async
from channels.testing import WebsocketCommunicator
from django.db import transaction
from django.utils import timezone

from agents import models
from agents.consumers import runner as consumer
from agents.models import Agent, Checkpoint, Decision, Interrupt, Run, Runner, RunnerToken, Thread
from agents.services import runs, tokens
from reviewconsole.asgi import application
from reviewconsole.protocol.messages import (
    VERSION,
    Applied,
    Assignments,
    Beat,
    Cancel,
    Cancelled,
    Claim,
    Delivered,
    Done,
    Failed,
    Finished,
    Found,
    Get,
    Heartbeat,
    Lease,
    Progress,
    RefusalCode,
    Refused,
    Release,
    Request,
    Show,
    Wake,
    Welcome,
    Whole,
)
from tests.consumers.runner_socket import RunnerSocket, connected, greeted
from tests.factories import (
    AGENT,
    QUESTION,
    RUNNER,
    decide,
    expire_lease,
    make_hello,
    make_paused,
    make_token,
    start_run,
)
from tests.services.saving import chat, get, parts, put, put_writes, values_of, whole

pytestmark = pytest.mark.django_db(transaction=True)


def in_database(function):
    """The function, for a coroutine: run where the database may be used."""
    return database_sync_to_async(function)


# Who is let in -------------------------------------------------------------------------------


async def test_a_hello_is_welcomed(secret, settings):
    settings.RUNNER_LEASE_SECONDS = 3
    settings.RUNNER_MAX_FRAME_BYTES = 12345
    async with greeted(secret, held=(Lease(7, 1),)) as (_, welcome):
        runner = await Runner.objects.aget()
        assert welcome == Welcome(
            version=VERSION,
            runner=runner.pk,
            lease_seconds=3.0,
            heartbeat_seconds=1.0,
            max_frame_bytes=12345,
            lost=(Lease(7, 1),),
        )
        assert (runner.instance, runner.is_online) == (RUNNER, True)
        assert runner.channel != ""


async def test_heartbeats_of_a_long_lease_are_not_rarer_than_two_seconds(secret, settings):
    settings.RUNNER_LEASE_SECONDS = 30
    async with greeted(secret) as (_, welcome):
        assert welcome.heartbeat_seconds == 2.0


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"authorization", b"")],
        [(b"authorization", b"Bearer")],
        [(b"authorization", b"Bearer rct_wrong")],
        [(b"authorization", b"Basic SECRET")],
        [(b"authorization", b"SECRET")],
        [(b"authorization", b"Bearer \xff\x00")],
        [(b"cookie", b"sessionid=SECRET")],
    ],
    ids=str,
)
async def test_a_runner_without_its_token_is_closed_with_4401(secret, headers):
    headers = [(name, value.replace(b"SECRET", secret.encode())) for name, value in headers]
    socket = WebsocketCommunicator(application, "/ws/runner/", headers=headers)
    assert (await socket.connect())[0]
    assert await socket.receive_output() == {
        "type": "websocket.close",
        "code": 4401,
        "reason": "the token is missing, unknown or revoked",
    }
    _, hello = RunnerSocket(secret).session.send([make_hello()])
    await socket.send_to(bytes_data=hello)
    await socket.disconnect()
    assert await Runner.objects.acount() == 0


async def test_a_revoked_token_is_closed_with_4401(secret):
    await in_database(tokens.revoke)(token=await RunnerToken.objects.aget())
    async with connected(secret) as socket:
        assert await socket.closed_with() == (4401, "the token is missing, unknown or revoked")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_scheme_is_not_case_sensitive(secret, scheme):
    headers = [(b"authorization", f"{scheme}  {secret} ".encode())]
    socket = WebsocketCommunicator(application, "/ws/runner/", headers=headers)
    assert (await socket.connect())[0]
    assert await socket.receive_nothing()
    await socket.disconnect()


async def test_a_process_of_another_token_is_closed_with_4401(secret):
    _, others = await in_database(make_token)("other")
    async with greeted(secret), connected(others) as socket:
        await socket.send_to(bytes_data=socket.session.send([make_hello()])[1])
        assert await socket.closed_with() == (
            4401,
            "the token was revoked, or this process belongs to another token",
        )


async def test_a_runner_that_says_nothing_is_closed_with_4408(secret, monkeypatch):
    monkeypatch.setattr(consumer, "HELLO_WITHIN_SECONDS", 0)
    async with connected(secret) as socket:
        assert await socket.closed_with() == (4408, "no hello within 0 seconds")


async def test_a_runner_that_says_hello_in_time_may_be_quiet(secret, monkeypatch):
    monkeypatch.setattr(consumer, "HELLO_WITHIN_SECONDS", 0.3)
    async with greeted(secret) as (socket, _):
        assert await socket.receive_nothing(timeout=0.5)
        assert await socket.ask(Heartbeat(())) == [Beat((), ())]


# Requests ------------------------------------------------------------------------------------


async def test_a_run_lives_its_whole_life_on_the_wire(secret, alice):
    async with greeted(secret) as (socket, _):
        run = await in_database(start_run)()
        assert await socket.hint() == Wake()
        ((started,),) = [result.runs for result in await socket.ask(Claim(1))]
        lease, thread = started.lease, started.thread
        assert (lease, thread, started.trigger) == (Lease(run.pk, 1), run.thread.thread_id, "start")

        saved = put("1efa", {("messages", "1"): parts(chat(1, 2))}, scope=lease, thread=thread)
        paused = await in_database(make_paused)(run, QUESTION)
        assert await socket.ask(
            saved,
            put_writes("1efa", (0, "messages", parts(chat(2, 3))), scope=lease, thread=thread),
            paused,
        ) == [Done(), Done(), Done()]

        asked = await Interrupt.objects.select_related("thread__agent").aget()
        decision = await in_database(decide)(asked, alice)
        ((resumed,),) = [result.runs for result in await socket.ask(Claim(1))]
        assert [answer.decision for answer in resumed.answers] == [decision.pk]
        (found,) = await socket.ask(Get(resumed.lease, thread, "", None))
        assert values_of(found.checkpoints[0]) == {"messages": whole(chat(1, 2))}

        applied = Applied(resumed.lease, (decision.pk,))
        finished = Finished(resumed.lease, "1efb", whole({"answer": 42}))
        assert await socket.ask(Delivered(resumed.lease), applied, finished) == [Done()] * 3
    decision = await Decision.objects.select_related("run").aget()
    assert (decision.status, decision.run.status) == ("applied", "succeeded")
    row = await Thread.objects.aget()
    assert (row.status, row.snapshot) == ("idle", {"answer": 42})


async def test_a_run_tells_what_it_is_at(secret):
    await in_database(start_run)()
    async with greeted(secret) as (socket, _):
        ((assignment,),) = [result.runs for result in await socket.ask(Claim(1))]
        told = Progress(assignment.lease, 2, ("model",), "I think")
        shown = Show(assignment.lease, assignment.thread, "", ())
        assert await socket.ask(told, shown) == [Done(), Done()]
    row = await models.Progress.objects.aget()
    assert (row.run_id, row.step, row.nodes, row.text) == (told.lease.run, 2, ["model"], "I think")


@pytest.mark.parametrize("kind", ["failed", "cancelled", "released"])
async def test_other_ends_of_a_run(secret, kind):
    run = await in_database(start_run)()
    async with greeted(secret) as (socket, _):
        ((assignment,),) = [result.runs for result in await socket.ask(Claim(1))]
        ends: dict[str, Request] = {
            "failed": Failed(assignment.lease, "ValueError", "no", "…", None, None),
            "cancelled": Cancelled(assignment.lease),
            "released": Release(assignment.lease),
        }
        assert await socket.ask(ends[kind]) == [Done()]
    await run.arefresh_from_db()
    assert run.status == {"released": "queued"}.get(kind, kind)


async def test_a_claim_gives_runs_of_the_announced_agents_only(secret):
    await in_database(start_run)("email")
    async with greeted(secret) as (socket, _):
        assert await socket.ask(Claim(9)) == [Assignments(())]


async def test_requests_that_are_refused_leave_the_others_and_the_connection_alone(secret):
    async with greeted(secret) as (socket, _):
        results = await socket.ask(
            put("1efa", {("a", "1"): whole(1)}),
            put("1efb", scope=Lease(7, 1)),
            Finished(Lease(7, 1), None, whole(None)),
            put("x" * 65),
            Heartbeat((Lease(7, 1),)),
            get(),
        )
        over = "attempt 1 of run 7 is not yours any more"
        assert results[:3] == [
            Done(),
            Refused(RefusalCode.FENCED, over),
            Refused(RefusalCode.FENCED, over),
        ]
        assert results[3].reason == RefusalCode.INVALID
        assert results[4] == Beat(lost=(Lease(7, 1),), cancel=())
        assert [stored.checkpoint_id for stored in results[5].checkpoints] == ["1efa"]
        assert await socket.ask(Heartbeat(())) == [Beat((), ())]


async def test_a_hello_that_cannot_be_kept_is_refused_and_costs_the_others_nothing(secret, caplog):
    _, others = await in_database(make_token)("other")
    async with greeted(others, "other") as (other, _), connected(secret) as socket:
        (result,) = await socket.ask(make_hello(versions={"langgraph": b"\xff"}))
        assert result == Refused(
            RefusalCode.INVALID,
            "this cannot be done: Object of type bytes is not JSON serializable",
        )
        for request in (Heartbeat(()), Claim(1)):
            assert await socket.ask(request) == [
                Refused(RefusalCode.INVALID, "the hello was refused")
            ]
        (stored,) = await socket.ask(put("1efa"))
        assert stored.reason == RefusalCode.FORBIDDEN
        assert await other.ask(Heartbeat(()), put("1efa")) == [Beat((), ()), Done()]
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == [
        "a runner's request failed"
    ]


async def test_what_does_not_fit_into_a_reply_is_refused_and_the_rest_comes(secret, settings):
    settings.RUNNER_MAX_FRAME_BYTES = 5000
    async with greeted(secret) as (socket, _):
        for number in range(2):
            value = Whole("bytes", b"x" * 3000)
            await socket.ask(put(f"1ef{number}", {(f"channel-{number}", "1"): value}))
        assert isinstance((await socket.ask(get("1ef0")))[0], Found)
        done, first, second = await socket.ask(put("1ef2"), get("1ef0"), get("1ef1"))
        assert (done, second.reason) == (Done(), RefusalCode.TOO_LARGE)
        assert isinstance(first, Found)
        assert "exceeds RUNNER_MAX_FRAME_BYTES=5000; raise it" in second.message
        assert isinstance((await socket.ask(get("1ef1")))[0], Found)


async def test_large_frames_pass(secret):
    value = Whole("bytes", bytes(9_000_000))
    async with greeted(secret) as (socket, _):
        await socket.ask(put("1efa", {("large", "1"): value}))
        (found,) = await socket.ask(get())
        assert values_of(found.checkpoints[0]) == {"large": value}


# Leases, hints, ends -------------------------------------------------------------------------


async def test_a_heartbeat_takes_back_what_another_runner_lost(secret):
    _, others = await in_database(make_token)("other")
    run = await in_database(start_run)()
    async with greeted(others, "other") as (other, _), greeted(secret) as (socket, _):
        ((assignment,),) = [result.runs for result in await other.ask(Claim(1))]
        await in_database(expire_lease)(run)
        assert await socket.ask(Heartbeat(())) == [Beat((), ())]
        await run.arefresh_from_db()
        assert run.status == Run.Status.QUEUED
        assert await other.ask(Heartbeat((assignment.lease,))) == [Beat((assignment.lease,), ())]
        ((again,),) = [result.runs for result in await socket.ask(Claim(1))]
        assert again.lease == Lease(run.pk, 2)
        told = f"attempt 1 of run {run.pk} is not yours any more"
        late = put("1efa", scope=assignment.lease, thread=assignment.thread)
        assert await other.ask(late) == [Refused(RefusalCode.FENCED, told)]


async def test_a_runner_that_comes_back_late_keeps_what_nobody_took(secret):
    run = await in_database(start_run)()
    async with greeted(secret) as (socket, _):
        ((assignment,),) = [result.runs for result in await socket.ask(Claim(1))]
        await in_database(expire_lease)(run)
        assert await socket.ask(Heartbeat((assignment.lease,))) == [Beat((), ())]
    await run.arefresh_from_db()
    assert (run.status, run.attempt) == (Run.Status.RUNNING, 1)


async def test_a_cancelled_run_is_told_by_a_hint_and_by_the_next_beat(secret):
    run = await in_database(start_run)()
    async with greeted(secret) as (socket, _):
        ((assignment,),) = [result.runs for result in await socket.ask(Claim(1))]
        await in_database(runs.cancel)(run=run.pk, user=None)
        assert await socket.hint() == Cancel(assignment.lease)
        assert await socket.ask(Heartbeat((assignment.lease,))) == [
            Beat(lost=(), cancel=(assignment.lease,))
        ]


async def test_a_hint_reaches_no_runner_before_the_commit(secret):
    async with greeted(secret) as (socket, _):

        def start_and_look() -> bool:
            with transaction.atomic():
                start_run()
                return asyncio.run_coroutine_threadsafe(quiet, loop).result()

        loop, quiet = asyncio.get_running_loop(), socket.receive_nothing(timeout=0.2)
        assert await in_database(start_and_look)()
        assert await socket.hint() == Wake()


async def test_every_connected_runner_is_woken(secret):
    _, others = await in_database(make_token)("other")
    async with greeted(others, "other") as (other, _), greeted(secret) as (socket, _):
        await in_database(start_run)()
        assert [await socket.hint(), await other.hint()] == [Wake(), Wake()]


async def test_a_runner_that_is_gone_has_a_short_time_to_come_back(secret, settings):
    settings.RUNNER_DISCONNECT_GRACE_SECONDS = 5
    run = await in_database(start_run)()
    async with greeted(secret) as (socket, _):
        ((assignment,),) = [result.runs for result in await socket.ask(Claim(1))]
    runner = await Runner.objects.aget()
    await run.arefresh_from_db()
    assert (runner.is_online, runner.channel) == (False, "")
    assert run.status == Run.Status.RUNNING
    assert run.lease_expires_at - timezone.now() <= timedelta(seconds=5)
    async with greeted(secret, held=(assignment.lease,)) as (_, welcome):
        assert (welcome.runner, welcome.lost) == (runner.pk, ())
        await run.arefresh_from_db()
        assert run.lease_expires_at - timezone.now() > timedelta(seconds=5)


async def test_an_old_socket_of_the_same_process_takes_nothing_with_it(secret):
    async with greeted(secret) as (old, _), greeted(secret) as (new, _):
        await old.disconnect()
        assert (await Runner.objects.aget()).is_online
        assert await new.ask(Heartbeat(())) == [Beat((), ())]


async def test_a_token_revoked_while_its_runner_is_connected_ends_the_connection(secret):
    _, others = await in_database(make_token)("other")
    async with greeted(others, "other") as (other, _), greeted(secret) as (socket, _):
        token = await RunnerToken.objects.aget(name=RUNNER)
        await in_database(tokens.revoke)(token=token)
        assert await socket.closed_with() == (4401, "the token was revoked")
        assert await other.ask(Heartbeat(())) == [Beat((), ())]


@pytest.mark.parametrize("request_", [Heartbeat(()), Claim(1), Release(Lease(1, 1))], ids=repr)
async def test_a_revoked_token_is_noticed_without_a_hint(secret, request_):
    """Hints may be lost; the next request is refused all the same."""
    async with greeted(secret) as (socket, _):
        await RunnerToken.objects.aupdate(revoked_at=timezone.now())
        await socket.send_to(bytes_data=socket.session.send([request_])[1])
        assert await socket.closed_with() == (
            4401,
            "the token was revoked, or this process belongs to another token",
        )


async def test_a_revoked_token_reads_and_writes_no_checkpoints(secret):
    async with greeted(secret) as (socket, _):
        await socket.ask(put("1efa"))
        await RunnerToken.objects.aupdate(revoked_at=timezone.now())
        results = await socket.ask(put("1efb"), get())
        assert {result.reason for result in results} == {RefusalCode.FORBIDDEN}
    assert await Checkpoint.objects.acount() == 1


async def test_only_agents_of_the_token_are_announced(secret):
    async with greeted(secret, agents=[AGENT, "email"]):
        assert [agent.name async for agent in Agent.objects.all()] == [AGENT]
