"""The words by which threads are found."""

import pytest
from hypothesis import given, strategies as st

from agents.reviews import search_words as words
from agents.reviews.search_words import search_words, tokens
from reviewconsole.protocol.plain import Plain, Typed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Refund order 8812, order 8812!", ["refund", "order", "8812"]),
        ("1efc0000-0000-6000", ["1efc0000", "0000", "6000"]),
        ("alice@example.com send_email", ["alice", "example", "com", "send_email"]),
        ("STRAẞE \uff26\uff55\uff4c\uff4c ﬁne", ["strasse", "full", "fine"]),
        ("返金する", ["返", "金", "す", "る"]),
        ("it's a 'quoted' \\ \0 word:*", ["it", "s", "a", "quoted", "word"]),
        ("x" * 100, ["x" * 64]),
        ("\ud800 …", []),
    ],
)
def test_tokens(text: str, expected: list[str]):
    assert tokens(text) == expected


@given(st.text())
def test_a_token_needs_no_escape_in_any_query(text: str):
    assert all(token.replace("_", "a").isprintable() for token in tokens(text))
    assert not set("'\"\\ :*&|!()<>-\0") & set("".join(tokens(text)))


def test_what_a_thread_is_found_by():
    call: Plain = {"name": "refund", "args": {"order": 8812}, "id": "c1"}
    snapshot: Plain = {
        "messages": [
            {"type": "human", "content": "Please help"},
            Typed(5, "langchain_core.messages.ai", "AIMessage", {
                "type": "ai", "content": "Gladly", "tool_calls": [call]
            }),
            {"type": "tool", "tool_call_id": "c1", "content": "done"},
        ],
        "secret": "not said",
    }  # fmt: skip
    found = search_words(
        thread_id="t-1", title="A title", metadata={"customer": {"number": 7}}, snapshot=snapshot
    )
    expected = "t 1 a title 7 number customer gladly refund 8812 order done please help"
    assert sorted(found.split()) == sorted(expected.split())


def test_the_oldest_messages_are_left_out(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(words, "AT_MOST", len("t a new old "))
    said: Plain = {
        "messages": [{"type": "human", "content": text} for text in ("older", "old", "new")]
    }
    assert search_words(thread_id="t", title="a", metadata={}, snapshot=said) == "t a new old"


@pytest.mark.parametrize("snapshot", [None, 1, "text", [], {"unreadable": "encrypted"}])
def test_a_state_without_messages(snapshot: Plain):
    assert search_words(thread_id="t", title="a", metadata={}, snapshot=snapshot) == "t a"


def test_marks_without_end_cost_no_more_than_letters():
    """Unicode sorts the combining marks of a run: a message of them must not hold the console."""
    assert len(tokens("\u0316\u0301" * 500_000)) <= 1
    assert tokens("cafe\u0301 " + "e\u0301" * 1000)[:2] == ["café", "é" * 64]


def test_what_was_said_last_is_read_first(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(words, "READ_AT_MOST", len("tanew") + 2)
    said: Plain = {"messages": [{"type": "human", "content": text} for text in ("older", "new")]}
    assert search_words(thread_id="t", title="a", metadata={}, snapshot=said) == "t a new ol"
