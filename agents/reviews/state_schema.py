"""The state of an agent, channel by channel, as an update of it is written.

Source: what our own runner tells of an agent (`state_schema`): `{"properties": {channel: schema}}`,
each schema that of an update, and nothing required. `x-reducer` beside a channel names the function
that unites an update with what stands there; without it an update takes its place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from agents.reviews import schemas
from agents.reviews.request import Schema
from reviewconsole.protocol.plain import Plain

_DEFINITIONS = ("$defs", "definitions")
_REDUCER = "x-reducer"
_OF_THE_CHANNEL = {"default", _REDUCER}  # not of an update: what is not written stays as it is
_MESSAGES = (
    'Messages are written as a list of objects, such as [{"type": "human", "content": "…"}].'
)


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel of the state. `schema` is None where an update can be anything.

    `problem` then says why, if there is a reason; `reducer` is empty where an update replaces.
    """

    name: str
    schema: Schema | None = None
    problem: str = ""
    reducer: str = ""


def channels(state_schema: Plain) -> tuple[Channel, ...]:
    """List the channels that a state's schema names; empty for what is no such schema.

    A channel whose own schema cannot be used does not spoil the others. LangGraph's own channels
    (`__…`) are left out.
    """
    return tuple(_channels(state_schema))


def write_schema(state_schema: Plain) -> Schema | None:
    """The schema of an update of the state: these channels and no others, none of them required.

    None where the channels are not known. LangGraph ignores a channel it does not know without a
    word, so a misspelled one must not pass.
    """
    known = channels(state_schema)
    definitions: Schema = {}
    properties: Schema = {}
    for channel in known:
        schema = dict(channel.schema or {})
        for keyword in _DEFINITIONS:
            if found := schema.pop(keyword, None):
                definitions.setdefault(keyword, {}).update(found)
        told = {_REDUCER: channel.reducer} if channel.reducer else {}
        properties[channel.name] = {**schema, **told}
    closed = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**closed, **definitions} if known else None


def _channels(state_schema: Plain) -> Iterator[Channel]:
    properties = state_schema.get("properties") if isinstance(state_schema, dict) else None
    if not isinstance(state_schema, dict) or not isinstance(properties, dict):
        return
    for name, described in properties.items():
        if isinstance(name, str) and not name.startswith("__"):
            yield _channel(name, described, state_schema)


def _channel(name: str, described: Plain, root: Schema) -> Channel:
    schema, problem = schemas.part(root, described)
    reducer = described.get(_REDUCER) if isinstance(described, dict) else None
    if schema is not None and "HumanMessage" in schema.get("$defs", {}):
        # LangChain takes many forms that its own schema does not admit.
        schema, problem = None, _MESSAGES
    if schema is not None:
        schema = {key: setting for key, setting in schema.items() if key not in _OF_THE_CHANNEL}
    return Channel(name, schema, problem, reducer if isinstance(reducer, str) else "")
