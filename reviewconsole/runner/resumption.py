"""How a run takes up a thread that has a past: begin, go on as decided, finish, or hold and ask.

A pure decision over what was read. Going on passes every breakpoint that the thread stands at and
runs every unfinished task, so it is allowed only where nothing undecided waits; a question that has
no answer just asks again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from reviewconsole.protocol.messages import Answer, Assignment, PostedInterrupt
from reviewconsole.protocol.moving import compare
from reviewconsole.runner import stored
from reviewconsole.runner.breakpoints import Breakpoint
from reviewconsole.runner.moves import Move
from reviewconsole.runner.pauses import Standing
from reviewconsole.runner.tool_review import is_doubt
from reviewconsole.runner.verdicts import approves_all, runs_calls


@dataclass(frozen=True, slots=True)
class Begin:
    """Give the graph the run's input."""


@dataclass(frozen=True, slots=True)
class GoOn:
    """Run the thread without input. `past` decisions were taken by an attempt before this one."""

    verdicts: tuple[tuple[Breakpoint, Answer], ...]
    moves: tuple[Move, ...]
    past: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Finish:
    """End the thread where it stands."""

    decisions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Hold:
    """Run nothing: report the pause the thread stands at. `refused` says why decisions were not
    applied, None where there were none to apply."""

    refused: str | None
    past: tuple[int, ...]


Plan: TypeAlias = Begin | GoOn | Finish | Hold


def plan(assignment: Assignment, standing: Standing, recorded: frozenset[int]) -> Plan:
    """Decide how to take the thread up. `recorded` are the decisions that the store shows as taken.

    On the first attempt the live pause must be, question by question, the one that was decided. On
    a later one the thread may have gone on: the input was given if the head has moved, what was
    taken is past, and what is left is offered again; a task that runs several tools may have come
    to ask for another one. A run that asks again has no decisions: only a breakpoint holds it, what
    has failed or waits asks by itself.
    """
    if assignment.trigger == "start" and standing.checkpoint_id in (
        None,
        assignment.base_checkpoint_id,
    ):
        return Begin()
    due = [answer for answer in assignment.answers if not answer.settled]
    # By the task too: what a graph inside has asked and gone on from shows on the task around it.
    live = {(question.fingerprint, question.task_id) for question in standing.questions}
    matched = [answer for answer in due if (answer.fingerprint, answer.task_id) in live]
    missed = [answer for answer in due if answer not in matched]
    undecided = open_questions(assignment, standing)
    finishing = tuple(each.decision for each in assignment.answers if each.then == "finish")
    if assignment.lease.attempt == 1 and assignment.trigger == "resume":
        if undecided or missed:
            return Hold(differences(undecided, missed), ())
        if finishing:
            return Finish(finishing)
        return GoOn(_verdicts(assignment, standing), _moves(assignment, standing), ())
    past = [answer for answer in missed if _is_past(answer, assignment, standing, recorded)]
    changed = overtaken((answer for answer in missed if answer not in past), (), standing)
    if finishing and not changed:
        return Finish(finishing)
    done = tuple(answer.decision for answer in past)
    if _must_hold(standing, undecided):
        return Hold(differences(undecided, changed) if changed or matched else None, done)
    return GoOn(_verdicts(assignment, standing), _moves(assignment, standing), done)


def open_questions(assignment: Assignment, standing: Standing) -> list[PostedInterrupt]:
    """The live questions that no decision of this run was made for."""
    decided = Counter(answer.fingerprint for answer in assignment.answers)
    undecided = []
    for question in standing.questions:  # two that are the same take a decision each
        if decided[question.fingerprint]:
            decided[question.fingerprint] -= 1
        elif not _carried(assignment, standing, question):
            undecided.append(question)
    return undecided


def differences(undecided: list[PostedInterrupt], changed: list[Answer]) -> str:
    """What differs between the decided pause and the live one, for people."""
    said = [f"{question.node} asks something that was not decided" for question in undecided]
    said += [f"what decision {answer.decision} was made for is not asked now" for answer in changed]
    return f"nothing was resumed: {'; '.join(said) or 'the pause has changed'}"


def overtaken(
    unused: Iterable[Answer], asked: Sequence[PostedInterrupt], standing: Standing
) -> list[Answer]:
    """The unused answers whose task asks another question now than the one in `asked`.

    A task that runs several tools shows one question at a time: others may come up again, and their
    answers are kept, unless what it asks now is the same question with parts that moved. All are
    kept while a task asks what to do about a call in doubt: that comes before what the call asks.
    """
    doubting = {
        question.task_id
        for question in standing.questions
        if is_doubt(stored.to_plain(question.value))
    }
    values = {question.fingerprint: question.value for question in asked}  # empty: nobody knows

    def moved(answer: Answer) -> bool:
        before = values.get(answer.fingerprint)
        return before is not None and any(
            compare(stored.to_plain(before), stored.to_plain(question.value))
            for question in standing.questions
            if question.task_id == answer.task_id
        )

    return [
        answer
        for answer in unused
        if answer.task_id in standing.unfinished - doubting
        and (answer.task_id not in standing.several or moved(answer))
    ]


def _carried(assignment: Assignment, standing: Standing, question: PostedInterrupt) -> bool:
    """Whether a breakpoint is stood at again with nothing left to run but what was approved.

    In the state that its own decision made, or after some of the approved calls have run.
    """
    stop = standing.stop_of(question)
    return stop is not None and any(
        (answer.decision == stop.decision and runs_calls(stored.load(answer.value)))
        or (answer.interrupt_id == stop.interrupt_id and approves_all(stored.load(answer.value)))
        for answer in assignment.answers
        if answer.kind == "breakpoint" and answer.then == "run"
    )


def _verdicts(assignment: Assignment, standing: Standing) -> tuple[tuple[Breakpoint, Answer], ...]:
    return tuple(
        (stop, answer)
        for answer in assignment.answers
        for question in standing.questions
        if question.fingerprint == answer.fingerprint
        and answer.then == "run"
        and (stop := standing.stop_of(question)) is not None
    )


def _moves(assignment: Assignment, standing: Standing) -> tuple[Move, ...]:
    """The nodes to pass over, where that is not done: by their task, for a question that one asked
    shows on the task around it until that runs again."""
    return tuple(
        (standing.place_of(question), question, answer)
        for answer in assignment.answers
        for question in standing.questions
        if (question.fingerprint, question.task_id) == (answer.fingerprint, answer.task_id)
        and answer.then in ("skip", "write")
        and not answer.settled
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
