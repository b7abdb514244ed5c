"""One trial on one database: `python -m tests.chaos.trial OPTIONS`, as `tests.chaos` starts it.

Prints its figures as one line of JSON, after the stories of the threads that broke a rule.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
import time
import traceback
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import django

django.setup()

from django.db import connection  # noqa: E402 -- settings come first

from agents.models import Decision, Effect, Interrupt, Run, Thread  # noqa: E402
from tests.chaos import ledger, plans  # noqa: E402
from tests.chaos.judge import RULES, Violation, judge  # noqa: E402
from tests.chaos.killer import Killer  # noqa: E402
from tests.chaos.reviewers import Habits, Reviewer  # noqa: E402
from tests.chaos.server import Server  # noqa: E402
from tests.chaos.session import Session, Unreachable  # noqa: E402
from tests.chaos.story import tell  # noqa: E402
from tests.chaos.world import World, patiently  # noqa: E402

REVIEWERS = ("alice", "bob", "carol", "dave")
SETTLE_SECONDS = 180  # without any progress, until a thread counts as stuck
STORIES = 3  # told in full


@dataclass(frozen=True, slots=True)
class Options:
    """How long, and how rough."""

    seed: int
    minutes: float
    decisions: int
    kills: int
    threads: int  # at a time


class Trial:
    """Agents at work, people deciding, processes dying; then the judgement."""

    def __init__(self, world: World, options: Options) -> None:
        self._world = world
        self._options = options
        self._habits = Habits()
        self._killer = Killer(world, Random(f"{options.seed} kills"))
        self._chance = Random(f"{options.seed} plans")
        self._olga = Session(world.console.url, "olga")
        self._enough = threading.Event()
        self._begun = time.monotonic()

    def run(self) -> dict[str, Any]:
        """Let it happen, heal everything, judge; return the figures."""
        seed = self._options.seed
        reviewers = [
            Reviewer(self._world, name, Random(f"{seed} {name}"), self._habits)
            for name in REVIEWERS
        ]
        starter = threading.Thread(target=self._start_threads, name="olga", daemon=True)
        for thread in (*reviewers, starter):
            thread.start()
        try:
            self._rage()
        finally:
            self._enough.set()
        self._world.heal()
        starter.join()
        self._settle()
        for reviewer in reviewers:
            reviewer.go_home()
        return self._figures(judge(self._world, self._habits.posted))

    def _rage(self) -> None:
        """Kill, as far as the decisions and the time have come, until both are through."""
        wanted, seconds = self._options.decisions, 60 * self._options.minutes
        chance = Random(f"{self._options.seed} moments")
        struck = 0
        while True:
            made = patiently(Decision.objects.count)
            passed = time.monotonic() - self._begun
            is_late = passed >= seconds
            if is_late or (made >= wanted and self._killer.kills.total() >= self._options.kills):
                return
            due = self._options.kills * min(1.0, max(made / wanted, passed / seconds))
            if self._killer.kills.total() < due:
                if struck % 6 == 5:
                    self._killer.freeze()
                self._killer.strike()
                struck += 1
            time.sleep(chance.uniform(0.1, 0.5))

    def _start_threads(self) -> None:
        try:
            self._keep_busy()
        except Exception:
            self._habits.errors.append(traceback.format_exc())
        finally:
            connection.close()

    def _keep_busy(self) -> None:
        order = 1000
        while not self._enough.is_set():
            if patiently(_at_work) >= self._options.threads:
                self._enough.wait(0.1)
                continue
            order += 1
            plan = plans.make(self._chance, order)
            try:
                self._start(plan)
            except Unreachable:  # perhaps it was started: then there is one more
                self._enough.wait(0.5)

    def _start(self, plan: plans.Plan) -> None:
        path = f"/agents/{plan.agent}/"
        form = self._olga.form(path, "")
        assert form is not None, f"no form at {path}"
        fields = form.filled({"way": "json", "json": json.dumps(plan.input)})
        reply = self._olga.post(path, fields)
        assert reply.code == 302, f"{path} answers {reply.code}"

    def _settle(self) -> None:
        """Wait until nothing runs and nobody is asked, or nothing moves any more."""
        before, since = None, time.monotonic()
        while True:
            now = patiently(_unsettled)
            if not now[0] and not now[1]:
                return
            if now != before:
                before, since = now, time.monotonic()
            if time.monotonic() - since > SETTLE_SECONDS:
                return  # the judge will say that it is stuck
            time.sleep(0.2)

    def _figures(self, violations: list[Violation]) -> dict[str, Any]:
        found = Counter(violation.rule for violation in violations)
        for thread in list(dict.fromkeys(violation.thread for violation in violations))[:STORIES]:
            tell(self._world, thread, violations)
        deeds = ledger.deeds(self._world.ledger)
        decided = Counter(
            action["type"] for row in Decision.objects.all() for action in row.actions
        )
        doubts = Interrupt.objects.filter(value__contains='"doubt"').count()
        resumes = Run.objects.filter(trigger=Run.Trigger.RESUME)
        return {
            "threads": Thread.objects.count(),
            "pauses": Interrupt.objects.values("run").distinct().count(),
            "questions": Interrupt.objects.count(),
            "decisions": Decision.objects.count(),
            **{f"… {kind}": decided[kind] for kind in ("approve", "edit", "reject", "respond")},
            **{f"forms {what}": n for what, n in sorted(self._habits.counted.items())},
            "calls that had their effect": len(deeds),
            "rows of the journal": Effect.objects.count(),
            "calls in doubt": doubts,
            "resumes": resumes.count(),
            "runs taken up again": Run.objects.filter(attempt__gt=1).count(),
            "kills": self._killer.kills.total(),
            **{f"… {name}": n for name, n in sorted(self._killer.kills.items())},
            "processes stopped for a while": self._killer.stops.total(),
            **{rule: found[rule] for rule in RULES},
            "people who failed": len(self._habits.errors),
            "errors": self._habits.errors,
            "seconds": round(time.monotonic() - self._begun),
        }


def _at_work() -> int:
    """How many threads are neither at their end nor broken."""
    unfinished = (Thread.Status.BUSY, Thread.Status.INTERRUPTED)
    return Thread.objects.filter(status__in=unfinished).count()


def _unsettled() -> tuple[int, int, int, int]:
    """How many runs are active and questions open; how many runs and decisions there are."""
    active, pending = Run.objects.active().count(), Interrupt.objects.pending().count()
    return active, pending, Run.objects.count(), Decision.objects.count()


def main(arguments: list[str]) -> int:
    """Run a trial in a folder, with the options as JSON; print the figures as JSON."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # nothing is left running
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)  # the server is killed on purpose
    folder, options = Path(arguments[0]), Options(**json.loads(arguments[1]))
    server = Server(Path(arguments[2])) if arguments[2:] else None
    try:
        if server is not None:
            server.start()
            assert os.environ["DATABASE_URL"] == server.url
        with World(folder, server) as world:
            figures = Trial(world, options).run()
    finally:
        if server is not None:
            server.stop()
    sys.stdout.write(json.dumps(figures) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
