"""Every pause becomes a request that a person can read and answer."""

import pytest
from hypothesis import given, strategies as st

from agents.reviews import AnswerShape, DecisionType, read
from agents.reviews.headline import LIMIT
from agents.reviews.request import Arguments
from reviewconsole.protocol.plain import Plain
from tests.reviews.plain_values import ARGUMENTS, PLAIN, TEXT

# Nearly the dialects' own values: each part right, or anything at all.
ALMOST = st.one_of(
    PLAIN,
    st.fixed_dictionaries(
        {
            "action_requests": st.lists(
                st.one_of(PLAIN, st.fixed_dictionaries({"name": TEXT, "args": ARGUMENTS})),
                max_size=2,
            ),
            "review_configs": st.lists(
                st.one_of(
                    PLAIN,
                    st.fixed_dictionaries(
                        {
                            "action_name": TEXT,
                            "allowed_decisions": st.lists(
                                st.one_of(PLAIN, st.sampled_from(["approve", "edit"])), max_size=2
                            ),
                        }
                    ),
                ),
                max_size=2,
            ),
        }
    ),
    st.fixed_dictionaries(
        {
            "breakpoint": st.one_of(PLAIN, st.sampled_from(["before", "after"])),
            "nodes": st.one_of(PLAIN, st.lists(TEXT, max_size=2)),
            "tool_calls": st.one_of(
                PLAIN,
                st.lists(
                    st.fixed_dictionaries({"id": TEXT, "name": TEXT, "args": ARGUMENTS}), max_size=2
                ),
            ),
        }
    ),
    st.fixed_dictionaries({"query": PLAIN}),
)
KINDS = st.sampled_from(["interrupt", "breakpoint"])
TOOLS = st.lists(st.dictionaries(st.sampled_from(["name", "args_schema"]), PLAIN), max_size=2)


@given(ALMOST, KINDS, PLAIN, TOOLS)
def test_every_pause_is_read(value, kind, response_schema, tools):
    request = read(value, kind=kind, response_schema=response_schema, tools=tools)
    assert request.value is value
    assert request.actions
    assert len(request.headline) <= LIMIT
    assert "\n" not in request.headline
    if request.is_question:
        assert [action.allowed for action in request.actions] == [(DecisionType.RESPOND,)]
    if kind == "breakpoint":
        assert request.dialect == "breakpoint"


@given(ALMOST, KINDS)
def test_a_pause_reads_the_same_each_time(value, kind):
    assert repr(read(value, kind=kind)) == repr(read(value, kind=kind))


@pytest.mark.parametrize("kind", ["interrupt", "breakpoint"])
@pytest.mark.parametrize("around", ["list", "dict", "middleware", "breakpoint"])
def test_a_value_nested_beyond_what_can_be_stored_is_still_a_request(kind, around):
    value: Plain = []
    for _ in range(5000):
        value = [value]
    wrapped: Arguments = {
        "list": value,
        "dict": {"a": value},
        "middleware": {
            "action_requests": [{"name": "t", "args": {"a": value}}],
            "review_configs": [{"action_name": "t", "allowed_decisions": ["approve"]}],
        },
        "breakpoint": {
            "breakpoint": "before",
            "nodes": ["n"],
            "tool_calls": [{"id": "1", "name": "t", "args": {"a": value}}],
        },
    }
    request = read(wrapped[around], kind=kind)
    if kind == "interrupt":
        assert request.dialect == "raw"
    else:
        assert request.actions[0].allowed == ()


def test_a_value_as_deep_as_can_be_stored_is_shown():
    value: Plain = []
    for _ in range(200):
        value = [value]
    assert read(value, kind="interrupt").question.replace(" ", "").count("[") == 201


@pytest.mark.parametrize(
    ("value", "headline"),
    [
        (None, "null"),
        (False, "false"),
        (2**60, str(2**60)),
        ([1, 2.0], "[ 1, 2.0 ]"),
        ("  ", '" "'),
        ({"action": "pay", "args": {"to": "bob"}}, '{ "action": "pay", "args": { "to": "bob" } }'),
    ],
    ids=ascii,
)
def test_what_no_dialect_knows_is_a_raw_question(value, headline):
    request = read(value, kind="interrupt")
    assert (request.dialect, request.headline) == ("raw", headline)
    assert request.shapes == (AnswerShape.TEXT, AnswerShape.DATA, AnswerShape.JSON)
    assert request.note
