"""The installed LangGraph makes objects of exactly the types that we say it does."""

import pytest
from langgraph.checkpoint.serde._msgpack import SAFE_MSGPACK_METHODS, SAFE_MSGPACK_TYPES
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from agents.reviews.restored_types import METHODS, RESTORED, is_restored
from reviewconsole.protocol import plain
from reviewconsole.protocol.plain import Typed


def test_the_types_are_those_of_langgraph():
    assert (RESTORED, METHODS) == (SAFE_MSGPACK_TYPES, SAFE_MSGPACK_METHODS)


@pytest.mark.parametrize(
    ("value", "restored"),
    [
        (Typed(0, "uuid", "UUID", "00000000000000000000000000000007"), True),
        (Typed(3, "datetime", "datetime", "2026-11-22T09:30:00", "fromisoformat"), True),
        (Typed(3, "datetime", "datetime", "2026", "strptime"), False),
        (Typed(5, "shop", "Order", {"id": 1}, "model_validate_json"), False),
        (Typed(0, "os", "system", "true"), False),
        (Typed(90, "", "", b"x"), False),
    ],
    ids=lambda part: str(getattr(part, "payload", part)),
)
def test_what_is_not_restored_is_data_or_nothing(value, restored):
    strict = JsonPlusSerializer(allowed_msgpack_modules=None)
    got = strict.loads_typed(plain.encode(value))
    assert is_restored(value) is restored
    assert isinstance(got, str | dict | None) is not restored
