"""Two processes of the console: what happens at one is seen at the other, through Redis."""

import urllib.error
import urllib.request
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from agents.models import Decision, Interrupt, Run, Runner
from tests.faults.conftest import AGENTS, Effects
from tests.faults.reviewing import pause, start, wait_for_end
from tests.processes import wait_until
from tests.scale.broker import Redis
from tests.scale.conftest import StartRunnerBehind
from tests.scale.person import Person
from tests.scale.proxy import Nginx
from tests.servers import Console, StartRunner

AT_ONCE = 8.0  # seconds: sooner than a page reads the database by itself
REDIS_IS_AWAY = [r"Unexpected exception in receive task", r"a hint to \S+ was lost"]


def answer(person: Person, asked: Interrupt) -> Decision:
    """Answer the one question of a pause on its page."""
    page = f"/interrupts/{asked.pk}/"
    person.send(page, f"{page}decide/", {"questions.0.actions.0.answer": "yes"})
    return Decision.objects.get(interrupt=asked)


def test_one_hears_of_the_other(
    consoles: tuple[Console, Console],
    redis: Redis,
    start_runner: StartRunner,
    effects: Effects,
    alice: User,
    certificate: Path,
):
    here, there = consoles
    start_runner(here, agents=AGENTS)
    person = Person(there.url, alice, certificate)
    inbox = person.watch("inbox")
    inbox.hear("Nothing waits")

    # A pause that a runner opens at one is shown by the other, at once.
    first = pause(start("ask", "order 1"))
    inbox.hear("order 1", AT_ONCE)

    # A decision at the other wakes the runner of the one: it does not wait for its next heartbeat.
    answer(person, first)
    begun = wait_for_end(first.thread)
    assert begun.started_at is not None
    assert (begun.started_at - begun.created_at).total_seconds() < 1

    # Without Redis nothing is lost: the page reads the database, the runner asks by itself.
    for console in consoles:
        console.expected_errors += REDIS_IS_AWAY
    redis.kill()
    second = pause(start("ask", "order 2"))
    inbox.hear("order 2")
    answer(person, second)
    assert wait_for_end(second.thread).status == Run.Status.SUCCEEDED

    # It comes back empty, and hints go through it again; no page and no runner was cut off.
    redis.start()
    wait_until("hints go again", lambda: all("hints: ok" in ready(each) for each in consoles))
    third = pause(start("ask", "order 3"))
    inbox.hear("order 3", AT_ONCE)
    answer(person, third)
    assert wait_for_end(third.thread).status == Run.Status.SUCCEEDED
    assert inbox.opened == 1
    inbox.close()
    assert [effect["effect"] for effect in effects.read()] == ["begun", "done"] * 3


def ready(console: Console) -> str:
    """What a console says of its own hops to who asks it directly."""
    try:
        with urllib.request.urlopen(f"{console.url}/readyz", timeout=10) as reply:
            told: str = reply.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            told = refused.read().decode()
    return told


def test_one_is_killed_and_everybody_goes_to_the_other(
    consoles: tuple[Console, Console],
    proxy: Nginx,
    start_runner_behind: StartRunnerBehind,
    effects: Effects,
    alice: User,
    certificate: Path,
):
    start_runner_behind(proxy)
    person = Person(proxy.url, alice, certificate)
    inbox = person.watch("inbox")
    inbox.hear("Nothing waits")
    asked = pause(start("ask", "order 1"))
    inbox.hear("order 1")
    effects.hold.touch()
    run = answer(person, asked).run
    assert run is not None
    wait_until("the agent acts", effects.read)

    # One after the other: whoever was at the first is at the second, and then the other way.
    for console in consoles:
        console.kill()
        page = person.watch(f"thread.{asked.thread_id}")
        page.hear("thread-state")
        page.close()
        wait_until("its runner is back", lambda: Runner.objects.online().exists())
        console.start()

    effects.hold.unlink()
    run = wait_for_end(asked.thread)
    assert (run.status, run.attempt) == (Run.Status.SUCCEEDED, 1)
    assert [effect["effect"] for effect in effects.read()] == ["begun", "done"]
    inbox.hear("Nothing waits")
    inbox.close()


def test_what_is_for_watchers_does_not_pass_the_proxy(
    consoles: tuple[Console, Console], proxy: Nginx, alice: User, certificate: Path
):
    person = Person(proxy.url, alice, certificate)
    assert person.get("/readyz") == "ready\n"
    with pytest.raises(urllib.error.HTTPError) as refused:
        person.get("/metrics")
    refused.value.close()
    assert refused.value.code == 404
    # Past it, each process has its own.
    for console in consoles:
        assert "hints: ok" in ready(console)
        with urllib.request.urlopen(f"{console.url}/metrics", timeout=10) as reply:
            assert b"reviewconsole_database_up 1.0" in reply.read()
