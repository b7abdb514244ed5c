"""A question is asked in words and answered in the shape that was chosen."""

import pytest

from agents.exceptions import InvalidAnswer
from agents.reviews import ActionDecision, AnswerShape, DecisionType, answer, read

RESPOND = DecisionType.RESPOND


@pytest.mark.parametrize(
    ("value", "question", "usual"),
    [
        ("Shall I go on?", "Shall I go on?", AnswerShape.TEXT),
        ({"query": "Which plan?"}, "Which plan?", AnswerShape.DATA),
        ({"question": "Which plan?", "options": ["a", "b"]}, "Which plan?", AnswerShape.TEXT),
    ],
)
def test_the_question_and_its_usual_shape(value, question, usual):
    request = read(value, kind="interrupt")
    assert (request.dialect, request.question, request.shapes[0]) == ("question", question, usual)
    assert set(request.shapes) == {AnswerShape.TEXT, AnswerShape.DATA, AnswerShape.JSON}


@pytest.mark.parametrize(
    ("shape", "words", "resume"),
    [
        (None, "Plan B", {"data": "Plan B"}),
        (AnswerShape.DATA, "Plan B", {"data": "Plan B"}),
        (AnswerShape.TEXT, "true", "true"),
        (AnswerShape.JSON, True, True),
        (AnswerShape.JSON, None, None),
        (AnswerShape.JSON, {"plan": "B"}, {"plan": "B"}),
    ],
)
def test_the_agent_receives_the_shape_that_was_chosen(shape, words, resume):
    request = read({"query": "Which plan?"}, kind="interrupt")
    assert answer(request, [ActionDecision(RESPOND, answer=words, shape=shape)]).resume == resume


@pytest.mark.parametrize(
    ("decision", "errors"),
    [
        (ActionDecision(RESPOND), {"actions.0.answer": "Write an answer."}),
        (ActionDecision(RESPOND, answer=" \n"), {"actions.0.answer": "Write an answer."}),
        (ActionDecision(RESPOND, answer=7), {"actions.0.answer": "Write an answer."}),
        (
            ActionDecision(RESPOND, message="yes", answer="yes"),
            {"actions.0.message": "The answer to a question is its answer, not a message."},
        ),
        (
            ActionDecision(RESPOND, args={}, answer="yes"),
            {"actions.0.args": "A question has no arguments; write an answer."},
        ),
        (
            ActionDecision(RESPOND, answer="yes", shape=AnswerShape.TYPED),
            {
                "actions.0.shape": (
                    "This question cannot be answered as typed; possible: data, text, json."
                )
            },
        ),
        (
            ActionDecision(DecisionType.APPROVE),
            {"actions.0.type": "approve is not allowed for question; allowed: respond."},
        ),
        (
            ActionDecision(RESPOND, answer=[2**64], shape=AnswerShape.JSON),
            {"actions.0.answer.0": "Needs more than 64 bits and cannot be stored."},
        ),
    ],
)
def test_an_answer_that_is_none_is_refused(decision, errors):
    request = read({"query": "Which plan?"}, kind="interrupt")
    with pytest.raises(InvalidAnswer) as refusal:
        answer(request, [decision])
    assert refusal.value.errors == errors


def test_the_summary_tells_the_answer():
    request = read("Which plan?", kind="interrupt")
    assert answer(request, [ActionDecision(RESPOND, answer="B")]).summary == "answered: B"
    decision = ActionDecision(RESPOND, answer={"plan": 1.0}, shape=AnswerShape.JSON)
    assert answer(request, [decision]).summary == 'answered: {"plan": 1.0}'
