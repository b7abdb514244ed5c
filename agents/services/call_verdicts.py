"""Call verdicts: what a decision says about each tool call, kept so that it can be enforced."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agents.models import CallVerdict, Decision, Interrupt
from agents.prepared import PreparedInsert
from agents.reviews import Action, ActionDecision, DecisionType, Request
from agents.reviews.dialects import in_doubt
from agents.services.column_text import column_text
from reviewconsole.protocol.fingerprint import question_digest
from reviewconsole.protocol.plain import Plain

_TYPES = {
    DecisionType.APPROVE: CallVerdict.Type.APPROVE,
    DecisionType.EDIT: CallVerdict.Type.EDIT,
    DecisionType.REJECT: CallVerdict.Type.REJECT,
    DecisionType.RESPOND: CallVerdict.Type.REJECT,  # the words stand in for the call
}
_NONE = ActionDecision(DecisionType.REJECT)


def record(*said: tuple[Decision, Request, Iterable[ActionDecision]]) -> None:
    """Keep what decisions said about each call whose id the runner found. At most one query.

    What is said of a call that the runner could not name is kept all the same, without an id: where
    it is rejected nothing that is called in just that way may run, until that is allowed again.

    Nothing is kept of an answer that is not about calls, nor of a question that the running call
    asks itself: that call has to run to read the answer. An id that only the agent claims, in what
    it asks, counts for nothing. Of a call in doubt only a rejection is kept: that it may run again,
    or what it returned, is the journal's (`effects.settle`), and an earlier approval still stands.
    """
    match [verdict for each in said for verdict in _verdicts(*each)]:
        case [only]:
            _INSERT(only)
        case verdicts:
            CallVerdict.objects.bulk_create(verdicts)


_INSERT = PreparedInsert(CallVerdict)


def _verdicts(
    decision: Decision, request: Request, made: Iterable[ActionDecision]
) -> Iterator[CallVerdict]:
    asked = decision.interrupt
    if request.is_question:
        return
    for position, (action, item) in enumerate(zip(request.actions, made, strict=True)):
        call_id = _call_id(asked, position)
        if _counts(asked, item.type) and (call_id or _is_about_a_call(asked)):
            yield CallVerdict(
                decision=decision,
                thread_id=asked.thread_id,
                call_id=column_text(call_id, 255),
                tool=column_text(action.name, 255),
                type=_TYPES[item.type],
                digest=question_digest(_arguments(action, item)),
            )


def reject_all(decision: Decision, request: Request) -> None:
    """Keep that no call of a dismissed question may run. At most one query."""
    record((decision, request, [_NONE for _ in request.actions]))


def reject_withdrawn(decision: Decision) -> None:
    """Keep that no call may run which a decision of the same pause, now withdrawn, was about.

    For a dismissal: the question is not asked again, so nothing else will say it. One query.
    """
    said = CallVerdict.objects.filter(
        decision__interrupt__run=decision.interrupt.run_id,
        decision__status=Decision.Status.WITHDRAWN,
    )
    said.update(decision=decision, type=CallVerdict.Type.REJECT)


def is_of_gate(asked: Interrupt) -> bool:
    """Whether the console's own gate asked this, about a call that has not run."""
    return isinstance(asked.value, dict) and asked.value.get("gate") == "console"


def _counts(asked: Interrupt, kind: DecisionType) -> bool:
    """Whether what was decided says something about calls to come."""
    return kind in _TYPES and (kind is DecisionType.REJECT or not is_of_doubt(asked))


def is_of_doubt(asked: Interrupt) -> bool:
    """Whether the console's own gate asked what to do about a call that may have run."""
    return asked.dialect == in_doubt.NAME


def _is_about_a_call(asked: Interrupt) -> bool:
    """Whether what is said counts without a call's id: not if the call itself is what asks."""
    is_inside = isinstance(asked.origin, dict) and "tool" in asked.origin
    return asked.kind == Interrupt.Kind.INTERRUPT and not is_of_gate(asked) and not is_inside


def _call_id(asked: Interrupt, position: int) -> str:
    known = position < len(asked.call_ids) and not _is_asked_by(asked, asked.call_ids[position])
    return str(asked.call_ids[position]) if known else ""


def _is_asked_by(asked: Interrupt, call_id: str) -> bool:
    if is_of_gate(asked):
        return False
    return isinstance(asked.origin, dict) and asked.origin.get("call_id") == call_id


def _arguments(action: Action, item: ActionDecision) -> Plain:
    return item.args if item.args is not None else action.args
