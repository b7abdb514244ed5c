"""Own reviews: decisions on the console's own questions about one tool call, which name it.

The runner holds the answer to such a question, and names the decision when it asks whether the call
may run. An agent may write what it likes into a question of its own: so a decision counts for
exactly the call that its question showed, and was read as.
"""

from __future__ import annotations

from django.db.models import QuerySet

from agents.models import Decision, Effect, Interrupt
from agents.prepared import Given, Prepared
from agents.reviews.dialects import in_doubt, per_call
from agents.services import call_verdicts, effects
from agents.services.made_calls import MadeCall


def named(call: MadeCall) -> Decision | None:
    """The decision that a call names; None where there is none, or where it says nothing here.

    Queries: 1 where one is named.
    """
    if call.request.decision is None:
        return None
    branch = call.run.branch or 0  # type: ignore[attr-defined]  # annotated
    found = _NAMED(decision=call.request.decision, thread=call.run.thread_id, branch=branch)
    return found[0] if found and _shows_one_call(found[0].interrupt) else None


def _named() -> QuerySet[Decision]:
    here = Decision.objects.filter(
        pk=Given("decision", int),
        interrupt__thread=Given("thread", int),
        interrupt__run__gte=Given("branch", int),
    )
    return here.exclude(status__in=Decision.VOID).select_related("interrupt").order_by()


_NAMED = Prepared(_named)


def _shows_one_call(asked: Interrupt) -> bool:
    """Whether what people saw is the one call that stands in the question's own fields."""
    is_read_so = asked.dialect in (per_call.NAME, in_doubt.NAME)
    return is_read_so and call_verdicts.is_of_gate(asked)


def approves(decision: Decision, call: MadeCall) -> bool:
    """Whether a named decision lets this call run, with these arguments, and no other was let run.

    Queries: 2.
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
        and not _OTHERS(decision=decision.pk, key=call.key)
    )


def _others() -> QuerySet[Effect, tuple[int]]:
    used = Effect.objects.filter(decision=Given("decision", int))
    return used.exclude(key=Given("key", str)).order_by().values_list("pk")[:1]


_OTHERS = Prepared(_others)
