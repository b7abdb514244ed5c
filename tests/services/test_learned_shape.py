"""The shape of an answer that this agent took last is offered first."""

import pytest

from agents.models import Run
from agents.reviews import ActionDecision, AnswerShape, DecisionType
from agents.services import interrupts
from tests.factories import (
    APPROVE,
    apply,
    decide,
    fail,
    finish,
    make_interrupt,
    take,
    tool_review,
)

TEXT, DATA, JSON = AnswerShape.TEXT, AnswerShape.DATA, AnswerShape.JSON


def answer(user, shape, *, end=finish, value="Which one?", **fields):
    asked = make_interrupt(value, **fields)
    made = ActionDecision(DecisionType.RESPOND, answer="this", shape=shape)
    run = decide(asked, user, made).run
    take(run)
    apply(run)
    end(run)


def offered(value="Which one?", **fields):
    return interrupts.request_of(make_interrupt(value, **fields)).shapes


def test_without_an_answer_the_usual_shape_stands_first(db):
    assert interrupts.learned_shape(make_interrupt()) is None
    assert offered() == (TEXT, DATA, JSON)


def test_the_shape_that_was_taken_last_stands_first(alice):
    answer(alice, JSON)
    assert offered() == (JSON, TEXT, DATA)
    answer(alice, DATA)
    assert offered() == (DATA, TEXT, JSON)


def test_a_shape_that_was_not_chosen_but_sent_is_learned_too(alice):
    answer(alice, None, value={"query": "Which one?"})
    assert offered() == (DATA, TEXT, JSON)


def test_a_run_that_failed_teaches_nothing(alice):
    answer(alice, JSON, end=fail)
    assert offered() == (TEXT, DATA, JSON)


def test_an_answer_that_is_on_its_way_teaches_nothing(alice):
    decide(make_interrupt(), alice, ActionDecision(DecisionType.RESPOND, answer=1, shape=JSON))
    assert offered() == (TEXT, DATA, JSON)


@pytest.mark.parametrize("fields", [{"agent": "another"}, {"node": "another"}])
def test_other_agents_and_nodes_teach_nothing(alice, fields):
    answer(alice, JSON, **fields)
    assert offered() == (TEXT, DATA, JSON)
    assert offered(**fields) == (JSON, TEXT, DATA)


def test_another_kind_of_question_teaches_nothing(alice):
    answer(alice, JSON, value=5)
    assert offered() == (TEXT, DATA, JSON)


def test_calls_have_no_shape(alice, django_assert_num_queries):
    review = make_interrupt(tool_review())
    run = decide(review, alice, APPROVE).run
    take(run)
    apply(run)
    with django_assert_num_queries(0):
        assert interrupts.request_of(review).shapes == ()
    assert interrupts.learned_shape(review) is None


def test_a_question_is_read_with_one_query(alice, django_assert_num_queries):
    asked = make_interrupt()
    with django_assert_num_queries(1):
        interrupts.request_of(asked)
    with django_assert_num_queries(0):
        interrupts.request_of(asked, learned=False)


def test_an_answer_is_sent_as_its_form_said_whatever_was_learned_since(alice):
    """A form without a shape means the usual one, as it was before anyone answered."""
    asked = make_interrupt("Which one?")
    answer(alice, DATA)
    assert decide(asked, alice).resume == "Ask Bob."
    assert Run.objects.filter(trigger="resume").count() == 2
