"""Two reviewers, a timer and a cancel on one pause: one wins, the three others are told who.

`python -m tests.chaos.races --rounds 1000` is the long form.
"""

import pytest

from tests.chaos.races import cast, race_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]

ROUNDS = 20


def test_one_wins_and_three_are_told_who():
    people = cast()
    rounds = [race_once(people) for _ in range(ROUNDS)]
    assert [line for ended in rounds for line in ended.broken] == []
    assert {ended.winner for ended in rounds} <= set(people)
