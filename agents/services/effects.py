"""The effect journal: each tool call that ran, and what came of it.

LangGraph runs a node again from its start after each pause and crash. A call that has ended is then
answered from here; one that has begun and not ended may have done its work or not, so it is in
doubt, and held for a person. An entry is one execution of a call; the newest of a call counts.

All but `settle`, `drop_results` and `erase` happen inside the round of `tool_calls`, which has
locked the threads: two entries of one call never begin at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from enum import StrEnum

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Length

from agents import push
from agents.models import Agent, Decision, Effect, EffectResult, Interrupt, Run, Thread
from agents.prepared import (
    Asked,
    Each,
    Given,
    Prepared,
    PreparedDelete,
    PreparedInsert,
    PreparedUpdate,
)
from agents.reviews import DecisionType
from agents.reviews.dialects import in_doubt
from agents.services.column_text import column_text
from agents.services.made_calls import LONGEST, MadeCall
from reviewconsole.protocol.fingerprint import question_digest
from reviewconsole.protocol.plain import Plain

OPEN = (Effect.Status.STARTED, Effect.Status.IN_DOUBT)
"""Without an end that anybody knows."""

LONGEST_EXECUTION = 64  # characters of the name that a runner gives to an execution

WITH_RESULT = (Effect.Status.FINISHED, Effect.Status.GIVEN)
"""With an end that may be kept for when the call is made again."""


class Standing(StrEnum):
    """Where a call that is about to be made stands in the journal."""

    FREE = "free"  # nothing keeps it from running
    BEGUN = "begun"  # this very execution was let run before: it asks again
    ENDED = "ended"  # it has a result
    ELSEWHERE = "elsewhere"  # it runs at another runner, which is connected
    FAILED = "failed"  # in an earlier attempt: it may have done a part of its work
    IN_DOUBT = "in doubt"  # nobody knows


def newest(*, runs: Collection[int], keys: Collection[str]) -> Asked[Effect]:
    """The query for the entries with these keys in the threads of these runs, newest last.

    They come without results; each has the size of its own in bytes as `kept`, None where none is
    kept.
    """
    return _NAMED.given(runs=runs, keys=keys)


def _named() -> QuerySet[Effect]:
    threads = Run.objects.filter(pk__any=Each("runs", int)).order_by().values("thread")
    rows = Effect.objects.filter(thread__any=threads, key__any=Each("keys", str))
    related = rows.select_related("runner", "settled_by").annotate(kept=Length("result__data"))
    return related.order_by("number")


_NAMED = Prepared(_named)


def results(effects: Collection[int]) -> Asked[EffectResult]:
    """The query for what these entries returned."""
    return _RESULTS.given(effects=effects)


_RESULTS = Prepared(lambda: EffectResult.objects.filter(effect__any=Each("effects", int)))


def standing(last: Effect | None, call: MadeCall, runner: int) -> Standing:
    """Where a call stands whose newest entry is `last`, and that this runner makes. No query."""
    if last is None:
        return Standing.FREE
    if last.status == Effect.Status.STARTED and last.execution == call.request.execution:
        return Standing.BEGUN
    if not call.ns:
        return Standing.FREE  # outside of any task no call can be told from another
    match last.status:
        case Effect.Status.FINISHED | Effect.Status.GIVEN:
            # Arguments that cannot be stored cannot be compared: perhaps it was another call.
            is_known = call.digest is not None and last.kept is not None  # type: ignore[attr-defined]  # annotated
            return Standing.ENDED if is_known else Standing.IN_DOUBT
        case Effect.Status.PAUSED | Effect.Status.UNTOUCHED:
            return Standing.FREE
        case Effect.Status.FAILED:
            here = (last.run_id, last.attempt) == (call.run.pk, call.run.attempt)
            return Standing.FREE if here else Standing.FAILED
        case Effect.Status.STARTED if runs_elsewhere(last, runner):
            return Standing.ELSEWHERE
        case _:
            return Standing.IN_DOUBT


def runs_elsewhere(last: Effect, runner: int | None) -> bool:
    """Whether another runner is likely to tell how it ends; of its own calls each knows itself."""
    return last.runner is not None and last.runner_id != runner and last.runner.is_online


def begin(
    last: Effect | None, call: MadeCall, runner: int, *, by: int | None, is_idempotent: bool
) -> Effect:
    """The entry of a call that may run now, not saved yet; `by` is the decision that allows it."""
    return Effect(
        thread_id=call.run.thread_id,
        key=call.key,
        number=last.number + 1 if last else 1,
        execution=column_text(call.request.execution, LONGEST_EXECUTION),
        run_id=call.run.pk,
        attempt=call.run.attempt,
        runner_id=runner,
        ns=call.ns,
        tool=call.tool,
        call_id=call.call_id,
        args=call.args,
        is_idempotent=is_idempotent,
        decision_id=by,
    )


def kept(begun: Sequence[Effect]) -> Iterator[Asked[Effect]]:
    """The queries that keep entries which were begun; tells the pages of their threads.

    One for any number, which get their keys by it.
    """
    push.changed(*(f"effects.{effect.thread_id}" for effect in begun))
    return _KEEP.each(begun)


_KEEP = PreparedInsert(Effect)


def marked_in_doubt(effect: Effect) -> Iterator[Asked[int]]:
    """The query that notes that nobody knows how an entry ended; none where it is noted."""
    if effect.status == Effect.Status.STARTED:
        effect.status = Effect.Status.IN_DOUBT
        push.changed(f"effects.{effect.thread_id}")
        yield _MARK.given(effect=effect.pk)


def _still_started() -> QuerySet[Effect]:
    return Effect.objects.filter(pk=Given("effect", int), status=Effect.Status.STARTED)


_MARK = PreparedUpdate(_still_started, status=Effect.Status.IN_DOUBT)


def doubt(effect: Effect) -> dict[str, Plain]:
    """What a person is told of a call that may have run; the same while the entry is unchanged."""
    told = effect.status in (Effect.Status.FINISHED, Effect.Status.FAILED)
    what = {Effect.Status.FINISHED: "no_result", Effect.Status.FAILED: "failed"}
    return {
        "effect": effect.pk,
        "tool": effect.tool,
        "started_at": effect.started_at.isoformat(),
        "runner": effect.runner.name if effect.runner else "",
        "what": what.get(Effect.Status(effect.status), "no_end"),
        "error": effect.error if told else "",
    }


# What people say of a call in doubt ---------------------------------------------------------------


def tells(question: Plain, thread: Thread) -> bool:
    """Whether a question says of a call in doubt what the journal says.

    An agent may write what it likes into a question of its own. What was asked when nobody knew the
    call's end stays true when this comes meanwhile. One query, none for other questions.
    """
    match question:
        case {
            "gate": "console", "doubt": {"effect": int(pk)} as told, "name": str(name),
            "tool_call_id": str() | None as call_id, "args": dict(args),
        }:  # fmt: skip
            pass
        case _:
            return False
    if pk not in _KEYS:
        return False
    entries = _TOLD_OF(
        effect=pk,
        thread=thread.pk,
        tool=column_text(name, LONGEST),
        call_id=column_text(call_id or "", LONGEST),
    )
    for entry in entries:
        if covers(args, entry.args, declared(thread.agent, name)):
            known = doubt(entry)
            return told in (known, {**known, "what": "no_end", "error": ""})
    return False


_KEYS = range(1, 2**63)  # those a database can be asked for


def _told_of() -> QuerySet[Effect]:
    found = Effect.objects.filter(
        pk=Given("effect", int),
        thread=Given("thread", int),
        tool=Given("tool", str),
        call_id=Given("call_id", str),
    )
    return found.exclude(Exists(newer())).select_related("runner").order_by()


_TOLD_OF = Prepared(_told_of)


def told_since(question: Interrupt) -> Effect | None:
    """The call that a question about its unknown end is about, once that end was told.

    One query, none for other questions.
    """
    if question.dialect != in_doubt.NAME or question.value["doubt"]["what"] != "no_end":
        return None
    return next(iter(_ENDED(effect=question.value["doubt"]["effect"])), None)


def _ended() -> QuerySet[Effect]:
    rows = Effect.objects.filter(pk=Given("effect", int), ended_at__isnull=False)
    return rows.annotate(is_kept=Exists(_result())).order_by()


_ENDED = Prepared(_ended)


def settle(decision: Decision) -> None:
    """Note what a person said of a call in doubt, inside the transaction that records it.

    Nothing is noted where its result has come since. One query, none for other questions.
    """
    asked = decision.interrupt
    if asked.dialect != in_doubt.NAME:
        return
    named = Effect.objects.filter(pk=asked.value["doubt"]["effect"], thread=asked.thread_id)
    has_result = Q(status__in=WITH_RESULT, result__isnull=False)
    if named.exclude(has_result).update(settled_by=decision):
        push.changed(f"effects.{asked.thread_id}")


def says(effect: Effect, *kinds: DecisionType) -> bool:
    """Whether a person said one of these of an entry in doubt, and it still counts. No query."""
    said = effect.settled_by
    if said is None or said.status in Decision.VOID:
        return False
    return [item["type"] for item in said.actions] in [[kind] for kind in kinds]


def covers(shown: Plain, made: Plain, declared: Collection[str]) -> bool:
    """Whether the arguments that a person saw are those of a call.

    They are shown what an app injects too, which is no part of a call's arguments here, nor of
    those that its tool declares.
    """
    if not isinstance(shown, dict) or not isinstance(made, dict):
        return False
    if any(name in declared and name not in made for name in shown):
        return False
    seen = {name: value for name, value in shown.items() if name in made}
    return question_digest(seen) == question_digest(made)


def declared(agent: Agent, tool: str) -> frozenset[str]:
    """The arguments that a tool takes of its callers, as far as a runner told."""
    schemas = (told.get("args_schema") for told in agent.tools if told.get("name") == tool)
    found = (schema.get("properties") for schema in schemas if isinstance(schema, dict))
    return frozenset(str(name) for names in found if isinstance(names, dict) for name in names)


def _result() -> QuerySet[EffectResult]:
    return EffectResult.objects.filter(effect=OuterRef("pk"))


def newer() -> QuerySet[Effect]:
    """The later executions of an outer entry's call."""
    return Effect.objects.filter(
        thread=OuterRef("thread"), key=OuterRef("key"), number__gt=OuterRef("number")
    )


# What is kept -------------------------------------------------------------------------------------


def drop_results(run: Run) -> None:
    """Forget what calls returned, once a run has come to the end of its graph. One query.

    Nothing of the thread runs again then but on a new branch. Inside the caller's transaction.
    """
    _DROP(thread=run.thread_id)


def _results() -> QuerySet[EffectResult]:
    return EffectResult.objects.filter(
        effect__in=Effect.objects.filter(thread=Given("thread", int))
    )


_DROP = PreparedDelete(_results)


def erase(thread: Thread) -> None:
    """Erase what calls of a thread were given and what came of them: that they ran stays.

    Queries: 2. Inside the caller's transaction.
    """
    EffectResult.objects.filter(effect__thread=thread).delete()
    Effect.objects.filter(thread=thread).update(args=None, error="")
