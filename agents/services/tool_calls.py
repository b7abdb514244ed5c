"""Tool calls: whether one may run, and what became of it. The runner asks before each and obeys.

Whether one may run is decided here alone, by what the journal says of it (`effects`), what admins
set (`tool_settings`) and what reviewers decided (`binding_verdicts`), in this order.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeAlias, assert_never

from django.conf import settings
from django.db import connection
from django.db.models import Q, QuerySet

from agents import pipelines, push
from agents.exceptions import RequestRefused
from agents.models import (
    Agent,
    CallVerdict,
    Effect,
    Gate,
    Run,
    Runner,
    Thread,
    ToolSetting,
    Violation,
)
from agents.pipelines import Ending
from agents.prepared import Asked as Query, Each, Prepared, at_end, together
from agents.reviews import DecisionType
from agents.services import (
    binding_verdicts,
    effect_ends,
    effects,
    known_calls,
    outages,
)
from agents.services.binding_verdicts import NOT_RUN
from agents.services.column_text import column_text
from agents.services.effects import Standing
from agents.services.known_calls import KnownCall
from agents.services.made_calls import MadeCall
from agents.services.own_reviews import OwnReviews
from reviewconsole.protocol.messages import (
    Admission,
    CallEnded,
    CallTool,
    Done,
    RefusalCode,
    Refused,
    Result,
    Verdict,
    Whole,
)

log = logging.getLogger(__name__)

Asked: TypeAlias = tuple[int, CallTool | CallEnded]
"""A request about a tool call, and the primary key of the runner that asks."""


def execute(asked: Sequence[Asked]) -> list[Result]:
    """Do what runners ask about tool calls, in one transaction, and answer each.

    A request that is refused disturbs no other. When one breaks the transaction of all, each is
    tried in a transaction of its own. Ends come first, whatever the order. Idempotent. Queries, for
    all together: 1 to lock the threads, not on SQLite; for ends 1 and as `effect_ends.end` says;
    for calls as `known_calls.known` says, 1 for those that begin, 1 for those that are answered,
    and as `admit` says for each that is decided, in doubt or against a decision. Round trips, most
    often: one for what is asked, locks and all, and one for what is written, with its commit; with
    ends and calls one more. A runner is sent as many results as one frame holds, and always one:
    for the others it is refused as `too_large`, and asks alone.
    """
    try:
        return _attempt(asked)
    except Exception as error:  # whatever one runner sent must not cost the others their work
        if outages.is_outage(error):  # nothing was stored
            return [_unavailable(error) for _ in asked]
        return [_alone(each) for each in asked]


def admit(*, runner: Runner, request: CallTool) -> Admission:
    """Say whether a tool may run now, with these arguments.

    First the journal: a call that has ended is answered from it, one that may have run is held
    until a person says what to do. A blocked tool never runs. Else the newest decision on this very
    call binds: what was approved or edited runs with exactly these arguments, anything else is
    refused and kept as a violation, once a run. A call that nobody decided on runs or is reviewed
    first, as the tool is set. On a branch that a replay or fork began, and in a copy, it is
    reviewed also where people were asked about it, or about any of its tool, before: going back
    leads round no review (`asked_calls`). A call that the console asked about itself names the
    decision, which covers it and no other.

    A call that may run is begun in the journal by the time this returns. Idempotent for the same
    execution. Queries: 6, 5 on SQLite, 1 more where the run goes on with an older branch and 1 for
    an answer or in doubt; 2 more with a decision, 3 where the call names it, for a violation 3 more
    than with one. On a branch that was begun so 2 more, and a few for each approval of a call
    without an id; in a copy 2 more a source.

    Raises:
        RequestRefused: `fenced` — the lease is over.
    """
    with pipelines.transaction() as ending:
        told = results([(runner.pk, request)], ending)
    (answer,) = told()
    if isinstance(answer, RequestRefused):
        raise answer
    assert isinstance(answer, Admission)  # noqa: S101 -- a call is asked about
    return answer


def end(*, runner: Runner, request: CallEnded) -> None:
    """Note how a call ended. Idempotent. Queries: 3, 2 on SQLite, and 1 more with a result.

    Raises:
        RequestRefused: as `effect_ends.end` answers.
    """
    with pipelines.transaction() as ending:
        told = results([(runner.pk, request)], ending)
    (answer,) = told()
    if isinstance(answer, RequestRefused):
        raise answer


def _attempt(asked: Sequence[Asked]) -> list[Result]:
    with pipelines.transaction() as ending:
        told = results(asked, ending)
    return answered(told)


def answered(told: Told) -> list[Result]:
    """The answers, as runners get them."""
    return [
        Refused(RefusalCode(each.code), str(each)) if isinstance(each, RequestRefused) else each
        for each in told()
    ]


def _alone(asked: Asked) -> Result:
    try:
        return _attempt([asked])[0]
    except Exception as error:
        if outages.is_outage(error):
            return _unavailable(error)
        log.exception("what runner %d asked about a tool call failed", asked[0])
        return Refused(RefusalCode.INVALID, f"this cannot be done: {error}")


def _unavailable(error: Exception) -> Refused:
    return Refused(RefusalCode.UNAVAILABLE, outages.told(error))


def results(asked: Sequence[Asked], ending: Ending, beside: Collection[int] = frozenset()) -> Told:
    """Answer each, inside the caller's transaction: what tells the answers once it has ended.

    What is to be written is written with the `ending`: nothing is asked after it. The threads of
    the runs `beside` are locked as well, since locks are taken in one order, and only once.
    """
    answers: dict[int, Result | RequestRefused] = {}
    ends = [(n, (who, what)) for n, (who, what) in enumerate(asked) if isinstance(what, CallEnded)]
    calls = [(n, (who, what)) for n, (who, what) in enumerate(asked) if isinstance(what, CallTool)]
    ahead = _locks([request for _, request in asked], beside)
    if ends:
        *_, entries = together(*ahead, effect_ends.known(request for _, (_, request) in ends))
        ended = effect_ends.end([each for _, each in ends], entries)
        ahead = ended.changes
        refusals = zip(ends, ended.refusals, strict=True)
        answers |= {n: refused or Done() for (n, _), refused in refusals}
    if not calls:
        at_end(ending, *ahead)
        return lambda: [answers[n] for n in range(len(asked))]
    told = _Round([each for _, each in calls], ahead).admissions(ending)

    def all_told() -> list[Result | RequestRefused]:
        admitted = {n: answer for (n, _), answer in zip(calls, told(), strict=True)}
        return [(answers | admitted)[n] for n in range(len(asked))]

    return all_told


def _locks(requests: Sequence[CallTool | CallEnded], beside: Collection[int]) -> list[Query[Any]]:
    """Take the locks of the threads, all in one order: a call is admitted by one at a time.

    On SQLite the transaction has the only lock there is.
    """
    if not connection.features.has_select_for_update:
        return []
    leases = {*beside, *(request.lease.run for request in requests)}
    ended = {request.effect for request in requests if isinstance(request, CallEnded)}
    return [_LOCK.given(runs=leases, effects=ended)]


def _locked() -> QuerySet[Thread]:
    of_runs = Run.objects.filter(pk__any=Each("runs", int)).values("thread")
    of_effects = Effect.objects.filter(pk__any=Each("effects", int)).values("thread")
    which = Thread.objects.filter(Q(pk__in=of_runs) | Q(pk__in=of_effects))
    return which.select_for_update().order_by("pk").only("pk")


_LOCK = Prepared(_locked)


@dataclass(frozen=True, slots=True)
class _Ended:
    """A call that is answered with the result of this entry, which is read later."""

    effect: int
    size: int  # bytes of the result


Told: TypeAlias = Callable[[], list[Result | RequestRefused]]

_Decided: TypeAlias = Admission | RequestRefused | Effect | _Ended


class _Round:
    """Calls that are admitted together: what the rules need is read once for all of them."""

    def __init__(self, asked: Sequence[tuple[int, CallTool]], ahead: Sequence[Query[Any]]) -> None:
        self.asked = asked
        self.known = known_calls.known(asked, ahead)
        self.marks: list[Query[Any]] = []
        self.begun: list[Effect] = []

    def admissions(self, ending: Ending) -> Callable[[], list[Admission | RequestRefused]]:
        """What tells each call's answer, once the transaction has ended."""
        decided = [
            call if isinstance(call, RequestRefused) else self._decide(runner, call)
            for (runner, _), call in zip(self.asked, self.known.calls, strict=True)
        ]
        fitting = [*self._fitting(decided)]
        changes = self._changes()
        asked = [effects.results(fitting)] if fitting else []
        written = at_end(ending, *changes, *asked)

        def told() -> list[Admission | RequestRefused]:
            rows = chain.from_iterable(written()[len(changes) :])
            kept = {row.effect_id: Whole(row.kind, bytes(row.data)) for row in rows}
            return [_told(each, kept) for each in decided]

        return told

    def _fitting(self, decided: Sequence[_Decided]) -> Iterator[int]:
        """The entries whose results go out: a runner may ask in a few bytes for any number."""
        sent: dict[int, int] = {}
        for (runner, _), each in zip(self.asked, decided, strict=True):
            if isinstance(each, _Ended):
                size = sent.get(runner, 0) + each.size
                if runner not in sent or size <= settings.RUNNER_MAX_FRAME_BYTES:
                    sent[runner] = size
                    yield each.effect

    def _changes(self) -> list[Query[Any]]:
        """What is to be written: entries get their keys by it."""
        changes = [*self.marks, *effects.kept(self.begun)]
        self.marks, self.begun = [], []
        return changes

    def _decide(self, runner: int, known: KnownCall) -> Admission | Effect | _Ended:
        """The admission; where the call may run, its entry in the journal, which is saved later."""
        call, setting, said = known.made, known.setting, known.said
        is_idempotent = call.request.is_idempotent or bool(setting and setting.is_idempotent)
        last = self.known.newest.get((call.run.thread_id, call.key))
        if last in self.begun:  # two executions of one call in one round
            together(*self._changes())
        met = effects.standing(last, call, runner)
        if last is not None and (answer := _known(met, last)):
            return answer
        verdict, reviews = binding_verdicts.binding(said, call), self.known.reviews
        if last is not None and met in (Standing.IN_DOUBT, Standing.FAILED):
            self.marks += effects.marked_in_doubt(last)
            if not (is_idempotent or _may_run_again(last, met, call, verdict, reviews)):
                return Admission(Verdict.DOUBT, "", last.pk, doubt=effects.doubt(last))
        ruled = _ruled(call, setting, said, verdict, reviews)
        if isinstance(ruled, Admission):
            return ruled
        if not call.is_journalled:
            return Admission(Verdict.RUN, "")
        begun = effects.begin(last, call, runner, by=ruled.by, is_idempotent=is_idempotent)
        self.known.newest[call.run.thread_id, call.key] = begun
        if ruled.by is not None:
            reviews.used(ruled.by, call)
        self.begun.append(begun)
        return begun


def _told(decided: _Decided, kept: Mapping[int, Whole]) -> Admission | RequestRefused:
    match decided:
        case Effect():
            return Admission(Verdict.RUN, "", decided.pk)
        case _Ended(effect=effect) if effect in kept:
            return Admission(Verdict.ANSWER, "", effect, kept[effect])
        case _Ended(size=size):
            return RequestRefused(
                RefusalCode.TOO_LARGE,
                f"the results asked for, with this one of {size} bytes, exceed "
                f"RUNNER_MAX_FRAME_BYTES={settings.RUNNER_MAX_FRAME_BYTES}; ask for it alone",
            )
        case _:
            return decided


def _known(met: Standing, last: Effect) -> Admission | Effect | _Ended | None:
    """What the journal alone says to a call."""
    match met:
        case Standing.BEGUN:
            return last
        case Standing.ENDED:
            return _Ended(last.pk, last.kept)  # type: ignore[attr-defined]  # annotated
        case Standing.ELSEWHERE:
            since = f"{last.started_at:%Y-%m-%d at %H:%M:%S} UTC"
            where = last.runner.name if last.runner else "another runner"
            return Admission(Verdict.WAIT, f"It runs at {where} since {since}.", last.pk)
        case Standing.FREE | Standing.FAILED | Standing.IN_DOUBT:
            return None
    assert_never(met)


def _may_run_again(
    last: Effect,
    met: Standing,
    call: MadeCall,
    verdict: CallVerdict | None,
    reviews: OwnReviews,
) -> bool:
    """Whether a person wants a call to run that may have run: said so, or approved it since."""
    named = reviews.named(call)
    if named is not None and named.pk == last.settled_by_id:
        return effects.says(last, DecisionType.APPROVE)
    if met is not Standing.FAILED or last.ended_at is None:
        return False
    if named is not None and reviews.approves(named, call):
        return named.decided_at > last.ended_at
    if verdict is None or binding_verdicts.broken(verdict, call):
        return False
    return verdict.decision.decided_at > last.ended_at


@dataclass(frozen=True, slots=True)
class _Allowed:
    """A call may run, by this decision if anybody was asked."""

    by: int | None


def _ruled(
    call: MadeCall,
    setting: ToolSetting | None,
    said: Sequence[CallVerdict],
    verdict: CallVerdict | None,
    reviews: OwnReviews,
) -> Admission | _Allowed:
    """What admins and reviewers say to a call that is to run."""
    named = reviews.named(call)
    agent = call.run.thread.agent
    gate = setting.gate if setting else agent.tool_default
    if gate == Gate.NEVER:
        return Admission(Verdict.REFUSE, _blocked(agent, call.request.tool, setting))
    if verdict is not None and (broken := binding_verdicts.broken(verdict, call)):
        _keep(call, verdict, broken)
        return Admission(Verdict.REFUSE, broken)
    if verdict is not None and binding_verdicts.claim(verdict, call):
        return _Allowed(verdict.decision_id)
    if named is not None and reviews.approves(named, call):
        return _Allowed(named.pk)
    if gate == Gate.AGENT and not binding_verdicts.is_asked_anew(said, call):
        return _Allowed(None)
    if call.digest is None:
        return Admission(
            Verdict.REFUSE,
            f"Calls of {call.request.tool} are reviewed first, and the arguments of this one "
            f"cannot be shown: LangGraph cannot store them. {NOT_RUN}",
        )
    return Admission(Verdict.REVIEW, "")


def _blocked(agent: Agent, tool: str, setting: ToolSetting | None) -> str:
    if setting is None or agent.tool_default == Gate.NEVER:  # it may say only that it may run twice
        return f"Tools of {agent.name} are blocked until an admin allows them. {NOT_RUN}"
    who = setting.set_by.get_username() if setting.set_by else "An admin"
    return f"{who} blocked {tool} on {setting.set_at:%Y-%m-%d at %H:%M} UTC. {NOT_RUN}"


def _keep(call: MadeCall, verdict: CallVerdict, message: str) -> None:
    """Report a violation, once a run: a node that runs again calls again."""
    _violation, made = Violation.objects.get_or_create(
        run=call.run, verdict=verdict, tool=call.tool, args=call.args,
        defaults={"ns": call.ns, "message": column_text(message)},
    )  # fmt: skip
    if made:
        push.changed(f"thread.{call.run.thread_id}")
