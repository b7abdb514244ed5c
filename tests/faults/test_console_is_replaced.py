"""A deploy: a new console takes over from an old one while runs begin and people decide."""

from __future__ import annotations

import threading
import time
from collections import Counter

from django.contrib.auth.models import User
from django.db import connection

from agents.models import Decision, Interrupt, Run
from tests.factories import make_token
from tests.faults.conftest import AGENTS, Effects
from tests.faults.proxy import Proxy
from tests.faults.reviewing import start
from tests.faults.visitor import Visitor, may_sign_in
from tests.faults.writing import Scribe
from tests.processes import wait_until
from tests.servers import StartConsole, StartRunner

RUNS = 3  # before the deploy, while it goes on, and after it


class Decider(threading.Thread):
    """Alice, who answers every pause over HTTP, and tries again where the console is away."""

    def __init__(self, url: str) -> None:
        super().__init__(name="alice")
        self.codes: Counter[int] = Counter()
        self.over = threading.Event()
        self._visitor = Visitor(url, "alice")

    def run(self) -> None:
        """Decide until it is over."""
        try:
            while not self.over.is_set():
                for pause in list(Interrupt.objects.pending().values_list("pk", flat=True)):
                    self._decide(pause)
                self.over.wait(0.05)
        finally:
            connection.close()

    def _decide(self, pause: int) -> None:
        while True:
            try:
                code, _page = self._visitor.post(*self._visitor.answer(pause, "yes"))
            except (OSError, ValueError):  # cut off, or no page with a form
                if Interrupt.objects.filter(pk=pause).exclude(status="pending").exists():
                    return  # it was done, and the answer was lost
                time.sleep(0.05)
                continue
            self.codes[code] += 1
            return


def decided(count: int) -> bool:
    return Decision.objects.count() >= count


def test_no_pause_is_lost_and_no_decision_made_twice(
    start_console: StartConsole, start_runner: StartRunner, effects: Effects, alice: User
):
    may_sign_in(alice)
    old = start_console()
    with Proxy(old.port) as proxy:
        old.socket_url = proxy.url
        runner = start_runner(old, agents=AGENTS)
        _token, secret = make_token("scribe")
        alice_decides = Decider(proxy.url)
        alice_decides.start()
        try:
            with Scribe(proxy.url, secret) as scribe:
                for _ in range(RUNS):
                    start("ask")
                wait_until("people decide", lambda: decided(RUNS))
                new = start_console()
                for _ in range(RUNS):
                    start("ask")
                proxy.to = new.port
                old.stop()
                for _ in range(RUNS):
                    start("ask")
                wait_until("people go on", lambda: decided(3 * RUNS))
                scribe.goes_on()
            wait_until("all is done", lambda: not Run.objects.active().exists())
        finally:
            alice_decides.over.set()
            alice_decides.join()
        runner.stop()

    ended = Run.objects.values_list("trigger", "status", "attempt")
    assert Counter(ended) == {
        (Run.Trigger.START, Run.Status.INTERRUPTED, 1): 3 * RUNS,
        (Run.Trigger.RESUME, Run.Status.SUCCEEDED, 1): 3 * RUNS,
    }
    assert Counter(Decision.objects.values_list("status")) == {("applied",): 3 * RUNS}
    assert Counter(each["effect"] for each in effects.read()) == {
        "begun": 3 * RUNS,
        "done": 3 * RUNS,
    }
    assert set(alice_decides.codes) <= {302}
    assert "received 1012" in runner.output
