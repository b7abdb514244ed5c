"""A tool that its author marks runs twice without anybody being asked."""

from __future__ import annotations

import pytest
from langchain_core.tools import tool

from reviewconsole.runner.idempotence import is_idempotent


@tool
def look_up(order: int) -> str:
    """Look an order up."""
    return str(order)


@pytest.mark.parametrize(
    ("metadata", "is_marked"),
    [
        (None, False),
        ({}, False),
        ({"idempotent": True}, True),
        ({"idempotentHint": True}, True),
        ({"readOnlyHint": True}, True),
        ({"readOnlyHint": False}, False),
        ({"idempotent": "yes"}, False),
    ],
)
def test_only_a_plain_mark_counts(metadata, is_marked):
    assert is_idempotent(look_up.model_copy(update={"metadata": metadata})) is is_marked
