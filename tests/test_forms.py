"""The decision form: from what was posted to what was decided, and back to what was typed."""

import pytest

from agents import reviews
from agents.exceptions import InvalidAnswer
from agents.forms import DecisionForm
from agents.reviews import ActionDecision, AnswerShape, DecisionType
from agents.reviews.fields import Field
from agents.reviews.request import PauseKind
from reviewconsole.protocol.plain import Plain
from tests.factories import EMAIL, REFUND, breakpoint_before, describe_agent, tool_review

Post = dict[str, list[str]]
TOOLS = describe_agent()["tools"]
SHOWN = "f" * 64


def form_of(value: Plain, post: Post | None = None, **known: Plain) -> DecisionForm:
    """The form of a pause, as first shown or as posted."""
    is_stop = isinstance(value, dict) and "breakpoint" in value
    kind: PauseKind = "breakpoint" if is_stop else "interrupt"
    request = reviews.read(value, kind=kind, tools=TOOLS, **known)
    return DecisionForm(request, SHOWN, post)


def posted(form: DecisionForm, **changes: str) -> Post:
    """What a browser posts of a form as it is shown; `changes` are typed over, by input name."""
    post: Post = {}
    for call in form.calls:
        post[f"{call.name}.type"] = [call.type or ""]
        if call.args:
            post |= _inputs(call.args)
    if form.question and form.question.fields:
        post |= _inputs(form.question.fields)
    return post | {name: [text] for name, text in changes.items()}


def _inputs(form: Field) -> Post:
    post: Post = {}
    for field in form.walk():
        if field.kind == "array":
            post[field.item_name] = ["", *(item.key for item in field.fields)]
        elif field.choices:
            post[field.input_name] = [choice.key for choice in field.choices if choice.selected]
        elif field.kind != "object":
            post[field.input_name] = [field.text]
        if len(field.states) > 1:
            post[field.state_name] = post[field.was_name] = [field.state]
    return post


def test_the_last_type_counts_as_buttons_come_after_the_hidden_draft() -> None:
    form = form_of(tool_review(), {"actions.0.type": ["edit", "approve"]})
    assert form.decisions() == (ActionDecision(DecisionType.APPROVE),)


def test_nothing_chosen_is_no_decision() -> None:
    for post in (None, {}, {"actions.0.type": [""]}):
        with pytest.raises(InvalidAnswer) as refused:
            form_of(tool_review(), post).decisions()
        assert refused.value.errors == {"actions.0.type": "Decide on send_email."}


def test_an_unknown_decision_is_told_and_is_no_decision() -> None:
    form = form_of(tool_review(), {"actions.0.type": ["accept"]})
    assert form.calls[0].errors == {"type": "'accept' is not a decision."}
    with pytest.raises(InvalidAnswer):
        form.decisions()


def test_words_of_the_other_panel_are_not_sent() -> None:
    typed = {"actions.0.reason": ["Wrong customer."], "actions.0.reply": ["Sent by phone."]}
    rejected = form_of(tool_review(), {"actions.0.type": ["reject"], **typed})
    assert rejected.decisions() == (ActionDecision(DecisionType.REJECT, message="Wrong customer."),)
    answered = form_of(tool_review(), {"actions.0.type": ["respond"], **typed})
    assert answered.decisions() == (ActionDecision(DecisionType.RESPOND, message="Sent by phone."),)


def test_line_ends_of_browsers_are_those_that_were_typed() -> None:
    form = form_of(tool_review(), {"actions.0.type": ["reject"], "actions.0.reason": ["a\r\nb"]})
    assert form.decisions()[0].message == "a\nb"


def test_an_edit_keeps_the_types_of_what_was_not_touched() -> None:
    value = tool_review(("refund", REFUND))
    post = posted(form_of(value), **{"actions.0.type": "edit", "actions.0.args.order": "8813"})
    (decision,) = form_of(value, post).decisions()
    assert decision == ActionDecision(DecisionType.EDIT, args=REFUND | {"order": 8813})
    assert isinstance(decision.args, dict)
    assert repr(decision.args["amount"]) == "120.0"


def test_an_edit_that_changes_nothing_is_no_decision() -> None:
    post = posted(form_of(tool_review()), **{"actions.0.type": "edit"})
    with pytest.raises(InvalidAnswer) as refused:
        form_of(tool_review(), post).decisions()
    assert list(refused.value.errors) == ["actions.0.args"]


def test_a_bad_edit_is_refused_at_its_field_and_keeps_what_was_typed() -> None:
    value = tool_review(("refund", REFUND))
    post = posted(form_of(value), **{"actions.0.type": "edit", "actions.0.args.amount": "12o"})
    form = form_of(value, post)
    with pytest.raises(InvalidAnswer) as refused:
        form.decisions()
    form.refuse(refused.value.errors)
    assert form.calls[0].args is not None
    field = next(f for f in form.calls[0].args.walk() if f.name == "actions.0.args.amount")
    assert (field.text, field.error) == ("12o", "Must be a number, such as 12.5.")
    assert form.summary() == [("actions.0.args.amount", "Must be a number, such as 12.5.")]
    assert form.calls[0].changes is None


def test_an_edit_where_none_is_allowed_is_refused() -> None:
    value = tool_review(allowed=("approve", "reject"))
    form = form_of(value, {"actions.0.type": ["edit"], "actions.0.args.to": ["bob@example.com"]})
    assert form.calls[0].args is None
    with pytest.raises(InvalidAnswer) as refused:
        form.decisions()
    assert refused.value.errors == {"actions.0.type": "send_email may not be edited."}


def test_every_call_needs_its_own_decision() -> None:
    value = tool_review(("send_email", EMAIL), ("refund", REFUND))
    form = form_of(value, {"actions.0.type": ["approve"], "actions.1.type": [""]})
    assert form.undecided == 1
    with pytest.raises(InvalidAnswer) as refused:
        form.decisions()
    assert refused.value.errors == {"actions.1.type": "Decide on refund."}
    form = form_of(value, {"actions.0.type": ["approve"], "actions.1.type": ["reject"]})
    assert [decision.type for decision in form.decisions()] == ["approve", "reject"]


def test_errors_of_the_review_stand_beside_what_they_are_about() -> None:
    value = tool_review(("send_email", EMAIL), ("refund", REFUND))
    post: Post = {"actions.0.type": ["respond"], "actions.1.type": ["edit"]}
    form = form_of(value, post)
    form.refuse({"actions.0.message": "Write it.", "actions.1.args.order": "Is too small."})
    assert form.calls[0].errors == {"reply": "Write it."}
    assert form.calls[1].args is not None
    assert [f.error for f in form.calls[1].args.walk() if f.error] == ["Is too small."]
    assert form.summary() == [
        ("actions.0.reply", "Write it."),
        ("actions.1.args.order", "Is too small."),
    ]


def test_a_question_is_answered_in_the_shape_that_was_chosen() -> None:
    query: Plain = {"query": "Which expert?"}
    usual = form_of(query, {"actions.0.answer": ["Ask Bob."]})
    assert usual.decisions() == (
        ActionDecision(DecisionType.RESPOND, answer="Ask Bob.", shape=AnswerShape.DATA),
    )
    assert usual.preview() == '{\n  "data": "Ask Bob."\n}'
    text = form_of(query, {"actions.0.answer": ["Ask Bob."], "actions.0.shape": ["text"]})
    assert text.preview() == '"Ask Bob."'
    json = form_of(query, {"actions.0.answer": ['{"n": 1}'], "actions.0.shape": ["json"]})
    assert json.decisions()[0].answer == {"n": 1}


def test_an_answer_that_is_not_json_says_where() -> None:
    post: Post = {"actions.0.answer": ["{oops"], "actions.0.shape": ["json"]}
    form = form_of("Which?", post)
    with pytest.raises(InvalidAnswer) as refused:
        form.decisions()
    form.refuse(refused.value.errors)
    assert form.question is not None
    assert form.question.text == "{oops"
    assert form.question.errors["answer"].startswith("Line 1, column 2")
    assert form.preview() == ""


def test_a_response_schema_makes_fields_and_a_typed_answer() -> None:
    schema: Plain = {
        "type": "object",
        "properties": {"ok": {"type": "boolean"}, "limit": {"type": "integer"}},
        "required": ["ok", "limit"],
    }
    shown = form_of("How much?", response_schema=schema)
    assert shown.question is not None
    assert shown.question.fields is not None
    names = [field.name for field in shown.question.fields.walk()]
    assert names == ["actions.0.answer", "actions.0.answer.ok", "actions.0.answer.limit"]
    with pytest.raises(InvalidAnswer) as refused:
        form_of("How much?", posted(shown), response_schema=schema).decisions()
    assert set(refused.value.errors) == {"actions.0.answer.ok", "actions.0.answer.limit"}
    yes = next(
        choice.key
        for field in shown.question.fields.walk()
        for choice in field.choices
        if choice.value is True
    )
    post = posted(shown, **{"actions.0.answer.ok": yes, "actions.0.answer.limit": str(2**60)})
    form = form_of("How much?", post, response_schema=schema)
    assert form.decisions()[0].answer == {"ok": True, "limit": 2**60}


def test_a_breakpoint_is_previewed_as_the_runner_gets_it() -> None:
    value = breakpoint_before(("send_email", EMAIL))
    form = form_of(value, {"actions.0.type": ["approve"]})
    assert form.preview() == (
        '{\n  "calls": [\n    {\n      "id": "call_0",\n      "type": "approve"\n    }\n  ]\n}'
    )


def test_what_was_typed_can_be_copied_from_a_form_that_came_too_late() -> None:
    post = posted(
        form_of(tool_review()),
        **{"actions.0.args.to": "bob@example.com", "actions.0.reason": "Wrong."},
    )
    reason, edit = form_of(tool_review(), post).typed()
    assert reason == ("Reason to reject send_email", "Wrong.")
    assert edit[0] == "Edited arguments of send_email"
    assert '"to": "bob@example.com"' in edit[1]
    assert form_of(tool_review()).typed() == []
    assert form_of("Which?", {"actions.0.answer": ["This."]}).typed() == [("Your answer", "This.")]
