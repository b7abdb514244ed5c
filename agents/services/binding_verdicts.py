"""Binding verdicts: which decision of a reviewer speaks of a tool call, and what it covers.

Ids of calls are the model's and come again, so an approval covers the calls of one task, which
claims it with its first; a rejection counts everywhere.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import cache

from django.db.models import Q, QuerySet

from agents.models import CallVerdict, Decision, Run
from agents.prepared import Asked, Each, Given, Prepared, PreparedUpdate
from agents.services import asked_calls, call_verdicts
from agents.services.made_calls import MadeCall, ReadCall

NOT_RUN = "The tool was not executed."


def on_calls(*, runs: Collection[int], calls: Sequence[ReadCall]) -> Asked[CallVerdict]:
    """The query for what was decided on such calls in the threads of these runs; see `said_of`."""
    return _SAID.given(
        runs=runs,
        call_ids={"", *(call.call_id for call in calls)},
        digests={call.digest for call in calls if call.digest},
    )


def said_of(calls: Iterable[MadeCall], found: Sequence[CallVerdict]) -> list[list[CallVerdict]]:
    """What was decided on each of these calls, and on those like it where an id is missing.

    Newest first; `found` is what `on_calls` answers. What was decided in the threads that its own
    was copied from, up to the copied checkpoint, comes after its own. Queries: none, and for each
    call in a copy 1, and 1 a source.
    """
    return [
        [verdict for verdict in found if _may_be_about(verdict, call)]
        if call.run.thread.copied_from_id is None
        else _said_in_copy(call)
        for call in calls
    ]


def _may_be_about(verdict: CallVerdict, call: MadeCall) -> bool:
    is_alike = (verdict.tool, verdict.digest) == (call.tool, call.digest or "")
    if verdict.thread_id != call.run.thread_id:
        return False
    if not call.call_id:
        return is_alike
    return verdict.call_id == call.call_id or (is_alike and not verdict.call_id)


def _said_in_copy(call: MadeCall) -> list[CallVerdict]:
    sources = asked_calls.sources(call.run.thread)
    of_sources = {
        f"{name}{n}": each
        for n, source in enumerate(sources)
        for name, each in zip(("thread", "until"), source, strict=True)
    }
    found = _said_in(len(sources), is_named=bool(call.call_id))(
        **of_sources, own=call.run.thread_id, tool=call.tool, digest=call.digest or "",
        call_id=call.call_id,
    )  # fmt: skip
    return sorted(found, key=lambda verdict: verdict.thread_id != call.run.thread_id)


@cache
def _said_in(sources: int, *, is_named: bool) -> Prepared[CallVerdict]:
    """What was decided in a copy, and in so many threads before it, each up to a checkpoint."""
    alike = Q(tool=Given("tool", str), digest=Given("digest", str))
    which = Q(call_id=Given("call_id", str)) | Q(alike, call_id="") if is_named else alike
    where = Q(thread=Given("own", int))
    for n in range(sources):
        until = Given(f"until{n}", str)
        thread = Given(f"thread{n}", int)
        where |= Q(thread=thread, decision__interrupt__checkpoint_id__lte=until)
    return Prepared(lambda: _verdicts(Q(which, where)))


def _verdicts(which: Q) -> QuerySet[CallVerdict]:
    in_force = CallVerdict.objects.filter(which).exclude(decision__status__in=Decision.VOID)
    related = in_force.select_related("decision__decided_by", "decision__interrupt")
    return related.order_by("-pk")


def _in_threads() -> QuerySet[CallVerdict]:
    which = Q(call_id__any=Each("call_ids", str)) | Q(digest__any=Each("digests", str))
    threads = Run.objects.filter(pk__any=Each("runs", int)).order_by().values("thread")
    return _verdicts(Q(which, thread__any=threads))


_SAID = Prepared(_in_threads)


def binding(said: Sequence[CallVerdict], call: MadeCall) -> CallVerdict | None:
    """The newest decision on this call; None if all were made about others.

    A rejection whose call could not be named, and any of a call that comes without an id, is about
    whatever is called the same way, until a later decision says otherwise of such a call.
    """
    named = next((each for each in said if call.call_id and each.call_id == call.call_id), None)
    if named is not None and _is_about(named, call):
        return named
    twins = _twins(said, call)
    # Of two calls alike in one pause, one may be rejected: then neither can be told to be allowed.
    last = [verdict for verdict in twins if verdict.decision_id == twins[0].decision_id]
    twin = next((each for each in last if each.type == CallVerdict.Type.REJECT), None)
    return (
        twin if twin is not None and _is_since(Run.Trigger.START, verdict=twin, call=call) else None
    )


def is_asked_anew(said: Sequence[CallVerdict], call: MadeCall) -> bool:
    """Whether a person is asked about a call because people were, before the thread went back.

    What was approved on this branch is not asked twice, be it without an id. Each such approval
    covers one task, as any other.
    """
    if not call.is_on_other_branch:
        return False
    if not asked_calls.was_asked(call.run.thread, tool=call.tool, call_id=call.call_id):
        return False
    return not any(
        verdict.type != CallVerdict.Type.REJECT
        and verdict.thread_id == call.run.thread_id
        and not call_verdicts.is_of_gate(verdict.decision.interrupt)
        and _is_since(*Run.ANEW, verdict=verdict, call=call)
        and claim(verdict, call)
        for verdict in _twins(said, call)
    )


def claim(verdict: CallVerdict, call: MadeCall) -> bool:
    """Let an approval cover the calls of this task alone; False if it covers another's already.

    A call outside of any task cannot be told from another, so nothing covers it.
    """
    if not call.ns or verdict.ns == call.ns:
        return bool(call.ns)
    return _CLAIM(verdict=verdict.pk, ns=call.ns) == 1


def _unclaimed() -> QuerySet[CallVerdict]:
    return CallVerdict.objects.filter(pk=Given("verdict", int), ns="")


_CLAIM = PreparedUpdate(_unclaimed, ns=Given("ns", str))


def broken(verdict: CallVerdict, call: MadeCall) -> str:
    """How a call goes against what was decided about it; "" if it does not."""
    who = verdict.decision.decided_by.get_username()
    tool = call.request.tool
    if verdict.type == CallVerdict.Type.REJECT:
        return f"{who} rejected this call of {verdict.tool}. {NOT_RUN}"
    if call.tool != verdict.tool:
        return f"{who} decided on a call of {verdict.tool}, and not of {tool}. {NOT_RUN}"
    if call.digest is None:
        return (
            f"{who} decided on this call of {tool}, and its arguments cannot be compared: "
            f"LangGraph cannot store them. {NOT_RUN}"
        )
    if call.digest != verdict.digest:
        return f"{who} decided on this call of {tool} with other arguments. {NOT_RUN}"
    return ""


def _twins(said: Sequence[CallVerdict], call: MadeCall) -> list[CallVerdict]:
    """Those about calls that are like one with this id, though nobody can say they are the one."""
    return [verdict for verdict in said if verdict.call_id != call.call_id or not call.call_id]


def _is_about(verdict: CallVerdict, call: MadeCall) -> bool:
    """Whether a decision speaks of this call, and not of another one with the same id.

    Models name their calls, and some begin anew at each input or on another branch. So what was
    decided before the thread's last input, replay or fork, or before it was copied, is about
    another call, unless it rejected exactly this one: that counts until a later decision allows it.
    The console's own question is about one call alone, which names the decision itself: it is not
    asked for anew, and no other is covered.
    """
    is_own = verdict.thread_id == call.run.thread_id
    if verdict.type == CallVerdict.Type.REJECT:
        is_same = (verdict.tool, verdict.digest) == (call.tool, call.digest)
        return is_same or (is_own and _is_since(*Run.ANEW, verdict=verdict, call=call))
    if not is_own or call_verdicts.is_of_gate(verdict.decision.interrupt):
        return False
    if verdict.ns:
        return verdict.ns == call.ns
    return _is_since(*Run.ANEW, verdict=verdict, call=call)


def _is_since(*triggers: Run.Trigger, verdict: CallVerdict, call: MadeCall) -> bool:
    """Whether no runner was given a run with such a trigger since the question was asked."""
    threads = {call.run.thread_id, verdict.thread_id}
    return not _LATER(threads=threads, triggers=triggers, run=verdict.decision.interrupt.run_id)


def _later() -> QuerySet[Run, tuple[int]]:
    began = Run.objects.filter(
        thread__any=Each("threads", int), trigger__any=Each("triggers", str), attempt__gte=1,
        pk__gt=Given("run", int),
    )  # fmt: skip
    return began.order_by().values_list("pk")[:1]


_LATER = Prepared(_later)
