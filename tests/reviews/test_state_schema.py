"""The state, channel by channel: what may be written, by which schema, and how it is united."""

from typing import Annotated

from langgraph.channels import DeltaChannel
from langgraph.graph import MessagesState, StateGraph
from pydantic import BaseModel

from agents.reviews import schema_form, schemas
from agents.reviews.request import Arguments, Schema
from agents.reviews.state_schema import Channel, channels, write_schema
from reviewconsole.protocol.plain import Plain
from reviewconsole.runner.describe import describe

SCHEMA: Schema = {
    "properties": {
        "note": {"default": None, "type": "string"},
        "log": {"default": None, "type": "array", "x-reducer": "add"},
        "order": {"default": None, "$ref": "#/$defs/Order"},
        "remote": {"$ref": "https://example.com/s"},
        "__pregel_tasks": {"type": "array"},
    },
    "$defs": {"Order": {"properties": {"id": {"type": "integer"}}}, "Unused": {}},
}
ORDER: Schema = {"$ref": "#/$defs/Order", "$defs": {"Order": SCHEMA["$defs"]["Order"]}}


def test_each_channel_stands_alone():
    assert channels(SCHEMA) == (
        Channel("note", {"type": "string"}),
        Channel("log", {"type": "array"}, reducer="add"),
        Channel("order", ORDER),
        Channel(
            "remote",
            None,
            "It refers to 'https://example.com/s', which is not a part of it.",
        ),
    )


def test_an_update_names_known_channels_only():
    schema = write_schema(SCHEMA)
    assert schema == {
        "type": "object",
        "properties": {
            "note": {"type": "string"},
            "log": {"type": "array", "x-reducer": "add"},
            "order": {"$ref": "#/$defs/Order"},
            "remote": {},
        },
        "additionalProperties": False,
        "$defs": ORDER["$defs"],
    }
    assert schemas.problem(schema) == ""


def test_the_form_of_an_update_says_what_unites_it():
    form = schema_form.build(write_schema(SCHEMA), {}, "args")
    assert [field.hint for field in form.fields if field.hint] == [
        "add unites it with what stands there"
    ]


def test_without_a_schema_nothing_is_known():
    unknowns: list[Plain] = [None, [], {}, {"properties": None}, {"properties": {}}]
    for unknown in unknowns:
        assert channels(unknown) == ()
        assert write_schema(unknown) is None


class Order(BaseModel):
    id: int
    parts: "list[Order]" = []


class State(MessagesState):
    note: str
    order: Order | None
    log: Annotated[list[str], DeltaChannel(lambda before, writes: before)]


def test_the_state_of_an_agent_as_the_runner_describes_it():
    graph = StateGraph(State).add_node("work", lambda state: {}).set_entry_point("work").compile()
    described = describe("a", None, graph)["state_schema"]
    known = {channel.name: channel for channel in channels(described)}
    assert list(known) == ["messages", "note", "order", "log"]
    assert (known["messages"].schema, known["messages"].reducer) == (None, "add_messages")
    assert known["messages"].problem.startswith("Messages are written as a list of objects")
    assert known["log"].reducer == "<lambda>"
    schema = write_schema(described)
    assert schema is not None
    assert list(schema["$defs"]) == ["Order"]
    update: Arguments = {"note": "", "order": {"id": 1, "parts": [{"id": "2"}]}, "messages": ["Hi"]}
    assert schemas.errors(update, schema) == {
        ("order", "parts", 0, "id"): "Must be a whole number."
    }
