"""The decision form: from what was posted to what was decided, and back to what was typed."""

from typing import Any

import pytest

from agents import reviews
from agents.exceptions import InvalidAnswer
from agents.forms import PauseForm
from agents.forms.action_form import ActionForm
from agents.forms.answer_form import AnswerForm
from agents.models import Interrupt
from agents.reviews import ActionDecision, AnswerShape, DecisionType, raw_json
from agents.reviews.fields import Field
from agents.reviews.request import PauseKind
from reviewconsole.protocol.messages import Moving
from reviewconsole.protocol.plain import Plain
from tests.factories import EMAIL, REFUND, breakpoint_before, describe_agent, tool_review

Post = dict[str, list[str]]
TOOLS = describe_agent()["tools"]
SHOWN = "f" * 64


def form_of(value: Plain, post: Post | None = None, **known: Any) -> PauseForm:
    """The form of a pause, as first shown or as posted."""
    is_stop = isinstance(value, dict) and "breakpoint" in value
    kind: PauseKind = "breakpoint" if is_stop else "interrupt"
    request = reviews.read(value, kind=kind, tools=TOOLS, **known)
    return PauseForm([(Interrupt(pk=1, position=0, fingerprint=SHOWN), request)], post)


def posted(form: PauseForm, **changes: str) -> Post:
    """What a browser posts of a form as it is shown; `changes` are typed over, by input name."""
    post: Post = {}
    for part in form.parts:
        if isinstance(part, ActionForm):
            post[f"{part.name}.type"] = [part.word]
            post |= _inputs(part.args.root) if part.args else {}
        elif part.fields:
            post |= _inputs(part.fields.root)
    return post | {name: [text] for name, text in changes.items()}


def decisions(form: PauseForm) -> tuple[ActionDecision, ...]:
    """What was decided in the one question of a form."""
    (submission,) = form.made().submissions
    return tuple(submission.decisions)


def call(form: PauseForm, number: int = 0) -> ActionForm:
    """One of its calls."""
    part = form.parts[number]
    assert isinstance(part, ActionForm)
    return part


def args_of(form: PauseForm, number: int = 0) -> Field:
    """The form of a call's arguments."""
    args = call(form, number).args
    assert args is not None
    return args.root


def fields_of(form: PauseForm) -> Field:
    """The form of a typed answer."""
    fields = question(form).fields
    assert fields is not None
    return fields.root


def question(form: PauseForm) -> AnswerForm:
    """Its one question."""
    assert form.lone_question is not None
    return form.lone_question


def preview(form: PauseForm) -> str:
    """What would be sent, as JSON; empty while nothing could be."""
    answer = form.questions[0].answer
    return raw_json.dump(answer.resume) if answer else ""


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
    form = form_of(tool_review(), {"questions.0.actions.0.type": ["edit", "approve"]})
    assert decisions(form) == (ActionDecision(DecisionType.APPROVE),)


def test_nothing_chosen_is_no_decision() -> None:
    for post in (None, {}, {"questions.0.actions.0.type": [""]}):
        with pytest.raises(InvalidAnswer) as refused:
            decisions(form_of(tool_review(), post))
        assert refused.value.errors == {"questions.0.actions.0.type": "Decide on send_email."}


def test_an_unknown_decision_is_told_and_is_no_decision() -> None:
    form = form_of(tool_review(), {"questions.0.actions.0.type": ["accept"]})
    assert call(form).errors == {"type": "'accept' is not a decision."}
    with pytest.raises(InvalidAnswer):
        decisions(form)


def test_words_of_the_other_panel_are_not_sent() -> None:
    typed = {
        "questions.0.actions.0.reason": ["Wrong customer."],
        "questions.0.actions.0.reply": ["Sent by phone."],
    }
    rejected = form_of(tool_review(), {"questions.0.actions.0.type": ["reject"], **typed})
    assert decisions(rejected) == (ActionDecision(DecisionType.REJECT, message="Wrong customer."),)
    answered = form_of(tool_review(), {"questions.0.actions.0.type": ["respond"], **typed})
    assert decisions(answered) == (ActionDecision(DecisionType.RESPOND, message="Sent by phone."),)


def test_line_ends_of_browsers_are_those_that_were_typed() -> None:
    form = form_of(
        tool_review(),
        {"questions.0.actions.0.type": ["reject"], "questions.0.actions.0.reason": ["a\r\nb"]},
    )
    assert decisions(form)[0].message == "a\nb"


def test_an_edit_keeps_the_types_of_what_was_not_touched() -> None:
    value = tool_review(("refund", REFUND))
    post = posted(
        form_of(value),
        **{"questions.0.actions.0.type": "edit", "questions.0.actions.0.args.order": "8813"},
    )
    (decision,) = decisions(form_of(value, post))
    assert decision == ActionDecision(DecisionType.EDIT, args=REFUND | {"order": 8813})
    assert isinstance(decision.args, dict)
    assert repr(decision.args["amount"]) == "120.0"


def test_an_edit_that_changes_nothing_is_no_decision() -> None:
    post = posted(form_of(tool_review()), **{"questions.0.actions.0.type": "edit"})
    with pytest.raises(InvalidAnswer) as refused:
        decisions(form_of(tool_review(), post))
    assert list(refused.value.errors) == ["questions.0.actions.0.args"]


def test_a_bad_edit_is_refused_at_its_field_and_keeps_what_was_typed() -> None:
    value = tool_review(("refund", REFUND))
    post = posted(
        form_of(value),
        **{"questions.0.actions.0.type": "edit", "questions.0.actions.0.args.amount": "12o"},
    )
    form = form_of(value, post)
    with pytest.raises(InvalidAnswer) as refused:
        decisions(form)
    form.refuse(refused.value.errors)
    field = next(
        f for f in args_of(form, 0).walk() if f.name == "questions.0.actions.0.args.amount"
    )
    assert (field.text, field.error) == ("12o", "Must be a number, such as 12.5.")
    assert form.summary() == [
        ("questions.0.actions.0.args.amount", "Must be a number, such as 12.5.")
    ]
    assert call(form).changes is None


def test_an_edit_where_none_is_allowed_is_refused() -> None:
    value = tool_review(allowed=("approve", "reject"))
    form = form_of(
        value,
        {
            "questions.0.actions.0.type": ["edit"],
            "questions.0.actions.0.args.to": ["bob@example.com"],
        },
    )
    assert call(form).args is None
    with pytest.raises(InvalidAnswer) as refused:
        decisions(form)
    assert refused.value.errors == {"questions.0.actions.0.type": "send_email may not be edited."}


def test_every_call_needs_its_own_decision() -> None:
    value = tool_review(("send_email", EMAIL), ("refund", REFUND))
    form = form_of(
        value, {"questions.0.actions.0.type": ["approve"], "questions.0.actions.1.type": [""]}
    )
    assert form.undecided == 1
    with pytest.raises(InvalidAnswer) as refused:
        decisions(form)
    assert refused.value.errors == {"questions.0.actions.1.type": "Decide on refund."}
    form = form_of(
        value, {"questions.0.actions.0.type": ["approve"], "questions.0.actions.1.type": ["reject"]}
    )
    assert [decision.type for decision in decisions(form)] == ["approve", "reject"]


def test_errors_of_the_review_stand_beside_what_they_are_about() -> None:
    value = tool_review(("send_email", EMAIL), ("refund", REFUND))
    post: Post = {"questions.0.actions.0.type": ["respond"], "questions.0.actions.1.type": ["edit"]}
    form = form_of(value, post)
    form.refuse(
        {
            "questions.0.actions.0.message": "Write it.",
            "questions.0.actions.1.args.order": "Is too small.",
        }
    )
    assert call(form).errors == {"reply": "Write it."}
    assert [f.error for f in args_of(form, 1).walk() if f.error] == ["Is too small."]
    assert form.summary() == [
        ("questions.0.actions.0.reply", "Write it."),
        ("questions.0.actions.1.args.order", "Is too small."),
    ]


def test_a_question_is_answered_in_the_shape_that_was_chosen() -> None:
    query: Plain = {"query": "Which expert?"}
    usual = form_of(query, {"questions.0.actions.0.answer": ["Ask Bob."]})
    assert decisions(usual) == (
        ActionDecision(DecisionType.RESPOND, answer="Ask Bob.", shape=AnswerShape.DATA),
    )
    assert preview(usual) == '{\n  "data": "Ask Bob."\n}'
    text = form_of(
        query,
        {"questions.0.actions.0.answer": ["Ask Bob."], "questions.0.actions.0.shape": ["text"]},
    )
    assert preview(text) == '"Ask Bob."'
    json = form_of(
        query,
        {"questions.0.actions.0.answer": ['{"n": 1}'], "questions.0.actions.0.shape": ["json"]},
    )
    assert decisions(json)[0].answer == {"n": 1}


def test_an_answer_that_is_not_json_says_where() -> None:
    post: Post = {
        "questions.0.actions.0.answer": ["{oops"],
        "questions.0.actions.0.shape": ["json"],
    }
    form = form_of("Which?", post)
    with pytest.raises(InvalidAnswer) as refused:
        decisions(form)
    form.refuse(refused.value.errors)
    assert question(form).text == "{oops"
    assert question(form).errors["answer"].startswith("Line 1, column 2")
    assert preview(form) == ""


def test_a_response_schema_makes_fields_and_a_typed_answer() -> None:
    schema: Plain = {
        "type": "object",
        "properties": {"ok": {"type": "boolean"}, "limit": {"type": "integer"}},
        "required": ["ok", "limit"],
    }
    shown = form_of("How much?", response_schema=schema)
    names = [field.name for field in fields_of(shown).walk()]
    assert names == [
        "questions.0.actions.0.answer",
        "questions.0.actions.0.answer.ok",
        "questions.0.actions.0.answer.limit",
    ]
    with pytest.raises(InvalidAnswer) as refused:
        decisions(form_of("How much?", posted(shown), response_schema=schema))
    assert set(refused.value.errors) == {
        "questions.0.actions.0.answer.ok",
        "questions.0.actions.0.answer.limit",
    }
    yes = next(
        choice.key
        for field in fields_of(shown).walk()
        for choice in field.choices
        if choice.value is True
    )
    post = posted(
        shown,
        **{
            "questions.0.actions.0.answer.ok": yes,
            "questions.0.actions.0.answer.limit": str(2**60),
        },
    )
    form = form_of("How much?", post, response_schema=schema)
    assert decisions(form)[0].answer == {"ok": True, "limit": 2**60}


def test_a_breakpoint_is_previewed_as_the_runner_gets_it() -> None:
    value = breakpoint_before(("send_email", EMAIL))
    form = form_of(value, {"questions.0.actions.0.type": ["approve"]})
    assert preview(form) == (
        '{\n  "calls": [\n    {\n      "id": "call_0",\n      "type": "approve"\n    }\n  ]\n}'
    )


def test_what_was_typed_can_be_copied_from_a_form_that_came_too_late() -> None:
    post = posted(
        form_of(tool_review()),
        **{
            "questions.0.actions.0.args.to": "bob@example.com",
            "questions.0.actions.0.reason": "Wrong.",
        },
    )
    reason, edit = form_of(tool_review(), post).typed()
    assert reason == ("Reason to reject send_email", "Wrong.")
    assert edit[0] == "Edited arguments of send_email"
    assert '"to": "bob@example.com"' in edit[1]
    assert form_of(tool_review()).typed() == []
    assert form_of("Which?", {"questions.0.actions.0.answer": ["This."]}).typed() == [
        ("Your answer", "This.")
    ]


def form_of_two(post: Post | None = None) -> PauseForm:
    """The form of a question beside two calls."""
    values: list[Plain] = [
        {"query": "Which?"},
        tool_review(("send_email", EMAIL), ("refund", REFUND)),
    ]
    asked = [
        (
            Interrupt(pk=number, position=number, fingerprint=SHOWN),
            reviews.read(value, kind="interrupt"),
        )
        for number, value in enumerate(values)
    ]
    return PauseForm(asked, post)


def test_a_pause_of_several_questions_is_decided_in_one_post() -> None:
    form = form_of_two(
        {
            "questions.0.actions.0.answer": ["This."],
            "questions.0.actions.0.shape": ["text"],
            "questions.1.actions.0.type": ["approve"],
            "questions.1.actions.1.type": ["reject"],
        }
    )
    assert (form.single, form.lone_question, form.undecided) == (None, None, 0)
    made = form.made()
    assert [one.interrupt for one in made.submissions] == [0, 1]
    assert made.submissions[0].decisions[0].answer == "This."
    assert [one.type for one in made.submissions[1].decisions] == ["approve", "reject"]


def test_what_is_missing_in_several_questions_is_told_at_once() -> None:
    form = form_of_two({"questions.0.actions.0.shape": ["json"]})
    assert form.undecided == 3
    with pytest.raises(InvalidAnswer) as refused:
        form.made()
    form.refuse(refused.value.errors)
    assert [anchor for anchor, _ in form.summary()] == [
        "questions.0.actions.0.answer",
        "questions.1.actions.0.type",
        "questions.1.actions.1.type",
    ]


def test_an_answer_is_bound_to_what_does_not_move_only_if_that_was_asked_for() -> None:
    part = {"path": '["at"]', "how": "value"}
    interrupt = Interrupt(pk=1, position=0, fingerprint=SHOWN, moving=[part])
    request = reviews.read("Which?", kind="interrupt")
    answer = {"questions.0.actions.0.answer": ["This."]}
    for ticked, moving in (({}, ()), ({"questions.0.moving": ["on"]}, (Moving(**part),))):
        (submission,) = PauseForm([(interrupt, request)], answer | ticked).made().submissions
        assert tuple(submission.moving) == moving


def test_a_node_without_a_schema_is_written_for_as_json() -> None:
    value: Plain = {"breakpoint": "before", "nodes": ["publish"], "tool_calls": []}
    assert args_of(form_of(value)).kind == "json"
    typed = {
        "questions.0.actions.0.type": ["write"],
        "questions.0.actions.0.args:json": ['{"a": 1}'],
    }
    (decision,) = decisions(form_of(value, typed))
    assert decision == ActionDecision(DecisionType.WRITE, args={"a": 1})
    empty = form_of(value, typed | {"questions.0.actions.0.args:json": ["[1]"]})
    with pytest.raises(InvalidAnswer) as refused:
        decisions(empty)
    assert refused.value.errors == {
        "questions.0.actions.0.args": "This is an object: keys with values."
    }
