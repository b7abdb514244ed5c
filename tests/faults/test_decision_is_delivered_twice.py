"""A decision reaches the agent twice: it is applied once, and never to the next question."""

from agents.models import Decision, Run
from tests.faults.conftest import AGENTS
from tests.faults.reviewing import pause, respond, start, wait_for_end


def test_the_first_answer_never_answers_the_second_question(console, start_runner, effects, alice):
    """The run that carried the first answer is queued again, as after a lost runner."""
    start_runner(console, agents=AGENTS)
    thread = start("pay")
    small = pause(thread)
    respond(small, alice, "one euro is fine")
    large = pause(thread, after=small)

    # What a lost lease does, done to a run whose work was finished: everything is sent again.
    resumed = Decision.objects.get(interrupt=small).run
    large.delete()
    Run.objects.filter(pk=resumed.pk).update(status=Run.Status.QUEUED, runner=None)
    Decision.objects.filter(interrupt=small).update(status=Decision.Status.RECORDED)

    again = pause(thread, after=small)
    assert (again.value, effects.read()) == ("pay 1000000?", [])
    respond(again, alice, "no")
    assert wait_for_end(thread).status == Run.Status.SUCCEEDED
    assert effects.read() == [{"effect": "paid", "small": "one euro is fine", "large": "no"}]
