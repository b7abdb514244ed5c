"""Parts: what is new in an array is kept once, and stale numbers corrupt nothing."""

from typing import Any

import pytest
from django.db.models import Sum
from django.db.models.functions import Length

from agents.models import Blob, Part, PendingWrite, Thread
from agents.services import checkpoint_rows, checkpoints, part_numbers
from agents.services.checkpoints import Store
from agents.services.engines import engine
from reviewconsole.protocol.messages import Done, List, Parts, Whole
from reviewconsole.protocol.parts import part_hash
from tests.factories import connect_runner
from tests.services.saving import (
    OWNER,
    THREAD,
    chat,
    execute,
    failing_commit,
    get,
    hashes_of,
    parts,
    put,
    put_writes,
    read,
    refused,
    row_counts,
    save,
    values_of,
    whole,
)


@pytest.fixture
def runner(db):
    return connect_runner()


def save_chat(runner, checkpoint_id, *numbers, known=(), **options):
    """Save a checkpoint whose messages are these; its version is the checkpoint's id."""
    value = parts(chat(*numbers), known)
    store = options.pop("store", None)
    save(runner, put(checkpoint_id, {("messages", checkpoint_id): value}, **options), store=store)


def messages(runner, checkpoint_id, **options):
    (stored,) = read(runner, get(checkpoint_id, **options))
    return values_of(stored)["messages"]


def stored_bytes(model):
    return model.objects.aggregate(size=Sum(Length("data")))["size"]


def run_lengths(checkpoint_id):
    """How many runs of parts the version of that checkpoint is kept as."""
    return len(Blob.objects.get(version=checkpoint_id).data) // 8


class TestMoreThanAFrame:
    """What a small request can store, and no memory may hold, is not read."""

    @pytest.fixture(autouse=True)
    def limit(self, settings):
        settings.RUNNER_MAX_FRAME_BYTES = 100_000

    def test_one_part_many_times(self, runner):
        save(runner, put("1ef0", {("messages", "1"): parts(chat(*[1] * 5000))}))
        (refusal,) = execute(runner, get())
        assert (refusal.reason, refusal.message.partition(" of ")[0]) == ("too_large", "the values")
        thread = Thread.objects.get()
        assert checkpoints.state(thread, "1ef0") == {"messages": f"⟨{refusal.message}⟩"}

    def test_one_value_in_many_checkpoints(self, runner):
        version = {"messages": "1"}
        save(runner, put("1ef0", {("messages", "1"): parts(chat(*range(600)))}))
        save(runner, *(put(f"1ef{number}", kept=version) for number in range(1, 5)))
        assert len(read(runner, get())) == 1
        everything = List(OWNER, THREAD, "", None, None, None, None)
        (refusal,) = execute(runner, everything)
        assert refusal.reason == "too_large"


def test_a_growing_chat_costs_each_message_once(runner):
    turns = range(2, 51)
    store = Store()
    for turn in turns:
        save_chat(runner, f"1ef{turn:03}", *range(turn), store=store)
    assert Part.objects.count() == turns[-1]
    assert stored_bytes(Part) == sum(map(len, parts(chat(*range(turns[-1]))).new))
    assert stored_bytes(Blob) == 8 * len(turns)  # one run of parts a version, however long it is
    for turn in turns:
        assert messages(runner, f"1ef{turn:03}") == whole(chat(*range(turn)))


def test_what_lies_between_a_kept_message_and_the_newest_is_not_read(runner, monkeypatch):
    monkeypatch.setattr(checkpoint_rows, "_NUMBERS_AT_ONCE", 2)
    save_chat(runner, "1efa", *range(20))
    save_chat(runner, "1efb", 0, 17, 18, 19, known=hashes_of(chat(*range(20))))
    thread = Thread.objects.get(thread_id=THREAD)
    version = Blob.objects.filter(thread=thread).latest("pk").version
    _, parts = engine().values(thread.pk, "", {"messages": version}, [])
    assert set(parts) == {0, 17, 18, 19}
    assert messages(runner, "1efb") == whole(chat(0, 17, 18, 19))
    (listed,) = read(runner, List(OWNER, THREAD, "", "1efb", None, None, None))
    assert values_of(listed)["messages"] == whole(chat(0, 17, 18, 19))


def test_an_edit_in_the_middle_costs_its_message_and_three_runs(runner):
    save_chat(runner, "1efa", 0, 1, 2, 3, 4)
    save_chat(runner, "1efb", 0, 1, 99, 3, 4)
    assert (Part.objects.count(), run_lengths("1efb")) == (6, 3)
    assert messages(runner, "1efa") == whole(chat(0, 1, 2, 3, 4))
    assert messages(runner, "1efb") == whole(chat(0, 1, 99, 3, 4))


def test_a_removal_and_a_fork_cost_no_more_than_what_is_new(runner):
    save_chat(runner, "1efa", 0, 1, 2, 3)
    save_chat(runner, "1efb", 0, 2, 3)
    save_chat(runner, "1efc", 0, 1, 50, 51)
    save_chat(runner, "1efd", 0, 1, 60)
    assert Part.objects.count() == 7
    assert [run_lengths(name) for name in ("1efa", "1efb", "1efc", "1efd")] == [1, 2, 2, 2]
    for name, numbers in (("1efb", (0, 2, 3)), ("1efc", (0, 1, 50, 51)), ("1efd", (0, 1, 60))):
        assert messages(runner, name) == whole(chat(*numbers))


def test_no_more_is_read_at_once_than_goes_into_a_frame(runner, settings):
    other = connect_runner("other")
    value = whole("x" * 1000)
    save(runner, put("1efa", {("x", "1"): value}))
    settings.RUNNER_MAX_FRAME_BYTES = 1500
    store = Store()
    asked = [(runner.pk, get())] * 3 + [(other.pk, get())]
    results: list[Any] = list(store.execute(asked))
    first, second, third, of_other = results
    assert values_of(first.checkpoints[0]) == {"x": value}
    assert second == third == refused(
        "too_large",
        "what was asked for at once exceeds RUNNER_MAX_FRAME_BYTES=1500; "
        "raise it, or read fewer checkpoints at once",
    )  # fmt: skip
    assert of_other == first
    assert store.execute(asked[:1]) == [first]


def test_a_repeated_element_is_one_part(runner):
    save_chat(runner, "1efa", 5, 5, 5)
    assert (Part.objects.count(), run_lengths("1efa")) == (1, 3)
    assert messages(runner, "1efa") == whole(chat(5, 5, 5))


def test_a_write_and_the_channel_that_takes_it_share_their_parts(runner):
    save(
        runner,
        put_writes("1efa", (0, "messages", parts(chat(7, 8)))),
        put("1efb", {("messages", "2"): parts(chat(7, 8), known=hashes_of(chat(7, 8)))}),
    )
    assert Part.objects.count() == 2
    assert bytes(PendingWrite.objects.get().data) == bytes(Blob.objects.get().data)


def test_a_part_sent_with_one_value_serves_the_others_of_its_request(runner):
    bare = parts(chat(1, 2), known=hashes_of(chat(1, 2)))
    request = put("1efa", {("copy", "1"): bare, ("messages", "1"): parts(chat(1, 2))})
    save(runner, request)
    (stored,) = read(runner, get())
    assert values_of(stored) == {"copy": whole(chat(1, 2)), "messages": whole(chat(1, 2))}


def test_the_same_element_in_two_threads_belongs_to_each(runner):
    """One process knows the first thread's parts; the second must not be given their numbers."""
    store = Store()
    for thread in ("thread-1", "thread-2"):
        save_chat(runner, "1efa", 1, 2, thread=thread, store=store)
    assert Part.objects.values_list("thread__thread_id", "seq").count() == 4
    missing = put(
        "1efb", {("messages", "2"): parts(chat(1, 2), hashes_of(chat(1, 2)))}, thread="thread-3"
    )
    (result,) = execute(runner, missing, store=store)
    assert result.reason == "missing_parts"


@pytest.mark.parametrize("kind", ["put", "writes"])
def test_a_part_that_is_unknown_is_asked_for_and_nothing_is_stored(runner, kind):
    def request(value):
        first = parts(chat(8, 9))
        if kind == "put":
            return put("1efb", {("first", "1"): first, ("messages", "2"): value})
        return put_writes("1efb", (0, "first", first), (1, "messages", value))

    save_chat(runner, "1efa", 1, 2)
    before = row_counts()
    (result,) = execute(runner, request(parts(chat(1, 2, 3), known=hashes_of(chat(1, 2, 3)))))
    name = part_hash(parts(chat(2, 3)).new[1]).hex()
    assert result == refused(
        "missing_parts", f"part {name} of thread thread-1 is unknown; send it again"
    )
    assert row_counts() == before
    save(runner, request(parts(chat(1, 2, 3), known=hashes_of(chat(1, 2)))))


def test_bytes_that_are_not_what_their_hash_says_are_not_taken_for_it(runner):
    honest = parts(chat(1, 2))
    forged = Parts(honest.kind, honest.hashes, (honest.new[0], b"\xa6forged"))
    (result,) = execute(runner, put("1efa", {("messages", "1"): forged}))
    assert result.reason == "missing_parts"
    save_chat(runner, "1efa", 1, 2)
    save(runner, put("1efb", {("messages", "2"): forged}))
    assert messages(runner, "1efb") == whole(chat(1, 2))
    assert Part.objects.count() == 2


def test_parts_written_by_another_process_meanwhile_are_not_taken_for_ours(runner):
    ours, theirs = Store(), Store()
    save_chat(runner, "1efa", 0, 1, store=ours)
    save_chat(runner, "1efb", 0, 1, 2, 3, store=theirs)
    save_chat(runner, "1efc", 0, 1, 2, 4, store=ours)
    save_chat(runner, "1efd", 0, 1, 2, 3, 5, known=hashes_of(chat(0, 1, 2, 3)), store=theirs)
    save_chat(runner, "1efe", 4, 5, known=hashes_of(chat(4, 5)), store=ours)
    assert Part.objects.count() == Thread.objects.get().part_next == 6
    assert messages(runner, "1efa") == whole(chat(0, 1))
    assert messages(runner, "1efb") == whole(chat(0, 1, 2, 3))
    assert messages(runner, "1efc") == whole(chat(0, 1, 2, 4))
    assert messages(runner, "1efd") == whole(chat(0, 1, 2, 3, 5))
    assert messages(runner, "1efe") == whole(chat(4, 5))


def test_parts_deleted_by_another_process_are_not_trusted(runner):
    """Whoever deletes parts moves the epoch and leaves the next number alone."""
    store = Store()
    save_chat(runner, "1efa", 0, 1, 2, store=store)
    Part.objects.filter(seq=1).delete()
    Thread.objects.update(part_epoch=1)
    bare = put("1efb", {("messages", "2"): parts(chat(0, 1), known=hashes_of(chat(0, 1)))})
    (result,) = execute(runner, bare, store=store)
    assert result.reason == "missing_parts"
    save_chat(runner, "1efb", 0, 1, known=hashes_of(chat(0, 2)), store=store)
    assert messages(runner, "1efb") == whole(chat(0, 1))
    assert sorted(Part.objects.values_list("seq", flat=True)) == [0, 2, 3]


def test_a_batch_that_is_rolled_back_leaves_no_number_behind(runner):
    store = Store()
    save_chat(runner, "1efa", 0, 1, store=store)

    lost = put("1efb", {("messages", "2"): parts(chat(0, 1, 2))})
    with failing_commit():
        (result,) = execute(runner, lost, store=store)
    assert result == refused("unavailable", "the database did not answer: gone")
    assert Part.objects.count() == Thread.objects.get().part_next == 2

    bare = put("1efc", {("messages", "3"): parts(chat(0, 1, 2), known=hashes_of(chat(0, 1, 2)))})
    (result,) = execute(runner, bare, store=store)
    assert result.reason == "missing_parts"
    save(runner, lost, store=store)
    assert messages(runner, "1efb") == whole(chat(0, 1, 2))


def test_a_number_that_was_rolled_back_and_given_to_another_part_is_not_trusted(runner):
    """Afterwards the thread's next number is again the one that was remembered."""
    ours, theirs = Store(), Store()
    save_chat(runner, "1efa", 0, 1, store=ours)
    with failing_commit():
        (result,) = execute(
            runner, put("1efb", {("messages", "2"): parts(chat(0, 1, 2))}), store=ours
        )
    assert result.reason == "unavailable"
    save_chat(runner, "1efc", 0, 1, 3, store=theirs)
    save_chat(runner, "1efd", 0, 1, 2, store=ours)
    assert messages(runner, "1efd") == whole(chat(0, 1, 2))
    assert messages(runner, "1efc") == whole(chat(0, 1, 3))


def test_numbers_that_were_forgotten_for_lack_of_room_are_read_again(runner, monkeypatch):
    monkeypatch.setattr(part_numbers, "REMEMBERED_PARTS", 24)
    store = Store()
    for checkpoint_id, numbers in (("1efa", (0, 1)), ("1efb", (0, 1, 2))):
        for thread in ("thread-1", "thread-2", "thread-3"):
            save_chat(runner, checkpoint_id, *numbers, thread=thread, store=store)
    assert Part.objects.count() == 9
    assert messages(runner, "1efb", thread="thread-1") == whole(chat(0, 1, 2))


def test_remembered_numbers_cost_no_query(runner, django_assert_num_queries):
    store = Store()
    save_chat(runner, "1efa", 0, 1, store=store)
    again = put("1efb", {("messages", "2"): parts(chat(0, 1), known=hashes_of(chat(0, 1)))})
    right_of_an_owner, savepoint = 3, 2
    for memory, queries in ((store, 0), (Store(), 1)):
        with django_assert_num_queries(1 + 2 + queries + right_of_an_owner + savepoint):
            assert execute(runner, again, store=memory) == [Done()]


def test_an_empty_array_in_parts_is_an_empty_array(runner):
    save(runner, put("1efa", {("messages", "1"): Parts("msgpack", b"", ())}))
    assert messages(runner, "1efa") == Whole("msgpack", b"\x90")
