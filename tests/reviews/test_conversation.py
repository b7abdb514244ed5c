"""The conversation of a state, whichever form its messages have."""

import pytest
from hypothesis import given, strategies as st
from langchain_core.messages import (
    AIMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    message_to_dict,
)
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.serde.types import _DeltaSnapshot
from langgraph.types import Overwrite

from agents.reviews.conversation import Entry, Role, ToolCall, ToolResult, conversation
from agents.reviews.request import Arguments
from reviewconsole.protocol import plain
from reviewconsole.protocol.plain import Plain, Typed
from tests.reviews.plain_values import PLAIN

CALL: Arguments = {"id": "c1", "name": "pay", "args": {"amount": 1.0}, "type": "tool_call"}
MESSAGES = [
    SystemMessage("Be brief."),
    HumanMessage("Pay Bob.", id="m1"),
    AIMessage("", id="m2", tool_calls=[CALL]),
    ToolMessage("paid", tool_call_id="c1", name="pay"),
    AIMessage("Done.", id="m3"),
]
ENTRIES = (
    Entry(Role.SYSTEM, "Be brief."),
    Entry(Role.HUMAN, "Pay Bob.", "m1"),
    Entry(
        Role.AI,
        "",
        "m2",
        tool_calls=(ToolCall("c1", "pay", {"amount": 1.0}, result=ToolResult("paid")),),
    ),
    Entry(Role.AI, "Done.", "m3"),
)


def test_messages_as_langgraph_stores_them():
    stored = plain.decode(*JsonPlusSerializer().dumps_typed({"messages": MESSAGES}))
    assert conversation(stored) == ENTRIES


@pytest.mark.parametrize(
    "stored",
    [_DeltaSnapshot(MESSAGES), Overwrite(MESSAGES)],
    ids=["delta_snapshot", "overwrite"],
)
def test_messages_as_a_delta_channel_or_an_overwrite_stores_them(stored):
    state = plain.decode(*JsonPlusSerializer().dumps_typed({"messages": stored}))
    assert conversation(state) == ENTRIES


@pytest.mark.parametrize(
    "written",
    [
        [message_to_dict(message) for message in MESSAGES],
        [message.model_dump() for message in MESSAGES],
    ],
    ids=["message_to_dict", "model_dump"],
)
def test_messages_as_dicts(written):
    assert conversation({"messages": written}) == ENTRIES


def test_messages_in_the_forms_that_add_messages_takes():
    state: Plain = {
        "messages": [["user", "Hi"], {"role": "assistant", "content": "Hello"}, "And you?"]
    }
    assert conversation(state) == (
        Entry(Role.HUMAN, "Hi"),
        Entry(Role.AI, "Hello"),
        Entry(Role.HUMAN, "And you?"),
    )


def test_text_of_blocks_and_names_of_the_others():
    content: list[Plain] = [
        "One",
        {"type": "text", "text": "Two"},
        {"type": "image", "url": "https://example.com/x.png"},
        {"type": "tool_use", "id": "c1", "name": "pay", "input": {}},
        {"type": "reasoning", "reasoning": "…"},
    ]
    state: Plain = {"messages": [{"type": "ai", "content": content}]}
    assert conversation(state) == (Entry(Role.AI, "One\nTwo", omitted=("image", "reasoning")),)


def test_a_failed_result_says_so():
    state: Plain = {
        "messages": [
            {"type": "ai", "content": "", "tool_calls": [CALL]},
            {"type": "tool", "content": "no", "tool_call_id": "c1", "status": "error"},
        ]
    }
    (entry,) = conversation(state)
    assert entry.tool_calls[0].result == ToolResult("no", "error")


def test_a_result_without_its_call_stands_alone():
    state: Plain = {
        "messages": [{"type": "tool", "content": "paid", "tool_call_id": "c9", "name": "pay"}]
    }
    assert conversation(state) == (Entry(Role.TOOL, "paid", name="pay"),)


def test_a_call_id_that_is_used_again_gets_its_own_result():
    ask: Arguments = {"type": "ai", "content": "", "tool_calls": [CALL]}
    state: Plain = {
        "messages": [
            ask,
            {"type": "tool", "content": "first", "tool_call_id": "c1"},
            ask,
            {"type": "tool", "content": "second", "tool_call_id": "c1"},
        ]
    }
    results = [entry.tool_calls[0].result for entry in conversation(state)]
    assert results == [ToolResult("first"), ToolResult("second")]


def test_an_edited_call_shows_both_what_was_proposed_and_what_ran():
    state: Plain = {
        "messages": [{"type": "ai", "content": "", "tool_calls": [CALL]}],
        "hitl_edited_tool_calls": {"c1": {"name": "pay", "args": {"amount": 0.5}}},
    }
    (entry,) = conversation(state)
    assert entry.tool_calls == (
        ToolCall("c1", "pay", {"amount": 1.0}, edited_args={"amount": 0.5}),
    )


def test_a_call_that_could_not_be_read_is_shown_with_its_error():
    bad: Plain = {"id": "c1", "name": "pay", "args": "{amount", "error": "not JSON"}
    state: Plain = {"messages": [{"type": "ai", "content": "", "invalid_tool_calls": [bad]}]}
    (entry,) = conversation(state)
    assert entry.tool_calls == (ToolCall("c1", "pay", "{amount", error="not JSON"),)


@pytest.mark.parametrize("state", [None, [], {}, {"messages": None}, {"messages": []}, "done"])
def test_a_state_without_messages_has_no_conversation(state):
    assert conversation(state) == ()


def test_another_channel():
    assert conversation({"log": ["Hi"]}, channel="log") == (Entry(Role.HUMAN, "Hi"),)


PARTS = st.one_of(PLAIN, st.sampled_from(["ai", "tool", "c1", CALL]), st.just([CALL, CALL]))
MESSAGE_LIKE = st.dictionaries(
    st.sampled_from(["type", "role", "content", "tool_calls", "tool_call_id", "data", "id"]), PARTS
)


@given(
    st.lists(
        st.one_of(
            PLAIN,
            MESSAGE_LIKE,
            st.builds(Typed, st.just(5), st.just("m"), st.just("AIMessage"), MESSAGE_LIKE),
        )
    )
)
def test_any_state_has_an_answer(messages):
    entries = conversation({"messages": messages})
    results = sum(call.result is not None for entry in entries for call in entry.tool_calls)
    assert len(entries) + results == len(messages)
