"""The decision form: what a reviewer chose and typed, and the decisions it means.

One form for a whole pause. It is the same object whether nothing was posted yet, half of it is
made, it is a draft of yesterday, or it was refused: whatever was typed is in it, to be shown again.

    pause_form       the page: every open question of a pause
    question_form    one question (an interrupt): its parts are …
    action_form      … decisions on calls or nodes, or …
    answer_form      … the answer in the reviewer's words
    state_form       changes of the agent's state, made before it goes on
    value_form       a value as fields, used by all of these
    travel_form      orders about a thread's past: replay, fork, copy, another decision

Each module says what a post holds for it.
"""

from agents.forms.pause_form import PauseForm
from agents.forms.question_form import QuestionForm, is_raw
from agents.forms.state_form import StateForm
from agents.forms.travel_form import ForkForm, TravelForm

__all__ = ["ForkForm", "PauseForm", "QuestionForm", "StateForm", "TravelForm", "is_raw"]
