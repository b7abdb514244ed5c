"""`manage.py demo`: everything on this machine, with something to review in it."""

import json
import os
import signal
import socket
import sys
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from agents import roles
from agents.management.children import ChildEnded, Children
from agents.management.environment import for_agents
from agents.models import Agent, Interrupt, Thread
from agents.services import runs, tokens

AGENTS = settings.BASE_DIR / "examples" / "langgraph.json"
THREADS = settings.BASE_DIR / "examples" / "demo_threads.json"
PEOPLE = {"reviewer": roles.REVIEWERS, "operator": roles.OPERATORS, "admin": roles.ADMINS}
PATIENCE_SECONDS = 60


class Command(BaseCommand):
    """Starts a console and a runner as children, and takes them along when it ends."""

    help = "Starts the console and a runner with the example agents, for a first look (DEMO=1)."

    def handle(self, *args: Any, **options: Any) -> None:
        """Prepare what is missing, start, and stay until Ctrl-C or SIGTERM.

        Raises:
            CommandError: this is no place for a demo, or a part of it does not start.
        """
        if not settings.DEMO:
            raise CommandError("The people of the demo have known passwords: DEMO=1 agrees to it.")
        refuse_a_taken_port()
        call_command("migrate", verbosity=0)
        make_people()
        for which in (signal.SIGINT, signal.SIGTERM):  # a shell's background job ignores SIGINT
            signal.signal(which, signal.default_int_handler)
        try:
            with Children() as children:
                start(children)
                if not Thread.objects.exists():
                    self.stderr.write("Starting a few threads …")
                    seed(children)
                self.welcome()
                children.watch()
        except KeyboardInterrupt:
            self.stderr.write("Stopped. The demo's data is kept; `make demo` goes on with it.")
        except ChildEnded as error:
            raise CommandError(f"{error}.") from error

    def welcome(self) -> None:
        """Say where the console is and who may come in."""
        people = "\n".join(f"  {name:<10} password {name}" for name in PEOPLE)
        address = f"http://{settings.HOST}:{settings.PORT}/"
        self.stdout.write(f"\nReview Console: {address}   (Ctrl-C stops it)\n{people}\n")
        self.stdout.flush()


def refuse_a_taken_port() -> None:
    """Raise CommandError if another process listens where the console is to listen."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.HOST, settings.PORT))
        except OSError as error:
            raise CommandError(
                f"Port {settings.PORT} is taken. Stop what listens there (perhaps another demo), "
                f"or choose another one: PORT={settings.PORT + 1} make demo."
            ) from error


def make_people() -> None:
    """Make those of PEOPLE who are missing, each with the name as password. Idempotent.

    Raises:
        CommandError: the database has people of its own, who would get an admin they do not know.
    """
    missing = PEOPLE.keys() - set(User.objects.values_list("username", flat=True))
    if missing and User.objects.exclude(username__in=PEOPLE).exists():
        raise CommandError(
            "This database has people of its own, so it is not for a demo: unset DATABASE_URL, "
            f"or set DATA_DIR to a new folder (it is {settings.DATA_DIR})."
        )
    for name in missing:
        person = User.objects.create_user(
            name, password=name, is_staff=PEOPLE[name] == roles.ADMINS
        )
        person.groups.add(Group.objects.get(name=PEOPLE[name]))


def start(children: Children) -> None:
    """Start the console and a runner, and return once the console takes requests."""
    children.start("The console", [sys.executable, "manage.py", "serve"], os.environ)
    children.start(
        "The runner",
        [sys.executable, "-m", "reviewconsole.runner", "--agents", str(AGENTS)],
        for_agents()
        | {
            "REVIEWCONSOLE_URL": f"ws://{settings.HOST}:{settings.PORT}",
            "REVIEWCONSOLE_TOKEN": runner_secret(),
        },
    )
    if not children.wait_until(console_listens, PATIENCE_SECONDS):
        raise CommandError(f"The console does not listen on port {settings.PORT} yet; giving up.")


def console_listens() -> bool:
    """Whether something takes connections on HOST and PORT."""
    with socket.socket() as probe:
        return probe.connect_ex((settings.HOST, settings.PORT)) == 0


def runner_secret() -> str:
    """Return the secret of the demo's runner token, kept in DATA_DIR between its starts."""
    path = settings.DATA_DIR / "demo-runner-token"
    if path.exists() and tokens.authenticate(secret=path.read_text()):
        return path.read_text()
    name = f"demo {timezone.now():%Y-%m-%d %H:%M:%S}"
    _token, secret = tokens.create(name=name, agents=list(json.loads(AGENTS.read_text())["graphs"]))
    path.touch(mode=0o600)
    path.write_text(secret)
    return secret


def seed(children: Children) -> None:
    """Start the threads of THREADS, and return once the first of them waits for a decision."""
    threads = json.loads(THREADS.read_text())
    wanted = {thread["agent"] for thread in threads}

    def agents_are_known() -> bool:
        return wanted <= set(Agent.objects.values_list("name", flat=True))

    if not children.wait_until(agents_are_known, PATIENCE_SECONDS):
        raise CommandError("The runner has not announced the example agents; giving up.")
    operator = User.objects.get(username="operator")
    for thread in threads:
        runs.start(user=operator, **thread)
    if not children.wait_until(Interrupt.objects.pending().exists, PATIENCE_SECONDS):
        raise CommandError("None of the example agents has paused; giving up.")
