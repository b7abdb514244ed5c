"""By what right runners save and read: leases of runs, and threads of their agents."""

from __future__ import annotations

from typing import Any

from agents.exceptions import RequestRefused
from agents.models import Agent, Run, Thread
from agents.services.engines import LeasedRun, LockedThread
from reviewconsole.protocol.messages import Lease, Owner, RefusalCode


def holds(runner: int, lease: Lease, run: LeasedRun) -> bool:
    """Whether the lease of a run is this runner's, and not over."""
    return (
        run.status == Run.Status.RUNNING
        and run.attempt == lease.attempt
        and run.runner_id == runner
        and not run.is_revoked
    )


def new_thread(scope: Owner, name: str, **fields: Any) -> Thread:
    """Make a thread of an agent. Queries: 2.

    Raises:
        RequestRefused: `invalid` — the agent was never announced.
    """
    agent = Agent.objects.filter(name=scope.agent).defer("spec").first()
    if agent is None:
        raise RequestRefused(RefusalCode.INVALID, f"agent {scope.agent!r} was never announced")
    return Thread.objects.create(thread_id=name, agent=agent, **fields)


def check_belongs(thread: LockedThread, scope: Owner) -> None:
    """Make sure that a thread is of the agent that is named.

    Raises:
        RequestRefused: `forbidden`.
    """
    if thread.agent != scope.agent:
        raise RequestRefused(
            RefusalCode.FORBIDDEN,
            f"thread {thread.thread_id!r} does not belong to {scope.agent!r}",
        )
