"""The tree: every checkpoint of every branch, a window at a time."""

from datetime import timedelta

import pytest

from agents.models import Checkpoint, Interrupt, Run, Thread
from agents.services import history
from agents.services.checkpoint_trees import MOST_LANES
from agents.services.inside_graphs import MOST_OF_A_STEP
from tests.factories import connect_runner, make_agent, start_run
from tests.history.graphs import fan, line, nested
from tests.services.replayed import replay
from tests.services.saving import document, put, save

EMPTY = document({})


def paused_at(recording, node):
    return next(key for key, each in recording.snapshots().items() if each.next == (node,))


@pytest.fixture
def forked(db):
    """`line`, asked again at its pause and paused there: two branches."""
    recording = line()
    pause = paused_at(recording, "ask")
    recording.run(None, pause)
    return recording, replay(recording), pause


def test_every_checkpoint_of_every_branch_is_there(forked):
    recording, thread, pause = forked
    tree = history.tree(thread=thread)
    snapshots = recording.snapshots()
    assert [row.checkpoint_id for row in tree.rows] == sorted(snapshots, reverse=True)
    assert [(row.source, row.step, row.nodes) for row in tree.rows] == [
        ("fork", 2, ()),
        ("loop", 3, ("last",)),
        ("loop", 2, ("ask",)),
        ("loop", 1, ("first",)),
        ("loop", 0, ("__start__",)),
        ("input", -1, ()),
    ]
    assert [row.next for row in tree.rows] == [
        snapshots[each.checkpoint_id].next for each in tree.rows
    ]
    assert [(row.lane.lane, row.lane.parent_lane) for row in tree.rows] == [
        (0, 0), (1, 1), (1, 0), (0, 0), (0, 0), (0, None)
    ]  # fmt: skip
    assert [row.is_head for row in tree.rows] == [True] + [False] * 5
    assert [row.is_tip for row in tree.rows] == [True, True] + [False] * 4
    assert (tree.total, tree.tips, tree.lanes) == (6, 2, 2)
    assert (tree.older, tree.newer) == (None, None)
    assert [row.parent_id for row in tree.rows].count(pause) == 2


def test_the_graphs_inside_stand_in_the_step_that_ran_them(db):
    recording = nested()
    tree = history.tree(thread=replay(recording))
    (outer,) = [row for row in tree.rows if row.inside]
    assert outer.next == ("sub",)
    assert [(row.step, row.next) for row in outer.inside] == [
        (1, ()), (0, ("inner",)), (-1, ("__start__",))
    ]  # fmt: skip
    (middle,) = [row for row in outer.inside if row.inside]
    assert middle.next == ("inner",)
    assert [(row.step, row.nodes) for row in middle.inside] == [
        (2, ("ask",)), (1, ("begin",)), (0, ("__start__",)), (-1, ())
    ]  # fmt: skip
    assert all(row.ns.startswith(f"{middle.ns}|inner:") for row in middle.inside)


def test_more_checkpoints_inside_than_a_page_bears_are_counted(db):
    runner = connect_runner()
    parents = {"parents": {"": "1ef0"}}
    save(runner, put("1ef0"))
    many = [put(f"1ef1{n:03}", ns="sub:1", metadata=parents) for n in range(MOST_OF_A_STEP + 3)]
    save(runner, *many)
    (row,) = history.tree(thread=Thread.objects.get()).rows
    assert (len(row.inside), row.inside_left_out) == (MOST_OF_A_STEP, 3)
    assert row.inside[0].checkpoint_id == many[-1].checkpoint_id


def test_what_waits_and_who_asked_is_told(olga):
    run = start_run(user=olga)
    recording = fan(answered=False)
    thread = replay(recording, run)
    place = {"thread": thread, "checkpoint_id": recording.head}
    asked = Interrupt.objects.create(run=run, position=0, kind="interrupt", node="work", **place)
    (head, *others) = history.tree(thread=thread).rows
    assert (head.waits, head.interrupts) == (True, (asked,))
    assert {row.waits for row in others} == {False}
    assert (head.run, head.run.created_by) == (run, olga)
    Interrupt.objects.update(status="superseded")
    assert [row.waits for row in history.tree(thread=thread).rows[:1]] == [False]


def test_how_long_a_checkpoint_took(db):
    run = start_run()
    thread = replay(line(), run)
    rows = list(thread.checkpoints.order_by("checkpoint_id"))
    begin = rows[0].created_at
    for number, row in enumerate(rows):
        thread.checkpoints.filter(checkpoint_id=row.checkpoint_id).update(
            created_at=begin + timedelta(seconds=number**2)
        )
    Run.objects.update(started_at=begin - timedelta(seconds=5))
    durations = [row.duration.total_seconds() for row in history.tree(thread=thread).rows]
    assert durations == [7, 5, 3, 1, 5]


def test_the_first_checkpoint_of_a_replay_says_where_it_began(forked):
    _, thread, pause = forked
    run = start_run()
    first = Run.objects.create(thread=thread, trigger=Run.Trigger.START, status="succeeded")
    thread.checkpoints.update(run=first)
    Run.objects.filter(pk=run.pk).update(
        thread=thread, trigger=Run.Trigger.REPLAY, from_checkpoint_id=pause
    )
    head = thread.checkpoints.latest("checkpoint_id")
    thread.checkpoints.filter(checkpoint_id=head.checkpoint_id).update(run=run)
    rows = history.tree(thread=thread).rows
    assert [row.from_checkpoint_id for row in rows] == [pause] + [""] * 5


def make_line(count, thread_id="long"):
    """A thread of so many checkpoints, each after the one before."""
    thread = Thread.objects.create(thread_id=thread_id, agent=make_agent())
    Checkpoint.objects.bulk_create(
        Checkpoint(
            thread=thread, ns="", checkpoint_id=f"{number:06}", document=EMPTY, stored_bytes=1,
            parent_id=f"{number - 1:06}" if number else None, metadata={"step": number},
        )
        for number in range(count)
    )  # fmt: skip
    return thread


def test_windows_follow_each_other(db):
    thread = make_line(25)
    seen, before = [], None
    while True:
        tree = history.tree(thread=thread, before=before, limit=10)
        seen.append([row.step for row in tree.rows])
        before = tree.older
        if before is None:
            break
    assert seen == [list(range(24, 14, -1)), list(range(14, 4, -1)), list(range(4, -1, -1))]
    back = history.tree(thread=thread, at=tree.newer, limit=10)
    assert [row.step for row in back.rows] == seen[1]
    assert (back.newer, back.older) == ("000015", "000005")
    assert history.tree(thread=thread, at=back.newer, limit=10).newer is None


@pytest.mark.parametrize(
    ("asked", "steps"),
    [
        ({"at": "000003x"}, [4, 3, 2]),
        ({"at": "0"}, [1, 0]),
        ({"at": "000004\0"}, [4, 3, 2]),
        ({"before": "000002\0"}, [1, 0]),
        ({"at": "9"}, [7, 6, 5]),
        ({"before": "0"}, []),
        ({"before": "9"}, [7, 6, 5]),
        ({"before": "000002"}, [1, 0]),
    ],
)
def test_an_unknown_place_shows_what_stands_around_it(db, asked, steps):
    tree = history.tree(thread=make_line(8), limit=3, **asked)
    assert [row.step for row in tree.rows] == steps


def test_a_parent_that_was_pruned_is_said_to_be(db):
    thread = make_line(6)
    thread.checkpoints.filter(checkpoint_id__lt="000003").delete()
    tree = history.tree(thread=thread)
    assert [row.pruned_parent for row in tree.rows] == [False, False, True]
    assert tree.rows[-1].lane.parent_lane is None
    assert (tree.total, tree.tips) == (3, 1)


def test_more_branches_than_a_page_bears_share_the_last_lane(db):
    thread = make_line(50)
    branches = [
        Checkpoint(
            thread=thread, ns="", checkpoint_id=f"1{number:05}", parent_id=f"{number:06}",
            document=EMPTY, metadata={},
        )
        for number in range(40)
    ]  # fmt: skip
    Checkpoint.objects.bulk_create(branches)
    tree = history.tree(thread=thread)
    assert (tree.lanes, tree.tips) == (MOST_LANES, 41)


def test_an_empty_thread_has_an_empty_tree(db):
    tree = history.tree(thread=make_line(0), at="1")
    assert tree == history.Tree(rows=(), older=None, newer=None, total=0, tips=0, lanes=0)


def test_a_window_of_ten_thousand_checkpoints_costs_what_a_small_thread_does(
    db, django_assert_max_num_queries
):
    small, large = make_line(10, "small"), make_line(10_000)
    with django_assert_max_num_queries(15) as few:
        history.tree(thread=small, at="000005")
    with django_assert_max_num_queries(len(few)):
        tree = history.tree(thread=large, at="000005")
    assert (tree.total, len(tree.rows), tree.older) == (10_000, 100, None)


def test_the_way_is_the_ancestors_newest_first(forked):
    _, thread, pause = forked
    rows = history.tree(thread=thread).rows
    ids = [row.checkpoint_id for row in rows]
    assert history.way(thread=thread, checkpoint_id=ids[0]) == (ids[0], *ids[3:])
    assert history.way(thread=thread, checkpoint_id=pause, limit=2) == (ids[3], ids[4])
    assert history.way(thread=thread, checkpoint_id="unknown") == ()


def test_a_way_past_many_other_branches_is_found(db, django_assert_num_queries):
    thread = make_line(30)
    head = Checkpoint.objects.create(
        thread=thread, ns="", checkpoint_id="1", parent_id="000002", document=EMPTY, metadata={}
    )
    with django_assert_num_queries(2):
        found = history.way(thread=thread, checkpoint_id=head.checkpoint_id, limit=10)
    assert found == ("1", "000002", "000001", "000000")
    with django_assert_num_queries(1):
        found = history.way(thread=thread, checkpoint_id="000029", limit=10)
    assert found == tuple(f"{number:06}" for number in range(29, 19, -1))


def test_the_nodes_taken_are_those_of_the_way(forked):
    _, thread, _ = forked
    ids = [row.checkpoint_id for row in history.tree(thread=thread).rows]
    taken = [history.nodes_taken(thread=thread, checkpoint_id=each) for each in ids[:2]]
    assert taken == [("__start__", "first"), ("__start__", "first", "ask", "last", "__end__")]


def test_the_nodes_taken_inside_stand_for_their_graph(db):
    recording = nested()
    thread = replay(recording)
    assert history.nodes_taken(thread=thread, checkpoint_id=recording.head) == (
        "__start__", "first", "sub:inner:begin", "sub:inner:ask", "last", "__end__"
    )  # fmt: skip
