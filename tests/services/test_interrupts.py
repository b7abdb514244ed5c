"""Opening a pause: its questions stand before people, exactly as the runner found them."""

import dataclasses

import pytest

from agents.exceptions import RequestRefused
from agents.models import Decision, Effect, Interrupt, Run, Thread
from agents.services import interrupts, runs
from reviewconsole.protocol.fingerprint import fingerprint, question_digest
from reviewconsole.protocol.messages import Whole
from reviewconsole.protocol.plain import Plain, Typed
from tests.factories import (
    EMAIL,
    QUESTION,
    REFUND,
    breakpoint_before,
    connect_runner,
    decide,
    make_interrupt,
    make_paused,
    pause,
    pause_at,
    save_checkpoint,
    start_run,
    take,
    tool_review,
)


def test_a_pause_ends_its_run_and_asks(db):
    state: Plain = {"messages": ["…"], "order": 2**60}
    run = start_run()
    (interrupt,) = pause(run, QUESTION, node="tools", snapshot=state)
    assert (run.status, run.next, run.refused) == (Run.Status.INTERRUPTED, ["tools"], "")
    assert (run.lease_expires_at, run.checkpoint_id) == (None, interrupt.checkpoint_id)
    thread = Thread.objects.get(pk=run.thread_id)
    assert (thread.status, thread.snapshot) == (Thread.Status.INTERRUPTED, state)
    assert thread.snapshot_checkpoint_id == run.checkpoint_id
    assert (interrupt.run, interrupt.thread, interrupt.position) == (run, thread, 0)
    assert (interrupt.status, interrupt.kind) == ("pending", "interrupt")
    assert (interrupt.node, interrupt.value, interrupt.response_schema) == ("tools", QUESTION, None)
    assert interrupt.fingerprint == fingerprint(
        agent="operations",
        thread=thread.thread_id,
        checkpoint_id=interrupt.checkpoint_id,
        interrupt_id=interrupt.interrupt_id,
        value=QUESTION,
    )
    assert interrupt.digest == question_digest(QUESTION)


@pytest.mark.parametrize(
    ("value", "kind", "dialect", "headline", "actions"),
    [
        (QUESTION, "interrupt", "question", "Which expert should I ask?", 1),
        (tool_review(), "interrupt", "middleware", "send_email → alice@example.com", 1),
        (
            tool_review(("refund", REFUND), ("send_email", EMAIL)),
            "interrupt",
            "middleware",
            "refund 120.00 EUR and 1 more",
            2,
        ),
        (
            breakpoint_before(("send_email", EMAIL)),
            "breakpoint",
            "breakpoint",
            "send_email → alice@example.com",
            1,
        ),
    ],
)
def test_the_inbox_knows_what_is_asked(db, value, kind, dialect, headline, actions):
    interrupt = make_interrupt(value, kind=kind)
    assert (interrupt.dialect, interrupt.headline) == (dialect, headline)
    assert (interrupt.kind, interrupt.actions) == (kind, actions)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0,
        2**63,
        1.0,
        float("inf"),
        "",
        "nul \0 and bidi \u202e",
        b"\x00\xff",
        [],
        {},
        [[None]],
        {1: "a", None: "b", (1, "x"): "c"},
        {"$int": "5"},
        Typed(5, "app.models", "Money", {"value": 1}),
        {"action_requests": "broken", "review_configs": 5},
    ],
    ids=repr,
)
def test_every_pause_is_shown_whatever_it_says(db, value):
    interrupt = Interrupt.objects.get(pk=make_interrupt(value).pk)
    assert interrupt.value == value
    assert type(interrupt.value) is type(value)
    assert interrupt.status == Interrupt.Status.PENDING


def test_text_that_one_database_cannot_hold_stands_in_the_line_of_the_inbox_all_the_same(db):
    assert make_interrupt("a\0b?").headline == "a\ufffdb?"


def test_the_questions_of_a_pause_stand_in_their_order(db):
    run = start_run()
    asked = pause(run, "first?", "second?", "third?")
    assert [(item.position, item.value) for item in asked] == [
        (0, "first?"),
        (1, "second?"),
        (2, "third?"),
    ]


def test_the_calls_it_asks_about_and_where_it_was_called_are_kept(db):
    asked = make_interrupt(
        tool_review(("refund", REFUND), ("send_email", EMAIL)),
        call_ids=("call-1", "\0"),
        origin={"tool": "refund", "call_id": None},
    )
    asked = Interrupt.objects.get(pk=asked.pk)
    assert asked.call_ids == ["call-1", "\ufffd"]
    assert asked.origin == {"tool": "refund", "call_id": None}


def test_a_question_knows_neither_unless_it_is_told(db):
    asked = Interrupt.objects.get(pk=make_interrupt().pk)
    assert (asked.call_ids, asked.origin, asked.moved_from, asked.moving) == ([], None, None, [])


def test_two_nodes_that_stopped_themselves_share_an_id_and_are_two_questions(db):
    run = start_run()
    runner = connect_runner()
    take(run, runner)
    request = make_paused(run, "too long", "too short", kind="node_interrupt")
    first, second = request.interrupts
    second = dataclasses.replace(
        second,
        interrupt_id=first.interrupt_id,
        fingerprint=fingerprint(
            agent="operations",
            thread=run.thread.thread_id,
            checkpoint_id=request.checkpoint_id,
            interrupt_id=first.interrupt_id,
            value="too short",
        ),
    )
    request = dataclasses.replace(request, interrupts=(first, second))
    interrupts.open_pause(runner=runner, request=request)
    kinds = Interrupt.objects.values_list("kind", "dialect", "headline")
    assert list(kinds) == [
        ("node_interrupt", "node_interrupt", "too long"),
        ("node_interrupt", "node_interrupt", "too short"),
    ]


def test_a_pause_repeated_after_a_lost_reply_asks_once(db):
    run = start_run()
    runner = connect_runner()
    take(run, runner)
    request = make_paused(run, QUESTION)
    for _ in range(2):
        assert interrupts.open_pause(runner=runner, request=request) == run
    assert Interrupt.objects.count() == 1


def test_a_repeated_pause_leaves_what_came_after_it_alone(alice):
    run = start_run()
    runner = connect_runner()
    take(run, runner)
    request = make_paused(run, QUESTION)
    interrupts.open_pause(runner=runner, request=request)
    decide(Interrupt.objects.get(), alice)
    interrupts.open_pause(runner=runner, request=request)
    assert Interrupt.objects.get().status == Interrupt.Status.ANSWERED
    assert Thread.objects.get().status == Thread.Status.BUSY


def test_a_run_that_is_to_be_cancelled_asks_nothing(alice):
    """It paused before its runner heard of the cancelling."""
    (interrupt,) = pause_at(start_run())
    run = decide(interrupt, alice).run
    take(run)
    at = save_checkpoint(run, parent=interrupt.checkpoint_id)
    runs.cancel(run=run.pk, user=None)
    paused = make_paused(run, "another question?", checkpoint_id=at)
    for _ in range(2):
        interrupts.open_pause(runner=run.runner, request=paused)
    run.refresh_from_db()
    interrupt.refresh_from_db()
    assert (run.status, run.thread.status) == (Run.Status.CANCELLED, Thread.Status.IDLE)
    assert (interrupt.status, Interrupt.objects.count()) == (Interrupt.Status.CANCELLED, 1)


def test_a_pause_without_a_question_is_refused(db):
    run = start_run()
    runner = connect_runner()
    take(run, runner)
    with pytest.raises(RequestRefused, match="a pause without a question") as refusal:
        interrupts.open_pause(runner=runner, request=make_paused(run))
    assert refusal.value.code == "invalid"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"fingerprint": "0" * 64},
            "the fingerprint of tools's question is 000000000000…, its value gives ",
        ),
        ({"kind": "coffee"}, "'coffee' is none of interrupt, breakpoint"),
        (
            {"value": Whole("pickle", b"\x80")},
            "the question of tools: a value stored as 'pickle' cannot be read by the console",
        ),
        ({"value": Whole("msgpack", b"\x91")}, "the question of tools: damaged msgpack value"),
    ],
)
def test_a_question_that_contradicts_itself_is_refused_and_the_run_goes_on(db, changes, said):
    run = start_run()
    runner = connect_runner()
    take(run, runner)
    request = make_paused(run, QUESTION, "second?")
    wrong = dataclasses.replace(request.interrupts[1], **changes)
    request = dataclasses.replace(request, interrupts=(request.interrupts[0], wrong))
    with pytest.raises(RequestRefused) as refusal:
        interrupts.open_pause(runner=runner, request=request)
    assert refusal.value.code == "invalid"
    assert str(refusal.value).startswith(said)
    run.refresh_from_db()
    assert (run.status, run.thread.status) == (Run.Status.RUNNING, "busy")
    assert Interrupt.objects.count() == 0


def test_decisions_that_the_runner_refused_are_refused_and_asked_anew(alice):
    """The live pause was another one than the reviewer saw."""
    before = make_interrupt("pay 1?")
    decision = decide(before, alice)
    (anew,) = pause(decision.run, "pay 1000000?", refused="the question is another one")
    before.refresh_from_db()
    decision.refresh_from_db()
    decision.run.refresh_from_db()
    assert before.status == Interrupt.Status.SUPERSEDED
    assert decision.status == Decision.Status.REFUSED
    assert decision.run.refused == "the question is another one"
    assert (anew.status, anew.run) == (Interrupt.Status.PENDING, decision.run)
    assert decide(anew, alice).run.resumes == decision.run


def test_an_applied_decision_is_not_refused_with_a_later_pause(alice):
    before = make_interrupt()
    decision = decide(before, alice)
    take(decision.run)
    Decision.objects.update(status=Decision.Status.APPLIED)
    Interrupt.objects.update(status=Interrupt.Status.APPLIED)
    pause(decision.run, refused="the second of two is another one")
    before.refresh_from_db()
    decision.refresh_from_db()
    assert (before.status, decision.status) == ("applied", "applied")


@pytest.mark.parametrize("field", ["decision", "settled_by"])
def test_a_decision_that_a_call_has_run_by_is_applied_and_not_refused(alice, field: str):
    """The runner that came after a lost one found another question."""
    before = make_interrupt()
    decision = decide(before, alice)
    take(decision.run)
    Effect.objects.create(
        thread=before.thread, key="k", execution="e", run=decision.run, attempt=1, tool="refund",
        **{field: decision},
    )  # fmt: skip
    pause(decision.run, refused="the question is another one")
    before.refresh_from_db()
    decision.refresh_from_db()
    assert (before.status, decision.status) == ("applied", "applied")
    assert decision.decided_at <= decision.delivered_at <= decision.applied_at


def test_the_request_of_an_interrupt_is_read_with_the_tools_of_its_agent(db):
    interrupt = make_interrupt(tool_review())
    request = interrupts.request_of(interrupt)
    assert [action.name for action in request.actions] == ["send_email"]
    assert request.actions[0].args_schema["required"] == ["to", "subject", "body"]


@pytest.mark.parametrize(("ns", "channels"), [("", ["note"]), ("sub:1", None)])
def test_what_may_be_written_as_a_node_is_known_of_the_root_only(db, ns, channels):
    interrupt = make_interrupt(breakpoint_before(node="ask"), kind="breakpoint", ns=ns)
    interrupt.thread.agent.spec["state_schema"] = {"properties": {"note": {"type": "string"}}}
    (action,) = interrupts.request_of(interrupt).actions
    assert "write" in action.allowed
    schema = action.write_schema
    assert (schema and list(schema["properties"])) == channels
