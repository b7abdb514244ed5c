"""Four who race for one pause: two reviewers, a timer and somebody who calls the thread off.

`python -m tests.chaos.races --rounds 1000` runs many rounds on the database of `DATABASE_URL`, or
on an SQLite database of its own, prints its figures, and exits with 1 if a rule was broken.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import django
from django.apps import apps

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
if not apps.ready:
    django.setup()

from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db import connection

from agents.exceptions import Conflict
from agents.models import Decision, Interrupt, Run
from agents.reviews import ActionDecision, DecisionType
from agents.roles import ADMINS, REVIEWERS
from agents.services import thread_deletion
from tests.factories import APPROVE, decide, dismiss, make_interrupt, tool_review
from tests.faults.racing import race

REJECT = ActionDecision(DecisionType.REJECT, message="wrong customer")
ROLES = {"alice": REVIEWERS, "bob": REVIEWERS, "timer": REVIEWERS, "ada": ADMINS}
"""The timer stands in for deadlines, which do not exist yet: it dismisses, as they would."""


@dataclass(frozen=True, slots=True)
class Round:
    """One race: who won, and every rule that was broken."""

    winner: str
    broken: tuple[str, ...]


def cast() -> dict[str, User]:
    """The four, each with the role it takes."""
    people = {name: User.objects.create_user(name) for name in ROLES}
    for name, role in ROLES.items():
        people[name].groups.add(Group.objects.get(name=role))
    return people


def race_once(people: dict[str, User]) -> Round:
    """Let the four at a new pause at the same moment, and look what is true afterwards."""
    asked = make_interrupt(tool_review())
    attempts: dict[str, Callable[[], Any]] = {
        "alice": partial(decide, asked, people["alice"], APPROVE),
        "bob": partial(decide, asked, people["bob"], REJECT),
        "timer": partial(dismiss, asked, people["timer"], "nobody decided within an hour"),
        "ada": partial(thread_deletion.delete, thread=asked.thread_id, user=people["ada"]),
    }
    results = dict(zip(attempts, race(*attempts.values()), strict=True))
    winners = [name for name, came in results.items() if not isinstance(came, Exception)]
    if len(winners) != 1:
        return Round("nobody" if not winners else " and ".join(winners), (f"won: {winners}",))
    (winner,) = winners
    return Round(winner, tuple(_broken(asked, winner, results)))


def _broken(asked: Interrupt, winner: str, results: dict[str, Any]) -> list[str]:
    broken = []
    for name, refusal in results.items():
        if name != winner and not (isinstance(refusal, Conflict) and winner in str(refusal)):
            broken.append(f"{name} was told {refusal!r}, and {winner} won")
    made = Decision.objects.filter(interrupt=asked).select_related("decided_by")
    deciders = [row.decided_by.get_username() for row in made]
    wanted = [] if winner == "ada" else [winner]
    if deciders != wanted:
        broken.append(f"{winner} won, the decision is by {deciders}")
    queued = Run.objects.filter(resumes=asked.run_id).count()
    if queued != len(wanted):
        broken.append(f"{winner} won, and {queued} runs go on")
    asked.refresh_from_db()
    status = Interrupt.Status.CANCELLED if winner == "ada" else Interrupt.Status.ANSWERED
    if asked.status != status:
        broken.append(f"{winner} won, and the question is {asked.status}")
    return broken


def main(argv: list[str] | None = None) -> int:
    """Run the rounds, print who won how often and what was broken; 1 if anything was."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.races", description=__doc__)
    parser.add_argument("--rounds", type=int, default=1000)
    rounds = parser.parse_args(argv).rounds
    call_command("migrate", verbosity=0)
    people, begun = cast(), time.monotonic()
    won: Counter[str] = Counter()
    broken: list[str] = []
    for _ in range(rounds):
        ended = race_once(people)
        won[ended.winner] += 1
        broken += ended.broken
    for line in broken[:20]:
        sys.stdout.write(f"!! {line}\n")
    figures = {"rounds": rounds, **{f"won by {name}": won[name] for name in ROLES}}
    figures |= {"rules broken": len(broken), "seconds": round(time.monotonic() - begun)}
    lines = [f"| | {connection.vendor} |", "|---|---|"]
    lines += [f"| {name} | {figure:,} |" for name, figure in figures.items()]
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
