"""How a run takes up a thread that has a past: begin, go on with its decisions, or hold and ask.

A pure decision over what was read. Going on passes every breakpoint that the thread stands at and
runs every unfinished task, so it is allowed only where nothing undecided waits; a question that has
no answer just asks again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from reviewconsole.protocol.messages import Answer, Assignment, PostedInterrupt
from reviewconsole.runner import stored
from reviewconsole.runner.breakpoints import Breakpoint
from reviewconsole.runner.pauses import Standing
from reviewconsole.runner.verdicts import runs_calls


@dataclass(frozen=True, slots=True)
class Begin:
    """Give the graph the run's input."""


@dataclass(frozen=True, slots=True)
class GoOn:
    """Run the thread without input. `past` decisions were taken by an attempt before this one."""

    verdicts: tuple[tuple[Breakpoint, Answer], ...]
    past: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Hold:
    """Run nothing: report the pause the thread stands at. `refused` says why decisions were not
    applied, None where there were none to apply."""

    refused: str | None
    past: tuple[int, ...]


Plan: TypeAlias = Begin | GoOn | Hold


def plan(assignment: Assignment, standing: Standing, recorded: frozenset[int]) -> Plan:
    """Decide how to take the thread up. `recorded` are the decisions that the store shows as taken.

    On the first attempt the live pause must be, question by question, the one that was decided. On
    a later one the thread may have gone on: the input was given if the head has moved, what was
    taken is past, and what is left is offered again.
    """
    if assignment.trigger == "start" and standing.checkpoint_id in (
        None,
        assignment.base_checkpoint_id,
    ):
        return Begin()
    due = [answer for answer in assignment.answers if not answer.settled]
    live = {question.fingerprint for question in standing.questions}
    matched = [answer for answer in due if answer.fingerprint in live]
    missed = [answer for answer in due if answer.fingerprint not in live]
    undecided = open_questions(assignment, standing)
    if assignment.lease.attempt == 1:
        if undecided or missed:
            return Hold(differences(undecided, missed), ())
        return GoOn(_verdicts(assignment, standing), ())
    past = [answer for answer in missed if _is_past(answer, assignment, standing, recorded)]
    changed = [answer for answer in missed if answer not in past]
    done = tuple(answer.decision for answer in past)
    if _must_hold(standing, undecided):
        return Hold(differences(undecided, changed) if changed or matched else None, done)
    return GoOn(_verdicts(assignment, standing), done)


def open_questions(assignment: Assignment, standing: Standing) -> list[PostedInterrupt]:
    """The live questions that no decision of this run was made for."""
    decided = {answer.fingerprint for answer in assignment.answers}
    return [
        question
        for question in standing.questions
        if question.fingerprint not in decided and not _carried(assignment, standing, question)
    ]


def differences(undecided: list[PostedInterrupt], changed: list[Answer]) -> str:
    """What differs between the decided pause and the live one, for people."""
    said = [f"{question.node} asks something that was not decided" for question in undecided]
    said += [f"what decision {answer.decision} was made for is not asked now" for answer in changed]
    return f"nothing was resumed: {'; '.join(said) or 'the pause has changed'}"


def _carried(assignment: Assignment, standing: Standing, question: PostedInterrupt) -> bool:
    """Whether a breakpoint is stood at again in the state that its own decision made."""
    stop = standing.stop_of(question)
    return stop is not None and any(
        answer.decision == stop.decision and runs_calls(stored.load(answer.value))
        for answer in assignment.answers
    )


def _verdicts(assignment: Assignment, standing: Standing) -> tuple[tuple[Breakpoint, Answer], ...]:
    return tuple(
        (stop, answer)
        for answer in assignment.answers
        for question in standing.questions
        if question.fingerprint == answer.fingerprint
        and (stop := standing.stop_of(question)) is not None
    )


def _is_past(
    answer: Answer, assignment: Assignment, standing: Standing, recorded: frozenset[int]
) -> bool:
    if answer.kind == "breakpoint":
        return True  # a breakpoint is left by being passed, and stays as it is until then
    moved = standing.checkpoint_id != assignment.base_checkpoint_id
    return moved or answer.decision in recorded or answer.task_id not in standing.unfinished


def _must_hold(standing: Standing, undecided: list[PostedInterrupt]) -> bool:
    if any(standing.stop_of(question) for question in undecided):
        return True
    return bool(undecided) and standing.at_rest and len(undecided) == len(standing.questions)
