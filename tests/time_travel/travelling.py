"""Going back in a thread: checkpoints found by what is next there, replays and forks made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from django.contrib.auth.models import User

from agents.models import Interrupt, Run, Thread
from agents.services import history, travel
from agents.services.history import CheckpointState, Tree
from reviewconsole.protocol.plain import Plain
from tests.pauses.browser import Browser
from tests.pauses.desk import Desk
from tests.processes import wait_until
from tests.servers import RunnerProcess


class Traveller(Desk):
    """A desk that goes back: as the pages do, it repeats what they foresaw."""

    def __init__(self, browser: Browser, effects: Path, alice: User, runner: RunnerProcess) -> None:
        super().__init__(browser, effects, alice)
        self.runner = runner
        self.hold = effects.with_suffix(".hold")
        """While this file is there, `asks` does not end what it does."""

    def settled(self, thread: Thread) -> Run:
        """The newest run of the thread, once nothing runs or waits any more."""
        busy = thread.runs.filter(status__in=(*Run.ACTIVE, Run.Status.WAITING))
        wait_until("its runs end", lambda: not busy.exists())
        return super().settled(thread)

    def tree(self, thread: Thread) -> Tree:
        """Every checkpoint of the thread, newest first."""
        return history.tree(thread=thread)

    def before(self, thread: Thread, *nodes: str) -> str:
        """The oldest checkpoint at which these nodes are next."""
        rows = self.tree(thread).rows
        found = [row for row in rows if row.ns == "" and set(row.next) == set(nodes)]
        return found[-1].checkpoint_id

    def head(self, thread: Thread) -> str:
        """The newest checkpoint."""
        return self.tree(thread).rows[0].checkpoint_id

    def state(self, thread: Thread, checkpoint_id: str) -> CheckpointState:
        """What was stored there, as the page of a checkpoint reads it."""
        return history.checkpoint(thread=thread, checkpoint_id=checkpoint_id)

    def replay(self, thread: Thread, checkpoint_id: str, *, ns: str = "") -> Run:
        """Run on from there."""
        seen = travel.foresee(thread=thread.pk, checkpoint_id=checkpoint_id, ns=ns)
        assert seen.blocked == ""
        run = travel.replay(
            thread=thread.pk, checkpoint_id=checkpoint_id, ns=ns, next=seen.next, user=self.alice
        )
        self.browser.nudge()
        return run

    def fork(
        self,
        thread: Thread,
        checkpoint_id: str,
        update: Mapping[str, Plain] | None = None,
        *,
        as_node: str = "",
        stays: bool = False,
    ) -> Run:
        """Change it, and run on or stay."""
        seen = travel.foresee(
            thread=thread.pk,
            checkpoint_id=checkpoint_id,
            as_node=as_node,
            writes=update is not None,
            stays=stays,
        )
        assert seen.blocked == ""
        run = travel.fork(
            thread=thread.pk, checkpoint_id=checkpoint_id, next=seen.next, user=self.alice,
            update=update, as_node=as_node, stays=stays, reason="Another way.",
        )  # fmt: skip
        self.browser.nudge()
        return run

    def change(self, asked: Interrupt) -> Run:
        """Change the decision about this question."""
        seen = travel.foresee(thread=asked.thread_id, checkpoint_id=asked.checkpoint_id)
        run = travel.change_decision(
            interrupt=asked.pk, next=seen.next, user=self.alice, reason="I was wrong."
        )
        self.browser.nudge()
        return run

    def deeds_since(self, thread: Thread, before: int) -> list[str]:
        """The names of what the agent did after its first `before` deeds."""
        return self.names(thread)[before:]
