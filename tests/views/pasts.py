"""A thread with a past: an agent asked, alice answered, it went on to its end."""

from dataclasses import dataclass

from django.contrib.auth.models import User

from agents.models import Agent, Interrupt, Thread
from agents.services import interrupts
from reviewconsole.protocol import plain
from reviewconsole.protocol.messages import Paused, Whole
from tests.factories import apply, decide, describe_agent, finish, post, respond, start_run, take
from tests.history.graphs import line
from tests.services.replayed import describe_triggers, replay

NODES = ("first", "ask", "last")
STATE = {
    "properties": {
        "note": {"type": "string"},
        "log": {"type": "array", "items": {"type": "string"}, "x-reducer": "add"},
    }
}


@dataclass(frozen=True)
class Past:
    """The graph `first → ask → last`, run through; `ask` was answered."""

    thread: Thread
    asked: Interrupt
    ids: dict[tuple[str, ...], str]  # checkpoints, by what was next there

    @property
    def where_it_asked(self) -> str:
        """The checkpoint at which `ask` was next."""
        return self.ids["ask",]

    def url(self, page: str, checkpoint_id: str = "") -> str:
        """The address of a page about a checkpoint, by default the one where it asked."""
        at = checkpoint_id or self.where_it_asked
        return f"/threads/{self.thread.pk}/checkpoints/{at}/{page}/"


def make_past(alice: User) -> Past:
    """Run and record it, and store it as its runner would have."""
    recording = line()
    thread = replay(recording)
    ids = {snapshot.next: each for each, snapshot in recording.snapshots().items()}
    edges = [*zip(("__start__", *NODES), (*NODES, "__end__"), strict=True)]
    kinds = {"__start__": "start", **dict.fromkeys(NODES, ""), "__end__": "end"}
    graph = {
        "nodes": [{"id": name, "name": name, "kind": kind} for name, kind in kinds.items()],
        "edges": [{"source": a, "target": b, "conditional": False} for a, b in edges],
    }
    triggers = describe_triggers(recording)
    spec = describe_agent(graph=graph, state_schema=STATE, triggers=triggers, tools=[])
    run = start_run(thread=thread.thread_id)
    lease = take(run)
    assert run.runner is not None
    paused = Paused(
        lease=lease,
        checkpoint_id=ids["ask",],
        snapshot=Whole(*plain.encode({"log": ["in", "first"]})),
        next=("ask",),
        interrupts=post(run, "Sure?", checkpoint_id=ids["ask",], node="ask"),
        refused=None,
    )
    interrupts.open_pause(runner=run.runner, request=paused)
    resumed = decide(run.interrupts.get(), alice, respond("yes")).run
    assert resumed is not None
    take(resumed)
    apply(resumed)
    finish(resumed, {"log": ["in", "first", "ask:yes", "last"]})
    thread.checkpoints.update(run=run)
    thread.checkpoints.filter(checkpoint_id__gt=ids["ask",]).update(run=resumed)
    Agent.objects.update(spec=spec)
    thread.refresh_from_db()
    return Past(thread, run.interrupts.get(), ids)
