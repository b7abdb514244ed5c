"""Every pause becomes a request that a person can read and answer."""

import pytest
from hypothesis import assume, given, strategies as st

from agents.reviews import ActionDecision, AnswerShape, DecisionType, answer, prefer, read
from agents.reviews.dialects import approval, human_interrupt, middleware, per_call
from agents.reviews.headline import LIMIT
from agents.reviews.request import Arguments, Pause
from reviewconsole.protocol.plain import Plain
from tests.reviews.plain_values import ARGUMENTS, PLAIN, TEXT

HUMAN = st.fixed_dictionaries(
    {
        "action_request": st.one_of(
            PLAIN, st.fixed_dictionaries({"action": TEXT, "args": ARGUMENTS})
        ),
        "config": st.one_of(
            PLAIN,
            st.dictionaries(
                st.sampled_from(["allow_accept", "allow_edit", "allow_ignore", "allow_respond"]),
                st.booleans(),
            ),
        ),
    },
    optional={"description": st.one_of(TEXT, PLAIN)},
)
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
    st.fixed_dictionaries(
        {
            "type": st.one_of(PLAIN, st.just("tool_approval")),
            "tool_call_id": st.one_of(TEXT, PLAIN),
            "name": st.one_of(TEXT, PLAIN),
            "args": st.one_of(ARGUMENTS, PLAIN),
        },
        optional={"description": st.one_of(TEXT, PLAIN), "gate": st.just("console")},
    ),
    HUMAN,
    st.lists(HUMAN, max_size=2),
    st.fixed_dictionaries(
        {
            "action": st.one_of(TEXT, PLAIN),
            "args": st.one_of(ARGUMENTS, PLAIN),
            "message": st.one_of(TEXT, PLAIN),
        },
        optional={"tool_call_id": PLAIN},
    ),
)
RESPONSES = st.one_of(
    st.none(),
    PLAIN,
    st.builds(
        lambda kind, edited: {
            "properties": {"type": {"const": kind}, "edited_action": edited},
            "required": ["type"],
        },
        st.sampled_from(["approve", "edit", "reject", "respond", "escalate"]),
        st.one_of(
            PLAIN,
            st.fixed_dictionaries(
                {
                    "properties": st.fixed_dictionaries(
                        {
                            "name": PLAIN,
                            "args": st.one_of(PLAIN, st.just({"properties": {"a": {}}})),
                        }
                    )
                }
            ),
        ),
    ),
)
STATES = st.one_of(
    st.none(),
    PLAIN,
    st.fixed_dictionaries(
        {
            "properties": st.dictionaries(
                TEXT, st.one_of(PLAIN, st.just({"type": "string"})), max_size=2
            )
        }
    ),
)
KINDS = st.sampled_from(["interrupt", "breakpoint", "node_interrupt"])
TOOLS = st.lists(st.dictionaries(st.sampled_from(["name", "args_schema"]), PLAIN), max_size=2)


@given(ALMOST, KINDS, RESPONSES, TOOLS, STATES, st.booleans())
def test_every_pause_is_read(value, kind, response_schema, tools, state_schema, raw):
    request = read(
        value,
        kind=kind,
        response_schema=response_schema,
        tools=tools,
        state_schema=state_schema,
        raw=raw,
    )
    assert request.value is value
    assert request.actions
    assert len(request.headline) <= LIMIT
    assert "\n" not in request.headline
    if request.is_question:
        assert [action.allowed for action in request.actions] == [(DecisionType.RESPOND,)]
    if kind != "interrupt":
        assert request.dialect == kind


@given(ALMOST, KINDS, RESPONSES, STATES, st.data())
def test_an_answer_of_what_is_allowed_is_taken(value, kind, response_schema, state_schema, data):
    request = read(value, kind=kind, response_schema=response_schema, state_schema=state_schema)
    assume(all(action.allowed for action in request.actions))  # an unreadable breakpoint
    decisions = []
    for action in request.actions:
        chosen = data.draw(st.sampled_from(action.allowed))
        decisions.append(_decided(request, action, chosen))
    assume(all(decision is not None for decision in decisions))
    sent = answer(request, decisions)
    assert sent.summary
    assert sent.then in ("run", "skip", "write")


def _decided(request, action, chosen):
    """The decision at its simplest; None where only a value made for a schema would do."""
    match chosen:
        case DecisionType.RESPOND if request.is_question:
            return None if request.response_schema else ActionDecision(chosen, answer="Yes.")
        case DecisionType.RESPOND:
            return ActionDecision(chosen, message="Done.")
        case DecisionType.EDIT:
            return None if action.args_schema else ActionDecision(chosen, args={"edited": True})
        case DecisionType.WRITE:
            return None if action.write_schema else ActionDecision(chosen, args={"note": "Hi"})
    return ActionDecision(chosen)


@given(ALMOST, RESPONSES)
def test_no_two_dialects_take_the_same_value_apart(value, response_schema):
    """Questions and raw values overlap by design: a question is a raw value with words in it."""
    pause = Pause(value, "interrupt", response_schema)
    exact = (middleware, per_call, human_interrupt, approval)
    assert sum(dialect.read(pause) is not None for dialect in exact) <= 1


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
        ({"action": "pay", "args": {"to": "bob"}}, "action: pay"),
    ],
    ids=ascii,
)
def test_what_no_dialect_knows_is_a_raw_question(value, headline):
    request = read(value, kind="interrupt")
    assert (request.dialect, request.headline) == ("raw", headline)
    assert request.shapes == (AnswerShape.TEXT, AnswerShape.DATA, AnswerShape.JSON)
    assert request.note


@pytest.mark.parametrize(
    "value",
    [
        "Go on?",
        {"action_requests": [], "review_configs": []},
        {
            "action_requests": [{"name": "t", "args": {}}],
            "review_configs": [{"action_name": "t", "allowed_decisions": ["approve"]}],
        },
    ],
)
def test_what_is_not_guessed_is_read_as_ever_although_json_was_asked_for(value):
    assert read(value, kind="interrupt", raw=True) == read(value, kind="interrupt")


def test_a_shape_that_is_known_to_work_comes_first():
    request = read({"query": "Which plan?"}, kind="interrupt")
    assert request.shapes == (AnswerShape.DATA, AnswerShape.TEXT, AnswerShape.JSON)
    preferred = prefer(request, AnswerShape.JSON)
    assert preferred.shapes == (AnswerShape.JSON, AnswerShape.DATA, AnswerShape.TEXT)
    decision = ActionDecision(DecisionType.RESPOND, answer={"plan": "B"})
    assert answer(preferred, [decision]).resume == {"plan": "B"}
    assert prefer(request, AnswerShape.TYPED) is request
    assert prefer(request, None) is request
