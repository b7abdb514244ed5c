"""A reviewer at work: agents started, pauses read, decisions made, ends awaited.

The console and the runner are real and run through a whole module. Decisions go through the
services, in this process, as the pages' POSTs do in the console's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User

from agents.models import Decision, Interrupt, Run, Thread
from agents.reviews import ActionDecision, AnswerShape, DecisionType
from agents.services import decisions, runs
from reviewconsole.protocol.plain import Plain
from tests.pauses.browser import Browser
from tests.processes import wait_until

APPROVE = ActionDecision(DecisionType.APPROVE)


def edit(**args: Plain) -> ActionDecision:
    """Run the call with these arguments instead."""
    return ActionDecision(DecisionType.EDIT, args=dict(args))


def reject(reason: str = "") -> ActionDecision:
    """Do not run the call."""
    return ActionDecision(DecisionType.REJECT, message=reason)


def respond(words: str) -> ActionDecision:
    """Do not run the call; these words are its result."""
    return ActionDecision(DecisionType.RESPOND, message=words)


def text(answer: str) -> ActionDecision:
    """Answer a question with the words themselves."""
    return ActionDecision(DecisionType.RESPOND, answer=answer, shape=AnswerShape.TEXT)


def value(answer: Plain, shape: AnswerShape = AnswerShape.JSON) -> ActionDecision:
    """Answer a question with a value."""
    return ActionDecision(DecisionType.RESPOND, answer=answer, shape=shape)


def call(name: str, **args: Plain) -> dict[str, Any]:
    """A call that the agents' model is told to propose; the nth has the id `call_<n>`."""
    return {"name": name, "args": args}


def said(*calls: dict[str, Any]) -> dict[str, Any]:
    """The input that tells the agents' model to propose these calls."""
    return {"messages": [{"role": "user", "content": json.dumps(calls)}]}


class Desk:
    """Starts agents and decides their pauses."""

    def __init__(self, browser: Browser, effects: Path, alice: User) -> None:
        self.browser = browser
        self.alice = alice
        self._effects = effects

    def start(self, agent: str, input: Any, **fields: Any) -> Thread:
        """Start a run on a new thread; `fields` are more of `runs.start`."""
        thread = runs.start(agent=agent, input=input, user=None, **fields).thread
        self.browser.nudge()
        return thread

    def settled(self, thread: Thread) -> Run:
        """The newest run of the thread, once it has ended, in whatever way."""
        newest = thread.runs.order_by("-pk").values_list("pk", flat=True)[0]
        over = Run.objects.filter(pk=newest).exclude(status__in=Run.ACTIVE)
        return wait_until(f"run {newest} ends", over.first)

    def asked(self, thread: Thread) -> list[Interrupt]:
        """What the thread asks, once it waits."""
        run = self.settled(thread)
        assert run.status == Run.Status.INTERRUPTED, f"{run.status}: {run.traceback}"
        return list(run.interrupts.select_related("run", "thread__agent").order_by("position"))

    def question(self, thread: Thread) -> Interrupt:
        """The one thing that the thread asks."""
        (only,) = self.asked(thread)
        return only

    def decide(self, asked: Interrupt, *made: ActionDecision, **fields: Any) -> Decision:
        """Decide one question as alice; `fields` are more of `decisions.submit`."""
        decision = decisions.submit(
            interrupt=asked.pk,
            user=self.alice,
            fingerprint=asked.fingerprint,
            decisions=made,
            **fields,
        )
        self.browser.nudge()
        return decision

    def finished(self, thread: Thread) -> Any:
        """The state that the agent has reached at its end."""
        run = self.settled(thread)
        assert run.status == Run.Status.SUCCEEDED, f"{run.status}: {run.traceback}"
        return self.snapshot(thread)

    def last_words(self, thread: Thread) -> str:
        """What the agent's model said at the end."""
        last = self.finished(thread)["messages"][-1]
        return str(last.payload["content"])

    def tool_messages(self, thread: Thread) -> dict[str, str]:
        """What came of each call in the end, by its id."""
        messages = [message.payload for message in self.finished(thread)["messages"]]
        return {m["tool_call_id"]: m["content"] for m in messages if m["type"] == "tool"}

    def snapshot(self, thread: Thread) -> Any:
        """The state that the runner reported last."""
        thread.refresh_from_db()
        return thread.snapshot

    def failed(self, thread: Thread) -> Run:
        """The newest run of the thread, which has ended with an error."""
        run = self.settled(thread)
        assert run.status == Run.Status.FAILED, run.status
        return run

    def deeds(self, thread: Thread) -> list[dict[str, Any]]:
        """What the agent really did on the thread, oldest first."""
        lines = self._effects.read_text().splitlines() if self._effects.exists() else []
        found = [json.loads(line) for line in lines]
        return [
            {key: fact for key, fact in deed.items() if key != "thread"}
            for deed in found
            if deed["thread"] == thread.thread_id
        ]

    def names(self, thread: Thread) -> list[str]:
        """The names of what the agent really did on the thread, oldest first."""
        return [deed["deed"] for deed in self.deeds(thread)]


def receipts(interrupts: Iterable[Interrupt]) -> list[str]:
    """How far the decisions on these have come."""
    made = Decision.objects.filter(interrupt__in=[asked.pk for asked in interrupts])
    return list(made.order_by("interrupt").values_list("status", flat=True))
