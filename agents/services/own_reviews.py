"""Own reviews: decisions on the console's own questions about one tool call, which name it.

The runner holds the answer to such a question, and names the decision when it asks whether the call
may run. An agent may write what it likes into a question of its own: so a decision counts for
exactly the call that its question showed, and was read as.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

from django.db.models import QuerySet

from agents.models import Decision, Effect, Interrupt, Run
from agents.prepared import Asked, Each, Prepared
from agents.reviews.dialects import in_doubt, per_call
from agents.services import call_verdicts, effects
from agents.services.made_calls import MadeCall


def decisions(*, runs: Collection[int], named: Collection[int]) -> Asked[Decision]:
    """The query for these decisions, as far as they were made in the threads of these runs."""
    return _NAMED.given(runs=runs, decisions=named)


def uses(*, named: Collection[int]) -> Asked[tuple[int, str]]:
    """The query for the calls that these decisions let run: decision and key."""
    return _USES.given(decisions=named)


class OwnReviews:
    """The decisions that the calls of a round name, and what they let run."""

    def __init__(
        self, decisions: Iterable[Decision] = (), uses: Iterable[tuple[int, str]] = ()
    ) -> None:
        """What the queries `decisions` and `uses` answer."""
        self._decisions = {decision.pk: decision for decision in decisions}
        self._used: defaultdict[int, set[str]] = defaultdict(set)
        for decision, key in uses:
            self._used[decision].add(key)

    def named(self, call: MadeCall) -> Decision | None:
        """The decision that a call names; None where there is none, or where it says nothing."""
        decision = self._decisions.get(call.request.decision or 0)
        if decision is None:
            return None
        asked = decision.interrupt
        branch = call.run.branch or 0  # type: ignore[attr-defined]  # annotated
        is_here = asked.thread_id == call.run.thread_id and asked.run_id >= branch
        return decision if is_here and _shows_one_call(asked) else None

    def approves(self, decision: Decision, call: MadeCall) -> bool:
        """Whether a named decision lets this call run, with these arguments, and no other ran.

        Queries: 1, for what the agent's tools declare.
        """
        match decision.interrupt.value, decision.actions:
            case {"name": name, "tool_call_id": call_id, "args": args}, [{"type": "approve"}]:
                pass
            case {"name": name, "tool_call_id": call_id}, [{"type": "edit", "args": args}]:
                pass
            case _:
                return False
        is_this = (name, call_id) == (call.request.tool, call.request.call_id)
        declared = effects.declared(call.run.thread.agent, name)
        return (
            is_this
            and effects.covers(args, call.args, declared)
            and self._used[decision.pk] <= {call.key}
        )

    def used(self, decision: int, call: MadeCall) -> None:
        """Note that a decision lets this call run."""
        self._used[decision].add(call.key)


def _named() -> QuerySet[Decision]:
    threads = Run.objects.filter(pk__any=Each("runs", int)).order_by().values("thread")
    here = Decision.objects.filter(pk__any=Each("decisions", int), interrupt__thread__any=threads)
    return here.exclude(status__in=Decision.VOID).select_related("interrupt").order_by()


_NAMED = Prepared(_named)


def _uses() -> QuerySet[Effect, tuple[int, str]]:
    used = Effect.objects.filter(decision__any=Each("decisions", int))
    return used.order_by().values_list("decision", "key")


_USES = Prepared(_uses)


def _shows_one_call(asked: Interrupt) -> bool:
    """Whether what people saw is the one call that stands in the question's own fields."""
    is_read_so = asked.dialect in (per_call.NAME, in_doubt.NAME)
    return is_read_so and call_verdicts.is_of_gate(asked)
