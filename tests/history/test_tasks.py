"""The tasks of a step, by what they have written."""

import pytest
from hypothesis import given, strategies as st

from agents.history.tasks import BESIDE, Task, Trace, Written, tasks, traces
from reviewconsole.protocol.plain import Plain, Typed
from tests.reviews.plain_values import PLAIN

PULL = "~__pregel_pull, ask"
CHANNELS = ["__error__", "__interrupt__", "__resume__", "__no_writes__", "branch:to:a", "log"]


@pytest.mark.parametrize(
    ("channels", "finished"),
    [
        (["__interrupt__"], False),
        (["__interrupt__", "__resume__"], False),
        (["__error__"], False),
        (["__interrupt__", "__resume__", "log"], True),
        (["branch:to:last"], True),
        (["__no_writes__"], True),
    ],
)
def test_a_task_that_wrote_is_finished(channels: list[str], finished: bool) -> None:
    (trace,) = traces(("1", PULL, channel) for channel in channels)
    assert trace == Trace("1", PULL, tuple(channels))
    assert trace.finished is finished


def test_a_change_beside_the_step_finishes_nothing() -> None:
    assert [each.finished for each in traces([(BESIDE, "", "log")])] == [False]


def test_questions_and_answers_are_told_in_order() -> None:
    def question(value: str) -> Plain:
        return Typed(2, "langgraph.types", "Interrupt", {"value": value, "id": "x"})

    written = [
        Written("1", PULL, "__interrupt__", [question("A?"), question("B?")]),
        Written("1", PULL, "__resume__", ["a", "b"]),
        Written(BESIDE, "", "__resume__", "c"),
        Written(BESIDE, "", "__no_writes__", {"reviewconsole_decisions": [1]}),
    ]
    assert tasks(written, (), ["ask"]) == (
        Task("1", "ask", PULL, interrupts=("A?", "B?"), answers=("a", "b")),
        Task(BESIDE, "", "", answers=("c",), by_fork=True),
    )


def test_a_mark_alone_is_no_change() -> None:
    assert tasks([Written(BESIDE, "", "__no_writes__", None)], (), []) == ()


def test_nodes_that_have_stored_nothing_have_tasks_as_well() -> None:
    path = "~__pregel_push, 0000000000, 0000000000"
    written = [Written("1", path, "log", ["w"])]
    assert tasks(written, ["work", "work"], ["work", "work", "side"]) == (
        Task("1", "work", path, writes=(("log", ["w"]),), finished=True),
        Task("", "work", ""),
        Task("", "side", ""),
    )


@given(
    st.lists(st.builds(Written, st.sampled_from("12"), st.text(), st.sampled_from(CHANNELS), PLAIN))
)
def test_any_writes_can_be_read(written: list[Written]) -> None:
    found = tasks(written, ["a"], ["b"])
    assert {task.task_id for task in found} == {each.task_id for each in written} | {""}
