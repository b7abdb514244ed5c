"""An array is checked as strictly when others of its types were read before."""

from typing import Any

import pytest

from reviewconsole.protocol.exceptions import MalformedFrame
from reviewconsole.protocol.layouts import Layout
from reviewconsole.protocol.messages import (
    ChannelValue,
    Get,
    Lease,
    List,
    Owner,
    Parts,
    Refused,
    Welcome,
    Whole,
)

GET = [[7, 1], "t", "", None]
LIST = ["agent", "t", None, None, {"step": 1}, None, 5]
PARTS = ["c", "1", ["msgpack", b"h" * 16, [b"part"]]]
WELCOME = [1, 2, 3, 4.5, 6, [[7, 1]]]


def copied(array: Any) -> Any:
    """Reading uses an array up."""
    return [copied(item) for item in array] if isinstance(array, list) else array


@pytest.mark.parametrize(
    ("cls", "array", "expected"),
    [
        (Get, GET, Get(Lease(7, 1), "t", "", None)),
        (List, LIST, List(Owner("agent"), "t", None, None, {"step": 1}, None, 5)),
        (ChannelValue, PARTS, ChannelValue("c", "1", Parts("msgpack", b"h" * 16, (b"part",)))),
        (Welcome, WELCOME, Welcome(1, 2, 3.0, 4.5, 6, (Lease(7, 1),))),
    ],
)
def test_what_was_read_before_is_read_alike(cls: type[Any], array: Any, expected: object) -> None:
    """An integer where a fraction is due becomes one, each time."""
    layout = Layout(cls)
    for _ in range(3):
        assert repr(layout.read(copied(array))) == repr(expected)


@pytest.mark.parametrize(
    ("cls", "right", "wrong", "told"),
    [
        (Get, GET, [[7, True], *GET[1:]], "Get.scope: a scope is [run, attempt] or the agent's"),
        (Get, GET, [[7, 2**63], *GET[1:]], "Get.scope: a scope is [run, attempt] or the agent's"),
        (Get, GET, [[7], *GET[1:]], "Get.scope: a scope is [run, attempt] or the agent's name"),
        (Get, GET, [*GET[:3], 7], "Get.checkpoint_id: str expected, int received"),
        (Get, GET, GET[:3], "Get has 4 fields: scope, thread, ns, checkpoint_id"),
        (Get, GET, None, "Get has 4 fields: scope, thread, ns, checkpoint_id"),
        (List, LIST, [*LIST[:4], {1: 1}, None, 5], "List.metadata: map with text keys expected"),
        (List, LIST, [*LIST[:6], 2**63], f"List.limit: {2**63} is beyond 64 bits with a sign"),
        (ChannelValue, PARTS, ["c", "1", ["k", b"short", []]], "ChannelValue.value: a value is"),
        (ChannelValue, PARTS, ["c", "1", ["k", b"h" * 16, [7]]], "ChannelValue.value: bytes exp"),
        (Refused, ["fenced", ""], ["so", ""], "Refused.reason: 'so' is none of ['fenced', "),
    ],
)
def test_what_is_wrong_is_refused_after_what_was_right(
    cls: type[Any], right: Any, wrong: Any, told: str
) -> None:
    """Types alone do not make an array right."""
    layout = Layout(cls)
    for _ in range(2):
        layout.read(copied(right))
        with pytest.raises(MalformedFrame) as refused:
            layout.read(copied(wrong))
        assert str(refused.value)[: len(told)] == told


def test_what_was_wrong_at_first_stays_wrong() -> None:
    """Nothing is learnt of what was refused."""
    layout = Layout(Whole)
    for _ in range(2):
        with pytest.raises(MalformedFrame, match=r"^Whole.data: bytes expected, str received$"):
            layout.read(["msgpack", "text"])
    assert layout.read(["msgpack", b"data"]) == Whole("msgpack", b"data")
