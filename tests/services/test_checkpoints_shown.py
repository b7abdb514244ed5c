"""What people read of delta channels: kept beside the store's values, never read into a graph."""

import pytest

from agents.models import SHOWN, Blob, Part, Runner
from reviewconsole.protocol.messages import ChannelValue, Show, Value
from tests.factories import connect_runner
from tests.services.saving import (
    OWNER,
    THREAD,
    chat,
    execute,
    get,
    hashes_of,
    parts,
    put,
    read,
    save,
    values_of,
    whole,
)


@pytest.fixture
def runner(db: None) -> Runner:
    return connect_runner()


def show(*values: tuple[str, str, Value], ns: str = "") -> Show:
    return Show(OWNER, THREAD, ns, tuple(ChannelValue(*value) for value in values))


def test_shown_values_have_names_of_their_own(runner: Runner) -> None:
    save(runner, show(("messages", "2", whole("hi"))), show(("messages", "2", whole("ho")), ns="a"))
    rows = Blob.objects.values_list("ns", "channel", "version", "kind")
    assert set(rows) == {("", "~messages", "2", "msgpack"), ("a", "~messages", "2", "msgpack")}
    assert SHOWN + "messages" == "~messages"


def test_a_graph_does_not_read_them(runner: Runner) -> None:
    save(
        runner,
        put("1efa", {("n", "1"): whole(1)}, kept={"messages": "2"}),
        show(("messages", "2", whole("hi"))),
    )
    (stored,) = read(runner, get("1efa"))
    assert values_of(stored) == {"n": whole(1)}


def test_their_elements_are_kept_once(runner: Runner) -> None:
    """Also those that came with the writes: a conversation shown at each step costs little."""
    save(
        runner,
        put("1efa", {("other", "1"): parts(chat(1, 2))}),
        show(("messages", "1", parts(chat(1, 2, 3), known=hashes_of(chat(1, 2))))),
        show(("messages", "2", parts(chat(1, 2, 3, 4), known=hashes_of(chat(1, 2, 3))))),
    )
    assert Part.objects.count() == 4


def test_what_was_shown_first_stays(runner: Runner) -> None:
    save(runner, show(("n", "1", whole(1))))
    save(runner, show(("n", "1", whole(2))), show(("n", "1", whole(3))))
    assert bytes(Blob.objects.get().data) == whole(1).data


def test_an_unknown_element_is_asked_for(runner: Runner) -> None:
    unknown = show(("messages", "1", parts(chat(1, 2), known=hashes_of(chat(1, 2)))))
    (result,) = execute(runner, unknown)
    assert result.reason == "missing_parts"
    assert Blob.objects.count() == 0


def test_a_thread_of_another_agent_is_closed(runner: Runner) -> None:
    save(runner, put("1efa"))
    other = connect_runner("other", agents=["email"])
    (result,) = execute(other, show(("n", "1", whole(1))))
    assert result.reason == "forbidden"
