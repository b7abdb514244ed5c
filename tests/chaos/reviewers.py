"""Reviewers: they look into the inbox, read a pause, and send its form, as people do.

Some are late, some press the button twice, some are at the same pause as somebody else. When the
console does not answer they send the same form again: nobody knows what it had done.
"""

from __future__ import annotations

import re
import threading
import traceback
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

from django.db import connection

from agents.models import Interrupt
from agents.reviews import DecisionType
from agents.services.interrupts import request_of
from tests.chaos import ledger
from tests.chaos.session import Reply, Session, Unreachable
from tests.chaos.world import World, patiently
from tests.pauses.html_forms import Form

LINK = re.compile(r"/interrupts/(\d+)/")
INSIST_SECONDS = 180
LATE = 0.2  # of the forms
TWICE = 0.15
LATEST_SECONDS = 3.0
CHOICES = {
    DecisionType.APPROVE: 5,
    DecisionType.EDIT: 3,
    DecisionType.REJECT: 2,
    DecisionType.RESPOND: 1,
}

Made = dict[int, list[tuple[str, str]]]
"""What was decided of each question, by its primary key: type and words of each action."""


@dataclass(frozen=True, slots=True)
class Posted:
    """A form that was sent, and what came back at last."""

    user: str
    made: Made
    code: int
    sent: int  # how often, until there was an answer
    page: str


@dataclass(slots=True)
class Habits:
    """What all reviewers did, counted; and what went wrong with people themselves."""

    posted: list[Posted] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)


class Reviewer(threading.Thread):
    """One person at work until told to go home."""

    def __init__(self, world: World, name: str, chance: Random, habits: Habits) -> None:
        super().__init__(name=name, daemon=True)
        self._world = world
        self._session = Session(world.console.url, name)
        self._chance = chance
        self._habits = habits
        self._home = threading.Event()
        self._words = 0

    def go_home(self) -> None:
        """Decide nothing more; return when the last form is through."""
        self._home.set()
        self.join()

    def run(self) -> None:
        """Work."""
        try:
            while not self._home.is_set():
                try:
                    idle = not self._work()
                except Unreachable:
                    idle = True
                if idle:
                    self._home.wait(0.2)
        except Exception:
            self._habits.errors.append(traceback.format_exc())
        finally:
            connection.close()

    def _work(self) -> bool:
        """Decide one pause; False if there was nothing to do."""
        waiting = sorted({int(pk) for pk in LINK.findall(self._session.get("/").page)})
        if not waiting:
            return False
        pk = self._chance.choice(waiting)
        form = self._session.form(f"/interrupts/{pk}/", "/decide/")
        if form is None:
            return False  # somebody was faster
        shown = [int(number) for number in _positions(form)]
        asked = patiently(lambda: _questions(pk, shown))
        made: Made = {}
        changes: dict[str, str] = {}
        for question in asked:
            doubt = question.value.get("doubt") if isinstance(question.value, dict) else None
            if doubt is not None and self._is_at_it(doubt):
                return False
            made[question.pk], fields = self._decide(question, doubt)
            changes |= fields
        if not made:
            return False
        self._send(form, changes, made)
        return True

    def _is_at_it(self, doubt: dict[str, Any]) -> bool:
        started = datetime.fromisoformat(doubt["started_at"]).timestamp()
        return self._world.may_still_run(doubt["runner"], started)

    def _decide(
        self, asked: Interrupt, doubt: dict[str, Any] | None
    ) -> tuple[list[tuple[str, str]], dict[str, str]]:
        """What to say to each action of a question, and the fields that say it."""
        request = request_of(asked, learned=False)
        at = f"questions.{asked.position}.actions"
        if request.is_question:
            words = self._say("Handle it")
            return [("respond", words)], {f"{at}.0.answer": words}
        made: list[tuple[str, str]] = []
        fields: dict[str, str] = {}
        for number, action in enumerate(request.actions):
            name = f"{at}.{number}"
            if doubt is not None:
                kind, words = self._settle(asked)
            else:
                allowed = [kind for kind in CHOICES if kind in action.allowed]
                weights = [CHOICES[kind] for kind in allowed]
                (kind,) = self._chance.choices(allowed, weights)
                words = self._say(f"{kind} it")
            fields[f"{name}.type"] = kind
            match kind:
                case DecisionType.EDIT:
                    fields[f"{name}.args.note"] = words
                case DecisionType.REJECT:
                    fields[f"{name}.reason"] = words
                case DecisionType.RESPOND:
                    fields[f"{name}.reply"] = words
            made.append((str(kind), words))
        return made, fields

    def _settle(self, asked: Interrupt) -> tuple[DecisionType, str]:
        """Answer for a call in doubt, as an honest person: look at what really happened."""
        call = asked.value["tool_call_id"]
        found = ledger.deeds(self._world.ledger).get((asked.thread.thread_id, call))
        if found:
            self._habits.counted["doubts: it had run"] += 1
            return DecisionType.RESPOND, ledger.outcome(found[0].tool, call)
        self._habits.counted["doubts: it had not run"] += 1
        return DecisionType.APPROVE, ""

    def _say(self, words: str) -> str:
        self._words += 1
        return f"{words}, says {self.name} ({self._words})"

    def _send(self, form: Form, changes: dict[str, str], made: Made) -> None:
        fields = form.filled(changes)
        if self._chance.random() < LATE:
            self._habits.counted["late"] += 1
            self._home.wait(self._chance.uniform(0.3, LATEST_SECONDS))
        send = (form.action, fields, made)
        if self._chance.random() >= TWICE:
            self._insist(*send)
            return
        self._habits.counted["twice"] += 1
        again = threading.Thread(target=self._insist, args=send, name=self.name, daemon=True)
        again.start()
        self._insist(*send)
        again.join()

    def _insist(self, path: str, fields: list[tuple[str, str]], made: Made) -> None:
        reply, sent = self._session.insist(path, fields, INSIST_SECONDS)
        if sent > 1:
            self._habits.counted["sent again"] += 1
        self._habits.counted[_answer(reply)] += 1
        self._habits.posted.append(Posted(self.name, made, reply.code, sent, reply.page))


def _answer(reply: Reply) -> str:
    return {302: "accepted", 409: "told that somebody was first"}.get(
        reply.code, f"answered {reply.code}"
    )


def _positions(form: Form) -> Iterable[str]:
    for name, _value in form.fields:
        if match := re.fullmatch(r"questions\.(\d+)\.fingerprint", name):
            yield match[1]


def _questions(pk: int, positions: list[int]) -> list[Interrupt]:
    """The questions that a form of this pause shows."""
    opened = Interrupt.objects.get(pk=pk)
    rows = Interrupt.objects.select_related("thread__agent", "run")
    return list(rows.filter(run=opened.run_id, position__in=positions))
