"""Steps of agents: how their tool calls ended, and the checkpoints that say so."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from agents.pipelines import Ending
from agents.services import outages, tool_calls
from agents.services.checkpoint_work import Call
from agents.services.checkpoints import Store
from agents.services.tool_calls import Asked, Told
from reviewconsole.protocol.messages import Lease, Result

log = logging.getLogger(__name__)


def execute(asked: Sequence[Asked], calls: Sequence[Call], store: Store) -> list[Result]:
    """Do what is asked about tool calls, then save: the answers to both, in order.

    In one transaction, since a tool's end and the checkpoint after it come in one frame. When
    something breaks it, each kind is done for itself, as `tool_calls.execute` and `Store.execute`
    do. Idempotent. Round trips on PostgreSQL, most often: one that locks and reads, one that writes
    and commits.
    """
    told: list[Told] = []

    def first(ending: Ending) -> None:
        scopes = (request.scope for _, request in calls)
        beside = {scope.run for scope in scopes if isinstance(scope, Lease)}
        told[:] = [tool_calls.results(asked, ending, beside)]

    try:
        saved = store.execute_after(first, calls)
    except Exception as error:  # what broke it is found out, and answered, by those that did it
        if not outages.is_outage(error):
            log.info("tool calls and checkpoints are done apart: %s", error)
        return [*tool_calls.execute(asked), *store.execute(calls)]
    return [*tool_calls.answered(told[0]), *saved]
