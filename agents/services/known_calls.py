"""What the rules about tool calls have to know, read once for all calls of a round.

All of it is asked in one round trip, the locks ahead. Every statement of a transaction sees what
was committed before it began (read committed), and it begins when the one before has ended: so what
comes behind the locks sees all that others did while these were waited for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from agents.exceptions import RequestRefused
from agents.models import CallVerdict, Effect, Run, ToolSetting
from agents.prepared import Asked, Each, Prepared, together
from agents.services import binding_verdicts, effects, own_reviews, tool_settings
from agents.services.made_calls import MadeCall, ReadCall, made_call, read_call
from agents.services.own_reviews import OwnReviews
from reviewconsole.protocol.messages import CallTool, RefusalCode


@dataclass(slots=True)
class KnownCall:
    """A call with all that the rules need, but for its entry in the journal."""

    made: MadeCall
    setting: ToolSetting | None
    said: list[CallVerdict]


@dataclass(slots=True)
class KnownCalls:
    """The calls of a round."""

    calls: list[KnownCall | RequestRefused]  # in the order of the requests
    newest: dict[tuple[int, str], Effect]  # entries in the journal, by thread and key
    reviews: OwnReviews


def known(asked: Sequence[tuple[int, CallTool]], ahead: Iterable[Asked[Any]]) -> KnownCalls:
    """What is known of these calls, each asked for by the runner with this key.

    `ahead` is asked before anything else, in the same round trip. A call is refused as `fenced`
    where its run is not in this runner's hands, or the runner's token does not hold. Queries: 4 for
    all, 2 more where decisions are named, 1 more where a run goes on with a branch that an earlier
    run began, and as `binding_verdicts.said_of` says for copies.
    """
    reading = [_Reading.of(request) for _, request in asked]
    read = [each.call for each in reading if isinstance(each.call, ReadCall)]
    runs = {request.lease.run for _, request in asked}
    named = {request.decision for _, request in asked if request.decision is not None}
    guessed = {each.guessed for each in reading if each.guessed}
    before = [*ahead]
    leased, set_, said, *more = together(
        *before,
        _LEASED.given(runs=runs),
        tool_settings.of_tools(runs=runs, tools={call.tool for call in read}),
        binding_verdicts.on_calls(runs=runs, calls=read),
        *([own_reviews.decisions(runs=runs, named=named)] if named else ()),
        *([own_reviews.uses(named=named)] if named else ()),
        *([effects.newest(runs=runs, keys=guessed)] if guessed else ()),
    )[len(before) :]
    reviews, entries = (OwnReviews(*more[:2]), more[2:]) if named else (OwnReviews(), more)
    held = {run.pk: run for run in leased}
    made = [
        each.made(held.get(request.lease.run), runner)
        for (runner, request), each in zip(asked, reading, strict=True)
    ]
    calls = [each for each in made if isinstance(each, MadeCall)]
    settings = tool_settings.by_tool(set_)
    verdicts = iter(binding_verdicts.said_of(calls, said))
    missed = {call.key for call in calls if call.is_journalled} - guessed
    if missed:
        entries += together(effects.newest(runs=runs, keys=missed))
    return KnownCalls(
        [
            KnownCall(each, settings.get((each.run.thread.agent_id, each.tool)), next(verdicts))
            if isinstance(each, MadeCall)
            else each
            for each in made
        ],
        {(row.thread_id, row.key): row for rows in entries for row in rows},
        reviews,
    )


@dataclass(slots=True)
class _Reading:
    """A request, read before anybody knows whether it counts.

    A call's key has its branch in it, which only the database knows. It is guessed, so that the
    journal is asked in the same round trip: most runs begin their branch themselves. Who guesses
    wrong asks again.
    """

    request: CallTool
    call: ReadCall | Exception  # which breaks the round only if the request counts
    guessed: str = ""  # its key; "" for a call that the journal does not keep

    @classmethod
    def of(cls, request: CallTool) -> _Reading:
        try:
            call = read_call(request)
            guessed = call.key_on(request.lease.run) if call.is_journalled else ""
        except Exception as error:
            return cls(request, error)
        return cls(request, call, guessed)

    def made(self, run: Run | None, runner: int) -> MadeCall | RequestRefused:
        lease = self.request.lease
        if run is None or (run.attempt, run.runner_id) != (lease.attempt, runner):
            return RequestRefused(
                RefusalCode.FENCED,
                f"attempt {lease.attempt} of run {lease.run} is not yours any more",
            )
        if isinstance(self.call, Exception):
            raise self.call
        branch = run.branch  # type: ignore[attr-defined]  # annotated
        return made_call(run, self.call, self.guessed if branch == run.pk else None)


def _with_lease() -> QuerySet[Run]:
    """Those of these runs that are in the hands of a runner whose token holds."""
    held = Run.objects.with_branch().filter(
        pk__any=Each("runs", int), status=Run.Status.RUNNING, runner__token__revoked_at=None
    )
    return held.select_related("thread__agent").only(*_READ).order_by()


_READ = (
    "attempt", "runner", "thread__agent__name", "thread__agent__tool_default",
    "thread__copied_from", "thread__copied_checkpoint_id",
)  # fmt: skip
_LEASED = Prepared(_with_lease)
