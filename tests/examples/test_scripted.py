"""The scripted model: stateless, and any other model in its place."""

import importlib

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage


@pytest.fixture
def model(specs):
    """Makes a new model, as another process would."""
    scripts = importlib.import_module("scripts")
    chat_model = importlib.import_module("scripted").chat_model
    return lambda: chat_model(scripts.OPERATIONS)


REQUEST = HumanMessage("First refund 18 EUR for LO-20871, then write.")


def result(proposal, content, status="success"):
    [call] = proposal.tool_calls
    return ToolMessage(content, name=call["name"], tool_call_id=call["id"], status=status)


def test_another_model_goes_on_where_the_first_one_was(model):
    refund = model().invoke([REQUEST])
    history = [REQUEST, refund, result(refund, "Refunded")]

    assert [call["name"] for call in model().invoke(history).tool_calls] == ["send_email"]


def test_the_same_conversation_gets_the_same_reply(model):
    first, again = model().invoke([REQUEST]), model().invoke([REQUEST])

    assert (again.content, again.tool_calls) == (first.content, first.tool_calls)


def test_call_ids_are_new_in_the_thread(model):
    first = model().invoke([REQUEST])
    history = [REQUEST, first, result(first, "No", "error"), AIMessage("Done."), REQUEST]
    second = model().invoke(history)

    assert [first.tool_calls[0]["id"], second.tool_calls[0]["id"]] == ["call_1_1", "call_3_1"]


def test_a_refused_call_ends_the_scene(model):
    refund = model().invoke([REQUEST])
    reply = model().invoke([REQUEST, refund, result(refund, "No", "error")])

    assert reply.tool_calls == []
    assert reply.text == "Here is how it went:\n- refund: not done. No"


def test_numbers_are_taken_from_the_request(model):
    reply = model().invoke([HumanMessage("Refund 42.50 GBP for LO-7")])

    [call] = reply.tool_calls
    assert call["args"]["order_id"] == "LO-7"
    assert call["args"]["amount"] == {"value": 42.5, "currency": "GBP"}
    assert call["args"]["reference"] == 2**53 + 15
    assert float(call["args"]["reference"]) != call["args"]["reference"]


def test_the_variable_names_a_real_model(model, monkeypatch):
    monkeypatch.setenv("REVIEW_CONSOLE_MODEL", "nobody:a-model")

    with pytest.raises(ValueError, match="nobody"):
        model()


def test_binding_tools_keeps_the_script(model):
    scripted = model()

    assert scripted.bind_tools([]) is scripted
