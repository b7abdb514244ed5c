"""What tests need to be there: agents, tokens, connected runners, runs, pauses, decisions.

Plain functions with defaults that work. They go through the services, as the doors do, so that what
they leave behind is a state the product can reach; only an agent that no runner announced is made
by hand. The database must be there: ask for `db`, or for somebody of the cast.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from itertools import count
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from agents.models import Agent, Decision, Interrupt, Run, Runner, RunnerToken, Thread
from agents.reviews import ActionDecision, DecisionType
from agents.reviews.request import Arguments
from agents.services import (
    assignments,
    decisions,
    failures,
    interrupts,
    runners,
    runs,
    tokens,
    travel,
)
from agents.services.checkpoints import Store
from reviewconsole.protocol import plain, tagged
from reviewconsole.protocol.fingerprint import fingerprint
from reviewconsole.protocol.messages import (
    VERSION,
    Applied,
    ChannelValue,
    Delivered,
    Done,
    Failed,
    Finished,
    Hello,
    Lease,
    Paused,
    PostedInterrupt,
    Put,
    Whole,
)
from reviewconsole.protocol.plain import Plain

AGENT = "operations"
RUNNER = "runner-1"
QUESTION: Plain = {"query": "Which expert should I ask?"}
EMAIL: Arguments = {"to": "alice@example.com", "subject": "Your order", "body": "It is on its way."}
REFUND: Arguments = {"order": 8812, "amount": 120.0, "currency": "EUR"}

_numbers = count(1)


# Agents and runners --------------------------------------------------------------------------


def describe_agent(name: str = AGENT, **changes: Any) -> dict[str, Any]:
    """An agent as a runner announces it, with two tools."""
    text = {"type": "string"}
    email = {"to": text, "subject": text, "body": text}
    refund = {"order": {"type": "integer"}, "amount": {"type": "number"}, "currency": text}
    return {
        "name": name,
        "description": f"The {name} agent",
        "graph": {
            "nodes": [
                {"id": "__start__", "name": "__start__", "kind": "start"},
                {"id": "tools", "name": "tools", "kind": "tools"},
                {"id": "__end__", "name": "__end__", "kind": "end"},
            ],
            "edges": [
                {"source": "__start__", "target": "tools", "conditional": False},
                {"source": "tools", "target": "__end__", "conditional": False},
            ],
        },
        "input_schema": {"type": "object", "properties": {"messages": {"type": "array"}}},
        "context_schema": None,
        "state_schema": None,
        "output_keys": ["messages"],
        "tools": [
            {
                "name": tool,
                "description": description,
                "args_schema": {
                    "type": "object",
                    "properties": args,
                    "required": list(args),
                },
                "node": "tools",
            }
            for tool, description, args in (
                ("send_email", "Send an e-mail.", email),
                ("refund", "Pay money back.", refund),
            )
        ],
        "interrupt_before": [],
        "interrupt_after": [],
        "versions": {"langgraph": "1.2.22"},
        "notes": [],
        **changes,
    }


def make_agent(name: str = AGENT, **changes: Any) -> Agent:
    """The agent of that name; if there is none it is made, and no runner serves it."""
    spec = describe_agent(name, **changes)
    fields = {"description": spec["description"], "spec": spec}
    agent, _made = Agent.objects.get_or_create(name=name, defaults=fields)
    return agent


def make_token(name: str = "host", agents: Iterable[str] = (AGENT,)) -> tuple[RunnerToken, str]:
    """A new token and its secret."""
    return tokens.create(name=name, agents=tuple(agents))


def make_hello(
    instance: str = RUNNER, *, agents: Iterable[str] = (AGENT,), **changes: Any
) -> Hello:
    """The first request of a runner process; `changes` are other fields of it."""
    fields: dict[str, Any] = {
        "version": VERSION,
        "instance": instance,
        "name": f"{instance}.example",
        "capacity": 10,
        "agents": tuple(describe_agent(name) for name in agents),
        "versions": {"langgraph": "1.2.22"},
        "held": (),
    }
    return Hello(**fields | changes)


def connect_runner(
    instance: str = RUNNER,
    *,
    agents: Iterable[str] = (AGENT,),
    token: RunnerToken | None = None,
    held: Sequence[Lease] = (),
    channel: str = "",
) -> Runner:
    """A runner process that has said hello; called again, it has connected again.

    Its token is by default one of its own, with the name of the instance.
    """
    served = tuple(agents)
    token = token or RunnerToken.objects.filter(name=instance).first()
    token = token or make_token(instance, served)[0]
    hello = make_hello(instance, agents=served, held=tuple(held))
    runner, _lost = runners.connect(token=token, hello=hello, channel=channel)
    return runner


# Runs and pauses -----------------------------------------------------------------------------


def start_run(
    agent: str = AGENT,
    *,
    message: str = "Tell Alice where her order is.",
    user: User | None = None,
    thread: str | None = None,
    **fields: Any,
) -> Run:
    """A queued run of the agent with `message` as its input; `fields` are more of `runs.start`."""
    make_agent(agent)
    first: Plain = {"messages": [{"role": "user", "content": message}]}
    return runs.start(agent=agent, input=first, user=user, thread=thread, **fields)


def take(run: Run, runner: Runner | None = None) -> Lease:
    """Give this very queued run to a runner, by default to one that serves only its agent."""
    name = run.thread.agent.name
    instance = f"runner of {name}"
    runner = runner or Runner.objects.filter(instance=instance).first()
    runner = runner or connect_runner(instance, agents=(name,))
    assert assignments.take([run], runner)
    return lease_of(run)


def expire_lease(run: Run) -> None:
    """Let a running run's lease have ended a second ago."""
    over = timezone.now() - timedelta(seconds=1)
    assert Run.objects.filter(pk=run.pk, status=Run.Status.RUNNING).update(lease_expires_at=over)


def lease_of(run: Run) -> Lease:
    """The right to act for a run, as its runner holds it."""
    run.refresh_from_db()
    return Lease(run.pk, run.attempt)


def post(
    run: Run,
    *values: Plain,
    checkpoint_id: str,
    kind: str = "interrupt",
    node: str = "tools",
    ns: str = "",
    response_schema: dict[str, Any] | None = None,
    call_ids: tuple[str, ...] = (),
    origin: dict[str, Any] | None = None,
    at: Interrupt | None = None,
) -> tuple[PostedInterrupt, ...]:
    """These questions as a runner reports them, each of its own task.

    With `at`, the first is asked by the very task, and under the id, of that earlier question.
    """
    number = next(_numbers)
    places = [
        (f"{number:016x}{position:016x}", f"00000000-0000-5000-8000-{number:06x}{position:06x}")
        for position in range(len(values))
    ]
    if at is not None:
        places[:1] = [(at.interrupt_id, at.task_id)]
    return tuple(
        PostedInterrupt(
            kind=kind,
            interrupt_id=interrupt_id,
            task_id=task_id,
            ns=ns,
            node=node,
            value=Whole(*plain.encode(value)),
            response_schema=response_schema,
            fingerprint=fingerprint(
                agent=run.thread.agent.name,
                thread=run.thread.thread_id,
                checkpoint_id=checkpoint_id,
                interrupt_id=interrupt_id,
                value=value,
            ),
            call_ids=call_ids,
            origin=origin,
        )
        for value, (interrupt_id, task_id) in zip(values, places, strict=True)
    )


def make_paused(
    run: Run,
    *values: Plain,
    refused: str | None = None,
    snapshot: Plain = None,
    waiting: Sequence[str] | None = None,
    at: Interrupt | None = None,
    checkpoint_id: str = "",
    **fields: Any,
) -> Paused:
    """What a runner reports when this run pauses with these questions.

    `waiting` are the nodes that are next, by default one a question; `fields` as in `post`. With
    `at` it stands where that earlier question was asked, else at `checkpoint_id`, or at a new one.
    """
    checkpoint_id = at.checkpoint_id if at else checkpoint_id or new_checkpoint_id()
    interrupts = post(run, *values, checkpoint_id=checkpoint_id, at=at, **fields)
    return Paused(
        lease=lease_of(run),
        checkpoint_id=checkpoint_id,
        snapshot=Whole(*plain.encode(run.input if snapshot is None else snapshot)),
        next=tuple(waiting if waiting is not None else (each.node for each in interrupts)),
        interrupts=interrupts,
        refused=refused,
    )


def new_checkpoint_id() -> str:
    """The id of a checkpoint, newer than those before."""
    return f"1efc0000-0000-6000-8000-{next(_numbers):012x}"


def pause(run: Run, *values: Plain, **fields: Any) -> list[Interrupt]:
    """Let the run pause with these questions, by default one; a queued run is taken first.

    `fields` as in `make_paused`.
    """
    if run.status == Run.Status.QUEUED:
        take(run)
    run.refresh_from_db()
    assert run.runner is not None
    paused = make_paused(run, *(values or (QUESTION,)), **fields)
    interrupts.open_pause(runner=run.runner, request=paused)
    run.refresh_from_db()
    return list(run.interrupts.select_related("run", "thread__agent").order_by("position"))


def save_checkpoint(
    run: Run,
    *,
    waiting: Sequence[str] = ("tools",),
    parent: str | None = None,
    values: Mapping[str, Plain] | None = None,
    checkpoint_id: str = "",
    **metadata: Plain,
) -> str:
    """A checkpoint of the root that the runner of a running run saves; its id.

    `waiting` are the nodes that are next there, `values` channels of the state.
    """
    checkpoint_id = checkpoint_id or new_checkpoint_id()
    kept: dict[str, Plain] = dict.fromkeys([f"branch:to:{node}" for node in waiting])
    kept |= values or {}
    told: dict[Any, Plain] = {"source": "loop", "step": 1, **metadata}
    document: Any = {
        "v": 4,
        "id": checkpoint_id,
        "channel_versions": dict.fromkeys(kept, checkpoint_id),
        "versions_seen": {},
        "channel_values": {},
    }
    assert run.runner is not None
    request = Put(
        scope=lease_of(run),
        thread=run.thread.thread_id,
        ns="",
        checkpoint_id=checkpoint_id,
        parent_id=parent,
        document=plain.encode(document)[1],
        metadata=tagged.dumps(told).encode(),
        values=tuple(
            ChannelValue(name, checkpoint_id, Whole(*plain.encode(value)))
            for name, value in kept.items()
        ),
    )
    assert Store().execute([(run.runner.pk, request)]) == [Done()]
    return checkpoint_id


def pause_at(
    run: Run, *values: Plain, waiting: Sequence[str] = ("tools",), **fields: Any
) -> list[Interrupt]:
    """Let the run save a checkpoint and pause there, as `pause`; a queued run is taken first."""
    if run.status == Run.Status.QUEUED:
        take(run)
        run.refresh_from_db()
    saved = save_checkpoint(run, waiting=waiting)
    return pause(run, *values, waiting=waiting, checkpoint_id=saved, **fields)


def replay(thread: Thread, checkpoint_id: str, user: User, **fields: Any) -> Run:
    """Order a replay from this checkpoint; `fields` are more of `travel.replay`."""
    next_ = travel.foresee(thread=thread.pk, checkpoint_id=checkpoint_id).next
    return travel.replay(
        thread=thread.pk, checkpoint_id=checkpoint_id, next=next_, user=user, **fields
    )


def fork(thread: Thread, checkpoint_id: str, user: User, **fields: Any) -> Run:
    """Order a fork at this checkpoint; `fields` are more of `travel.fork`."""
    next_ = travel.foresee(thread=thread.pk, checkpoint_id=checkpoint_id).next
    return travel.fork(
        thread=thread.pk, checkpoint_id=checkpoint_id, next=next_, user=user, **fields
    )


def make_interrupt(value: Plain = QUESTION, *, agent: str = AGENT, **fields: Any) -> Interrupt:
    """A pending interrupt on a thread of its own; `fields` as in `make_paused`."""
    (interrupt,) = pause(start_run(agent), value, **fields)
    return interrupt


def tool_review(
    *calls: tuple[str, Arguments],
    allowed: Sequence[str] = ("approve", "edit", "reject", "respond"),
) -> Plain:
    """The question of LangChain's middleware about these calls, by default one e-mail."""
    asked = calls or (("send_email", EMAIL),)
    return {
        "action_requests": [
            {"name": name, "args": args, "description": f"Tool execution pending: {name}"}
            for name, args in asked
        ],
        "review_configs": [
            {"action_name": name, "allowed_decisions": list(allowed)}
            for name in dict.fromkeys(name for name, _ in asked)
        ],
    }


def breakpoint_before(*calls: tuple[str, Arguments], node: str = "sensitive_tools") -> Plain:
    """What the runner reports of a static breakpoint before a node that would make these calls."""
    return {
        "breakpoint": "before",
        "nodes": [node],
        "tool_calls": [
            {"id": f"call_{position}", "name": name, "args": args}
            for position, (name, args) in enumerate(calls)
        ],
    }


def per_call_review(name: str, args: Arguments, call_id: str = "call-1") -> Plain:
    """The question of LangChain's middleware about one call, asked one by one."""
    return {"type": "tool_approval", "tool_call_id": call_id, "name": name, "args": args}


# Decisions and ends --------------------------------------------------------------------------

APPROVE = ActionDecision(DecisionType.APPROVE)


def respond(answer: Plain = "Ask Bob.") -> ActionDecision:
    """The answer to a question."""
    return ActionDecision(DecisionType.RESPOND, answer=answer)


def decide(interrupt: Interrupt, user: User, *made: ActionDecision) -> Decision:
    """Record a reviewer's decision, made with the form of this very interrupt.

    By default a question is answered, and every call of a review approved.
    """
    request = interrupts.request_of(interrupt)
    usual = (respond(),) if request.is_question else (APPROVE,) * len(request.actions)
    return decisions.submit(
        interrupt=interrupt.pk,
        user=user,
        fingerprint=interrupt.fingerprint,
        decisions=made or usual,
    )


def dismiss(interrupt: Interrupt, user: User, reason: str = "called off") -> list[Decision]:
    """Let a reviewer finish the thread at this interrupt."""
    return decisions.dismiss(
        interrupt=interrupt.pk, user=user, fingerprint=interrupt.fingerprint, reason=reason
    )


def apply(run: Run, *taken: Decision) -> None:
    """Let the runner of a resuming run report its decisions delivered, these or all applied."""
    lease = lease_of(run)
    assert run.runner is not None
    decisions.deliver(runner=run.runner, request=Delivered(lease))
    made = tuple(each.pk for each in taken or run.decisions.all())
    decisions.apply(runner=run.runner, request=Applied(lease, made))


def finish(run: Run, values: Plain = None) -> Run:
    """Let a running run reach its end, with these public values."""
    lease = lease_of(run)
    assert run.runner is not None
    end = Finished(lease, "1efc0000-0000-6000-8000-ffffffffffff", Whole(*plain.encode(values)))
    return runs.finish(runner=run.runner, request=end)


def make_failed(run: Run, message: str = "no such order", *values: Plain, **fields: Any) -> Failed:
    """What a runner reports when this run fails, and perhaps waits with these questions as well.

    `fields` as in `make_paused`.
    """
    lease, waiting = lease_of(run), make_paused(run, *values, **fields)
    return Failed(
        lease=lease,
        error="ValueError",
        message=message,
        traceback="Traceback …",
        checkpoint_id=waiting.checkpoint_id if values else None,
        snapshot=None,
        next=waiting.next,
        interrupts=waiting.interrupts,
    )


def fail(run: Run, message: str = "no such order", *values: Plain, **fields: Any) -> Run:
    """Let a running run end with an error; arguments as in `make_failed`."""
    failed = make_failed(run, message, *values, **fields)
    assert run.runner is not None
    return failures.fail(runner=run.runner, request=failed)
