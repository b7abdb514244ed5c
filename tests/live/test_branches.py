"""What belongs to a branch of a thread."""

import pytest

from agents.live.branches import Branch
from agents.models import Interrupt, Run

BACK = Run(pk=5, from_checkpoint_id="2")


def branch(*way: str, travels: tuple[Run, ...] = ()) -> Branch:
    """A branch in a store that knows the checkpoints 1 to 4."""
    return Branch(way[0], way, {}, travels, frozenset("1234"))


@pytest.mark.parametrize(
    ("checkpoint_id", "run", "expected"),
    [
        ("2", 3, True),
        ("4", 3, False),  # on another branch
        ("unknown", 3, True),  # nothing speaks against it
    ],
)
def test_a_question_belongs_to_the_branch_of_its_checkpoint(
    checkpoint_id: str, run: int, *, expected: bool
):
    asked = Interrupt(checkpoint_id=checkpoint_id, run_id=run)
    assert branch("3", "2", "1").has(asked) is expected


def test_a_replay_leaves_what_was_asked_at_its_checkpoint():
    here = branch("3", "2", "1", travels=(BACK,))
    assert not here.has(Interrupt(checkpoint_id="2", run_id=4))
    assert here.has(Interrupt(checkpoint_id="2", run_id=5))  # it asked there again
    assert here.has(Interrupt(checkpoint_id="1", run_id=4))


def test_a_run_has_ended_where_its_last_checkpoint_is():
    here = branch("3", "1")
    ends = [Run(checkpoint_id=each) for each in ("3", "2", "")]
    assert [here.has_ended(run) for run in ends] == [True, False, True]
