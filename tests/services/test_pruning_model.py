"""Any history, pruned: what is kept is what was there, byte for byte, and nothing else is left."""

from datetime import timedelta
from typing import Any

from django.utils import timezone
from hypothesis import HealthCheck, given, settings, strategies as st

from agents.models import Blob, Checkpoint, Part, PendingWrite
from agents.services import pruning
from agents.services.value_references import named_by, parts_in
from tests.services.histories import History, stored
from tests.services.saving import chat, get, read, values_of, whole

CHATS = st.lists(st.integers(0, 9), min_size=2, max_size=8)
VALUES = st.dictionaries(st.sampled_from("xy"), st.one_of(CHATS, st.integers(0, 3)), max_size=2)
# Of each checkpoint: how far back its parent is (0: it begins anew), its values, what is written
# from it, whether a question was asked there, what a graph inside of the step stored, how far back
# is what a replay or fork made it of (0: a step of the graph made it).
STEPS = st.tuples(
    st.integers(0, 3),
    VALUES,
    st.none() | CHATS,
    st.booleans(),
    st.none() | st.tuples(st.sampled_from(["sub:1", "sub:1|deep:2", "remembers"]), VALUES),
    st.integers(0, 3),
)


def told(steps: list[Any]) -> History:
    """A history of these steps that has ended long ago."""
    history = History()
    for number, (back, values, write, is_asked, inside, origin) in enumerate(steps):
        name = f"1ef{number:04d}"
        parent = f"1ef{number - back:04d}" if 0 < back <= number else None
        marks = {"source": "fork", "reviewconsole_from": f"1ef{number - origin:04d}"}
        history.add(name, parent, values, metadata=marks if 0 < origin <= number else None)
        if write is not None:
            history.write(name, write)
        if is_asked:
            history.ask(name)
        if inside is not None:
            ns, within = inside
            history.add(f"{name}-inside", None, within, ns=ns, root=name)
    history.end()
    return history


def must_stay(steps: list[Any], keep: int) -> set[tuple[str, str]]:
    """What pruning may not touch, said in another way."""
    numbers = range(len(steps))
    parents = {number - steps[number][0] for number in numbers if 0 < steps[number][0] <= number}
    root = {
        number
        for number in numbers
        if number >= len(steps) - max(keep, 1) or number not in parents or steps[number][3]
    }
    root |= {each for number in root for each in told_by(steps, number)}
    inside = {
        (steps[number][4][0], f"1ef{number:04d}-inside")
        for number in numbers
        if steps[number][4] and (number in root or steps[number][4][0] == "remembers")
    }
    return {("", f"1ef{number:04d}") for number in root} | inside


def told_by(steps: list[Any], number: int) -> set[int]:
    """What is read to know which nodes led there."""
    back, origin = (way if 0 < way <= number else 0 for way in (steps[number][0], steps[number][5]))
    near = {number - way for way in (back, origin) if way}
    return near | {each for way in near if origin for each in told_by(steps, way)}


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=1, max_size=10), keep=st.integers(0, 4))
def test_what_is_kept_reads_back_byte_for_byte(db, steps, keep):
    history = told(steps)
    thread, before = history.thread, stored(history.thread)
    now = timezone.now() - timedelta(days=30)

    counted = pruning.prune(thread=thread.pk, before=now, keep=keep, dry_run=True)
    assert stored(thread) == before
    pruned = pruning.prune(thread=thread.pk, before=now, keep=keep)

    staying = must_stay(steps, keep)
    assert pruned == counted
    assert stored(thread) == {place: before[place] for place in staying}
    assert pruned.checkpoints == len(before) - len(staying)
    left = Blob.objects.filter(thread=thread)
    assert set(left.values_list("ns", "channel", "version")) <= named_by(
        Checkpoint.objects.filter(thread=thread)
    )
    needed = parts_in(left) | parts_in(PendingWrite.objects.filter(thread=thread))
    assert set(Part.objects.filter(thread=thread).values_list("seq", flat=True)) == needed
    again = pruning.prune(thread=thread.pk, before=now, keep=keep)
    assert again == pruning.Pruned()

    # The process that numbered the parts goes on: what it remembers may be gone.
    history.go_on()
    history.sent.clear()
    history.add("1ef9999", f"1ef{len(steps) - 1:04d}", {"x": [*range(10)]})
    history.save()
    (found,) = read(
        history.run.runner, get("1ef9999", scope=history.lease, thread=thread.thread_id)
    )
    assert values_of(found)["x"] == whole(chat(*range(10)))
