"""Prepared queries answer what the ORM answers, whatever they are given."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Concat
from hypothesis import HealthCheck, given, settings, strategies as st

from agents.models import Agent, Effect, EffectResult, Progress, Run, Thread
from agents.prepared import (
    Each,
    Given,
    Prepared,
    PreparedCount,
    PreparedDelete,
    PreparedInsert,
    PreparedUpdate,
    together,
)
from tests.factories import start_run

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_models_come_with_their_relations_and_annotations(db: None) -> None:
    def build() -> QuerySet[Run]:
        related = Run.objects.select_related("thread__agent", "resumes").defer("thread__snapshot")
        others = Run.objects.filter(thread=OuterRef("thread")).exclude(pk=OuterRef("pk"))
        return related.annotate(has_others=Exists(others)).filter(pk__any=Each("runs", int))

    run, other = start_run(), start_run()
    find = Prepared(build)
    (found,) = find(runs=[run.pk])
    assert (found, found.thread, found.thread.agent) == (run, run.thread, run.thread.agent)
    assert found.resumes is None
    assert found.has_others is False  # type: ignore[attr-defined]  # annotated
    assert found.input == run.input
    assert found.created_at == run.created_at
    assert found.thread.get_deferred_fields() == {"snapshot"}
    found.save(update_fields=["status"])  # it is a row of the database, not a new one
    assert {each.pk for each in find(runs={run.pk, other.pk})} == {run.pk, other.pk}
    assert find(runs=()) == []


def test_what_another_query_finds_can_be_looked_for(db: None) -> None:
    runs = [start_run() for _ in range(3)]
    of_runs = Run.objects.filter(pk__any=Each("runs", int)).order_by()
    among = Prepared(lambda: Thread.objects.filter(pk__any=of_runs.values("thread")).order_by("pk"))
    assert among(runs=[run.pk for run in runs[:2]]) == [run.thread for run in runs[:2]]
    assert among(runs=[]) == []
    agents = of_runs.values("thread__agent")
    siblings = Prepared(lambda: Thread.objects.filter(agent__any=agents).order_by("pk"))
    assert siblings(runs=[runs[0].pk]) == [run.thread for run in runs]


def test_the_second_time_no_sql_is_written(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    built = []

    def build() -> QuerySet[Agent]:
        built.append(connection.vendor)
        return Agent.objects.filter(name=Given("name", str))

    find = Prepared(build)
    thread = start_run().thread
    assert find(name=thread.agent.name) == [thread.agent]
    assert find(name="another") == []
    assert built == [connection.vendor]


def test_tuples_come_as_tuples(db: None) -> None:
    thread = start_run().thread
    find = Prepared(lambda: Thread.objects.filter(pk=Given("pk", int)).values_list("pk", "title"))
    assert find(pk=thread.pk) == [(thread.pk, thread.title)]


def test_what_never_changes_may_have_any_characters(db: None) -> None:
    thread = start_run().thread
    name = Concat("agent__name", Value("'%s' %% \\ $1 ä"))
    rows = Thread.objects.annotate(named=name).filter(~Q(title="100 %s"), pk=Given("pk", int))
    (found,) = Prepared(lambda: rows)(pk=thread.pk)
    assert vars(found)["named"] == f"{thread.agent.name}'%s' %% \\ $1 ä"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(texts=st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8")), max_size=4))
def test_any_text_can_be_given(db: None, texts: list[str]) -> None:
    among = Prepared(
        lambda: (
            Agent.objects.annotate(said=Given("said", str))
            .filter(said__any=Each("texts", str))
            .values_list("said", flat=False)
        )
    )
    start_run()
    with transaction.atomic():
        for text in texts:
            assert among(said=text, texts=texts) == [(text,)]
            assert among(said=f"{text}.", texts=[text]) == []


@pytest.mark.parametrize(
    "value",
    [True, False, 0, -1, 2**62, "", "'", [], ["'"], NOW, NOW + timedelta(microseconds=1), None],
)
def test_each_kind_is_kept(db: None, value: Any) -> None:
    start_run()
    kind = str if value is None else type(value)
    rows = Agent.objects.annotate(said=Given("said", kind)).values_list("said")
    assert Prepared(lambda: rows)(said=value) == [(value,)]


@pytest.mark.parametrize("pk", [2**63, -(2**63) - 1, 10**30])
def test_no_row_has_a_number_that_is_too_large(db: None, pk: int) -> None:
    run = start_run()
    assert Prepared(lambda: Run.objects.filter(pk=Given("pk", int)))(pk=pk) == []
    among = Prepared(lambda: Run.objects.filter(pk__any=Each("pks", int)))
    assert among(pks=[pk, run.pk]) == [run]


def test_queries_that_go_together_answer_in_their_order(db: None) -> None:
    run = start_run()
    agents = Prepared(lambda: Agent.objects.filter(name=Given("name", str)))
    runs = Prepared(lambda: Run.objects.filter(pk__any=Each("runs", int)))
    asked = agents.given(name=run.thread.agent.name), runs.given(runs=[run.pk])
    assert together(*asked) == [[run.thread.agent], [run]]
    assert together(*reversed(asked)) == [[run], [run.thread.agent]]
    assert together(agents.given(name=""), runs.given(runs=[])) == [[], []]


def test_rows_are_counted_as_the_orm_counts_them(db: None) -> None:
    runs = [start_run().pk for _ in range(3)]
    among = Run.objects.select_related("thread__agent").filter(pk__any=Each("runs", int))
    assert PreparedCount(lambda: among)(runs=runs[:2]) == [2]
    assert PreparedCount(lambda: among)(runs=[]) == [0]
    assert PreparedCount(lambda: among.order_by("pk")[:2])(runs=runs) == [2]
    assert PreparedCount(lambda: among.order_by("-pk")[2:])(runs=runs) == [1]


def test_each_is_counted_as_a_query(db: None, django_assert_num_queries: Any) -> None:
    agents = Prepared(lambda: Agent.objects.filter(name=Given("name", str)))
    with django_assert_num_queries(2):
        together(agents.given(name="one"), agents.given(name="two"))


def test_an_update_says_how_many_rows_it_changed(db: None) -> None:
    run, other = start_run(), start_run()
    rename = PreparedUpdate(
        lambda: Thread.objects.filter(pk__any=Each("threads", int), runs__status="queued"),
        title=Given("title", str),
    )
    assert rename(threads=[run.thread_id, other.thread_id], title="%s") == 2
    assert rename(threads=[], title="none") == 0
    run.thread.refresh_from_db()
    assert run.thread.title == "%s"
    both = rename.given(threads=[run.thread_id, other.thread_id], title="both")
    assert together(both, rename.given(threads=[], title="none")) == [[2], [0]]
    assert set(Thread.objects.values_list("title", flat=True)) == {"both"}


def test_a_delete_says_how_many_rows_it_took_away(db: None) -> None:
    runs = [start_run(), start_run(), start_run()]
    Progress.objects.bulk_create(Progress(run=run, nodes=[]) for run in runs)
    rows = Progress.objects.filter(run__thread__any=Each("threads", int))
    drop = PreparedDelete(lambda: rows)
    assert drop(threads=[runs[0].thread_id]) == 1
    assert together(drop.given(threads=[run.thread_id for run in runs])) == [[2]]
    assert not Progress.objects.exists()


def test_how_many_rows_come_can_be_given(db: None) -> None:
    runs = [start_run(), start_run(), start_run()]
    rows = Run.objects.filter(pk__any=Each("runs", int)).order_by("pk")
    find = Prepared(lambda: rows, at_most="most")
    for most in (0, 1, 2, 4, 2**40):
        assert find(runs=[run.pk for run in runs], most=most) == runs[:most]


def test_what_is_inserted_gets_its_keys(db: None, django_assert_num_queries: Any) -> None:
    insert = PreparedInsert(Thread)
    agent = start_run().thread.agent
    other = Thread(agent=agent, title="%s 'ä'", metadata={"a": [1, None]}, part_next=2**40)
    threads = [Thread(agent=agent, copied_from_id=None), other]
    with django_assert_num_queries(2):
        insert(*threads)
    for thread in threads:
        assert not thread._state.adding
        found = Thread.objects.get(pk=thread.pk)
        for field in Thread._meta.concrete_fields:
            assert getattr(found, field.attname) == getattr(thread, field.attname)
    with pytest.raises(IntegrityError), transaction.atomic():
        insert(Thread(agent=agent, thread_id=other.thread_id))


@pytest.mark.parametrize("number", [0, 1, 2, 70])
def test_any_number_is_inserted_at_once(
    db: None, number: int, django_assert_num_queries: Any
) -> None:
    insert = PreparedInsert(Thread)
    agent, started = start_run().thread.agent, start_run().thread
    threads = [
        Thread(agent=agent, title=f"%s '{n}'", metadata={"a": [n, None]}, part_next=2**40 + n,
               copied_from=started if n % 2 else None)
        for n in range(number)
    ]  # fmt: skip
    fields = len(Thread._meta.concrete_fields) - 1
    batches = -(-number // (999 // fields)) if connection.vendor == "sqlite" else min(number, 1)
    with django_assert_num_queries(batches):
        asked = [*insert.each(threads)]
        answers = together(*asked) if asked else []
    assert [thread for rows in answers for thread in rows] == threads
    for thread in threads:
        assert not thread._state.adding
        found = Thread.objects.get(pk=thread.pk)
        for field in Thread._meta.concrete_fields:
            assert getattr(found, field.attname) == getattr(thread, field.attname)


def test_rows_whose_keys_are_given_are_inserted_at_once(db: None) -> None:
    insert = PreparedInsert(EffectResult)
    results = [
        EffectResult(effect=made_effect(), kind="msgpack", data=bytes([n, 0, 255]))
        for n in range(3)
    ]
    assert together(*insert.each(results)) == [results]
    assert [bytes(row.data) for row in EffectResult.objects.order_by("pk")] == [
        bytes([n, 0, 255]) for n in range(3)
    ]
    with pytest.raises(IntegrityError), transaction.atomic():
        together(*insert.each(results[:2]))


def made_effect() -> Effect:
    run = start_run()
    return Effect.objects.create(thread=run.thread, run=run, key="k", attempt=1, tool="refund")


def test_a_row_that_is_there_already_can_be_passed_over(db: None) -> None:
    insert = PreparedInsert(Run, passes_over=True)
    thread = start_run().thread
    second = Run(thread=thread, trigger=Run.Trigger.START)
    assert together(insert.given(second)) == [[]]
    assert second._state.adding
    waiting = Run(thread=thread, trigger=Run.Trigger.REPLAY, status=Run.Status.WAITING)
    assert together(insert.given(waiting)) == [[Run.objects.get(status=Run.Status.WAITING)]]


def test_a_row_that_is_there_already_can_be_written(db: None) -> None:
    insert = PreparedInsert(Progress, unique=("run",), updated=("text", "updated_at"))
    run = start_run()
    insert(Progress(run=run, step=1, nodes=["a"], text="one"))
    (row,) = together(insert.given(Progress(run=run, step=2, nodes=[], text="two")))[0]
    found = Progress.objects.get(pk=run.pk)
    assert (found.step, found.nodes, found.text) == (1, ["a"], "two")
    assert found.updated_at == row.updated_at


def test_rows_are_locked_inside_a_transaction(db: None) -> None:
    thread = start_run().thread
    lock = Prepared(lambda: Thread.objects.select_for_update().filter(pk=Given("pk", int)))
    with transaction.atomic():
        assert lock(pk=thread.pk) == [thread]


@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="times are text there")
def test_the_time_of_day_must_be_given(db: None) -> None:
    late = Prepared(lambda: Run.objects.filter(created_at__lt=NOW))
    with pytest.raises(TypeError, match=r"2026-11-22 12:00:00.* would stay the time of this query"):
        late()


def test_an_error_is_djangos(db: None) -> None:
    start_run()
    wrong = Prepared(lambda: Agent.objects.extra(where=["no_such_column = 1"]))
    with pytest.raises(DatabaseError), transaction.atomic():
        wrong()
    with pytest.raises(DatabaseError), transaction.atomic():
        together(wrong.given(), wrong.given())
    assert Agent.objects.count() == 1
