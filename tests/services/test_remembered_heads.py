"""What is remembered of heads: a guess, and a bounded one."""

from agents.services.engines import Guess, LockedThread, StoredValue
from agents.services.part_runs import pack_runs
from agents.services.remembered_heads import RememberedHeads

THREAD = LockedThread(7, "thread-7", "operations", 0, 0)
AT = ("thread-7", "", None)


def test_nothing_is_guessed_of_what_is_unknown():
    assert RememberedHeads().guess(AT) is None


def test_arrays_that_stay_are_remembered_beside_those_that_are_new():
    heads = RememberedHeads()
    heads.put(THREAD, "", "1efa", {"a": "1", "b": "1"}, {"a": ("1", pack_runs([0, 1, 2]))}, 10)
    heads.put(THREAD, "", "1efb", {"a": "1", "b": "2"}, {"b": ("2", pack_runs([5, 1]))}, 5)
    runs = frozenset({(0, 3), (5, 1), (1, 1)})
    assert heads.guess(AT) == (Guess(AT, 7, {"a": "1", "b": "2"}, runs), 15)


def test_arrays_of_other_versions_are_forgotten():
    heads = RememberedHeads()
    heads.put(THREAD, "", "1efa", {"a": "1"}, {"a": ("1", pack_runs([0]))}, 1)
    heads.put(THREAD, "", "1efb", {"a": "2"}, {}, 1)
    assert heads.guess(AT) == (Guess(AT, 7, {"a": "2"}, frozenset()), 2)


def test_only_the_newest_checkpoint_is_remembered():
    heads = RememberedHeads()
    heads.put(THREAD, "", "1efb", {"a": "2"}, {}, 1)
    heads.put(THREAD, "", "1efa", {"a": "1"}, {}, 1)
    heads.put_writes(THREAD, "", "1efa", [pack_runs([9])])
    older = Guess(("thread-7", "", "1efa"), 7, {"a": "1"}, frozenset())
    heads.read(older, "1efa", [], [], 1)
    assert heads.guess(AT) == (Guess(AT, 7, {"a": "2"}, frozenset()), 1)
    assert heads.guess(("thread-7", "", "1efa")) is None
    assert heads.guess(("thread-7", "inside", None)) is None


def test_writes_are_remembered_with_their_checkpoint():
    heads = RememberedHeads()
    heads.put_writes(THREAD, "", "1efa", [pack_runs([9])])
    heads.put(THREAD, "", "1efa", {}, {}, 1)
    heads.put_writes(THREAD, "", "1efa", [pack_runs([3, 4])])
    assert heads.guess(AT) == (Guess(AT, 7, {}, frozenset({(3, 2)})), 1)
    heads.put(THREAD, "", "1efb", {}, {}, 1)
    assert heads.guess(AT) == (Guess(AT, 7, {}, frozenset()), 2)


def test_what_was_read_takes_the_place_of_what_was_guessed():
    heads = RememberedHeads()
    heads.put(THREAD, "", "1efa", {"a": "1"}, {"a": ("1", pack_runs([0]))}, 1)
    array = StoredValue(("a", "2"), "msgpack", 1, pack_runs([4]))
    values = [array, StoredValue(("b", "2"), "msgpack", 0, b"x")]
    read = Guess(AT, 8, {"a": "2", "b": "2"}, frozenset({(4, 1)}))
    heads.read(read, "1efb", values, [], 100)
    assert heads.guess(AT) == (read, 100)


def test_a_thread_that_has_the_name_of_another_inherits_nothing():
    heads = RememberedHeads()
    heads.put(THREAD, "", "1efb", {"a": "1"}, {"a": ("1", pack_runs([0]))}, 10)
    heads.put(THREAD._replace(pk=8), "", "1efa", {"a": "1"}, {}, 1)
    assert heads.guess(AT) == (Guess(AT, 8, {"a": "1"}, frozenset()), 1)


def test_what_was_used_the_longest_ago_is_forgotten():
    heads = RememberedHeads(at_most=20)
    for number in range(3):
        thread = LockedThread(number, f"thread-{number}", "operations", 0, 0)
        heads.put(thread, "", "1efa", {"a": "1"}, {"a": ("1", pack_runs([0]))}, 1)
        heads.guess(("thread-0", "", None))
    known = [heads.guess((f"thread-{number}", "", None)) is not None for number in range(3)]
    assert known == [True, False, True]


def test_what_is_too_large_is_not_remembered():
    heads = RememberedHeads(at_most=20)
    heads.put(THREAD, "", "1efa", {"a": "1"}, {"a": ("1", pack_runs(range(0, 100, 2)))}, 1)
    assert heads.guess(AT) is None
    heads.put(THREAD, "", "1efb", {"a": "2"}, {"a": ("2", pack_runs([1]))}, 1)
    assert heads.guess(AT) == (Guess(AT, 7, {"a": "2"}, frozenset({(1, 1)})), 1)
