"""Tool calls: whether one may run. Decided here alone; the runner asks before each and obeys."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.db.models import Q

from agents import push
from agents.exceptions import RequestRefused
from agents.models import Agent, CallVerdict, Decision, Gate, Run, Runner, ToolSetting, Violation
from agents.services import asked_calls, call_verdicts, runs, tool_settings
from agents.services.column_text import column_text
from reviewconsole.protocol import plain
from reviewconsole.protocol.fingerprint import question_digest
from reviewconsole.protocol.messages import Admission, CallTool, RefusalCode, Verdict, Whole
from reviewconsole.protocol.plain import Plain, UnreadableValue

NOT_IN_FORCE = (Decision.Status.REFUSED, Decision.Status.WITHDRAWN)
"""What such decisions said was never applied, or is asked anew."""

NOT_RUN = "The tool was not executed."


def admit(*, runner: Runner, request: CallTool) -> Admission:
    """Say whether a tool may run now, with these arguments.

    A blocked tool never runs. Else the newest decision on this very call binds: what was approved
    or edited runs with exactly these arguments, anything else is refused and kept as a violation,
    once a run. A call that nobody decided on runs or is reviewed first, as the tool is set. On a
    branch that a replay or fork began, and in a copy, it is reviewed also where people were asked
    about it, or about any of its tool, before: going back leads round no review (`asked_calls`).

    Models use ids of calls again, so an approval covers calls of one task only: the first it lets
    run. A task that runs again makes its calls again.

    Idempotent. Queries: 4, with a decision 5; for a violation 4 more than with one. On such a
    branch 3 more, and a few for each approval of a call without an id; in a copy 2 more a source.

    Raises:
        RequestRefused: `fenced` — the lease is over.
    """
    run = _leased(runner, request)
    agent = run.thread.agent
    setting = tool_settings.of_tool(agent=agent, tool=column_text(request.tool))
    gate = setting.gate if setting else agent.tool_default
    if gate == Gate.NEVER:
        return Admission(Verdict.REFUSE, _blocked(agent, request.tool, setting))
    readable, args = _read(request.args)
    digest = question_digest(args) if readable else None
    said = _said(run, request, digest)
    verdict = _verdict(said, run, request, digest)
    if verdict is not None and (broken := _broken(verdict, request.tool, digest)):
        _keep(run, verdict, request, args, broken)
        return Admission(Verdict.REFUSE, broken)
    is_covered = verdict is not None and _claim(verdict, request)
    if is_covered or (gate == Gate.AGENT and not _is_asked_anew(run, request, said)):
        return Admission(Verdict.RUN, "")
    if not readable:
        return Admission(
            Verdict.REFUSE,
            f"Calls of {request.tool} are reviewed first, and the arguments of this one cannot be "
            f"shown: LangGraph cannot store them. {NOT_RUN}",
        )
    return Admission(Verdict.REVIEW, "")


def _leased(runner: Runner, request: CallTool) -> Run:
    lease = request.lease
    held = Run.objects.filter(
        pk=lease.run, attempt=lease.attempt, runner=runner, status=Run.Status.RUNNING
    )
    related = held.select_related("thread__agent")
    run = related.defer("input", "thread__snapshot", "thread__agent__spec").first()
    if run is None:
        raise RequestRefused(
            RefusalCode.FENCED, f"attempt {lease.attempt} of run {lease.run} is not yours any more"
        )
    return run


def _read(args: Whole | None) -> tuple[bool, Plain]:
    try:
        return (False, None) if args is None else (True, plain.decode(args.kind, args.data))
    except UnreadableValue:
        return False, None


def _said(run: Run, request: CallTool, digest: str | None) -> list[CallVerdict]:
    """What was decided on calls with this id, and on those like it where an id is missing.

    Newest first; what was decided in the threads this one was copied from, up to the copied
    checkpoint, comes after its own.
    """
    call_id = _call_id(request)
    alike = Q(tool=column_text(request.tool, 255), digest=digest or "")
    which = Q(call_id=call_id) | Q(alike, call_id="") if call_id else alike
    where = Q(thread=run.thread_id)
    for source, until in asked_calls.sources(run.thread):
        where |= Q(thread=source, decision__interrupt__checkpoint_id__lte=until)
    said = CallVerdict.objects.filter(which, where).exclude(decision__status__in=NOT_IN_FORCE)
    found = said.select_related("decision__decided_by", "decision__interrupt").order_by("-pk")
    return sorted(found, key=lambda verdict: verdict.thread_id != run.thread_id)


def _call_id(request: CallTool) -> str:
    return column_text(request.call_id or "", 255)


def _verdict(
    said: Sequence[CallVerdict], run: Run, request: CallTool, digest: str | None
) -> CallVerdict | None:
    """The newest decision on this call; None if all were made about others.

    A rejection whose call could not be named, and any of a call that comes without an id, is about
    whatever is called the same way, until a later decision says otherwise of such a call.
    """
    call_id = _call_id(request)
    named = next((verdict for verdict in said if call_id and verdict.call_id == call_id), None)
    if named is not None and _is_about(named, run, request, digest):
        return named
    twins = _twins(said, call_id)
    # Of two calls alike in one pause, one may be rejected: then neither can be told to be allowed.
    last = [verdict for verdict in twins if verdict.decision_id == twins[0].decision_id]
    twin = next((each for each in last if each.type == CallVerdict.Type.REJECT), None)
    return (
        twin if twin is not None and _is_since(Run.Trigger.START, verdict=twin, run=run) else None
    )


def _twins(said: Sequence[CallVerdict], call_id: str) -> list[CallVerdict]:
    """Those about calls that are like one with this id, though nobody can say they are the one."""
    return [verdict for verdict in said if verdict.call_id != call_id or not call_id]


def _is_asked_anew(run: Run, request: CallTool, said: Sequence[CallVerdict]) -> bool:
    """Whether a person is asked about a call because people were, before the thread went back.

    What was approved on this branch is not asked twice, be it without an id. Each such approval
    covers one task, as any other.
    """
    if not Run.objects.filter(pk=run.pk).travelled().exists():
        return False
    tool, call_id = column_text(request.tool, 255), _call_id(request)
    if not asked_calls.was_asked(run.thread, tool=tool, call_id=call_id):
        return False
    return not any(
        verdict.type != CallVerdict.Type.REJECT
        and verdict.thread_id == run.thread_id
        and not call_verdicts.is_of_gate(verdict.decision.interrupt)
        and _is_since(*Run.ANEW, verdict=verdict, run=run)
        and _claim(verdict, request)
        for verdict in _twins(said, call_id)
    )


def _is_about(verdict: CallVerdict, run: Run, request: CallTool, digest: str | None) -> bool:
    """Whether a decision speaks of this call, and not of another one with the same id.

    Models name their calls, and some begin anew at each input or on another branch. So what was
    decided before the thread's last input, replay or fork, or before it was copied, is about
    another call, unless it rejected exactly this one: that counts until a later decision allows it.
    The runner holds the answers to
    the console's own question, each for one call: that one is not asked for anew, and no other is
    covered.
    """
    is_own = verdict.thread_id == run.thread_id
    if verdict.type == CallVerdict.Type.REJECT:
        is_same = (verdict.tool, verdict.digest) == (column_text(request.tool, 255), digest)
        return is_same or (is_own and _is_since(*Run.ANEW, verdict=verdict, run=run))
    if not is_own or call_verdicts.is_of_gate(verdict.decision.interrupt):
        return False
    if verdict.ns:
        return verdict.ns == column_text(request.ns)
    return _is_since(*Run.ANEW, verdict=verdict, run=run)


def _claim(verdict: CallVerdict, request: CallTool) -> bool:
    """Let an approval cover the calls of this task alone; False if it covers another's already.

    A call outside of any task cannot be told from another, so nothing covers it.
    """
    ns = column_text(request.ns)
    free = CallVerdict.objects.filter(pk=verdict.pk, ns__in=("", ns))
    return bool(ns) and free.update(ns=ns) == 1


def _is_since(*triggers: Run.Trigger, verdict: CallVerdict, run: Run) -> bool:
    """Whether no runner was given a run with such a trigger since the question was asked."""
    later = Run.objects.filter(
        thread__in={run.thread_id, verdict.thread_id}, trigger__in=triggers, attempt__gte=1,
        pk__gt=verdict.decision.interrupt.run_id,
    )  # fmt: skip
    return not later.exists()


def _blocked(agent: Agent, tool: str, setting: ToolSetting | None) -> str:
    if setting is None:
        return f"Tools of {agent.name} are blocked until an admin allows them. {NOT_RUN}"
    who = setting.set_by.get_username() if setting.set_by else "An admin"
    return f"{who} blocked {tool} on {setting.set_at:%Y-%m-%d at %H:%M} UTC. {NOT_RUN}"


def _broken(verdict: CallVerdict, tool: str, digest: str | None) -> str:
    """How a call goes against what was decided about it; "" if it does not."""
    who = verdict.decision.decided_by.get_username()
    if verdict.type == CallVerdict.Type.REJECT:
        return f"{who} rejected this call of {verdict.tool}. {NOT_RUN}"
    if column_text(tool, 255) != verdict.tool:
        return f"{who} decided on a call of {verdict.tool}, and not of {tool}. {NOT_RUN}"
    if digest is None:
        return (
            f"{who} decided on this call of {tool}, and its arguments cannot be compared: "
            f"LangGraph cannot store them. {NOT_RUN}"
        )
    if digest != verdict.digest:
        return f"{who} decided on this call of {tool} with other arguments. {NOT_RUN}"
    return ""


@transaction.atomic
def _keep(run: Run, verdict: CallVerdict, request: CallTool, args: Plain, message: str) -> None:
    """Report a violation, once a run: a node that runs again calls again."""
    runs.lock_thread(run=run.pk)
    _violation, made = Violation.objects.get_or_create(
        run=run, verdict=verdict, tool=column_text(request.tool, 255), args=args,
        defaults={"ns": column_text(request.ns), "message": column_text(message)},
    )  # fmt: skip
    if made:
        push.changed(f"thread.{run.thread_id}")
