"""A console whose database is broken for a while, and who works there."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from pathlib import Path

import psycopg

from tests.chaos.server import Server
from tests.faults.visitor import Visitor
from tests.faults.writing import Scribe
from tests.processes import wait_until
from tests.servers import Console

WORDS = "yes, do it"
PEOPLE_AND_A_PAUSE = """
import json
from django.core.management import call_command
call_command("migrate", verbosity=0)
from tests.conftest import person
from tests.factories import make_interrupt, make_token
person("alice", "Reviewers")
secret = make_token("scribe")[1]
pauses = [make_interrupt({"query": "May I?"}).pk for _ in range(%d)]
print(json.dumps([secret, pauses]))
"""


def endure(
    console: Console, secret: str, pause: int, trouble: AbstractContextManager[None], told: str
) -> set[str]:
    """Let a runner write and alice decide while there is trouble; return what was acknowledged.

    The page must say what is `told`; without that the trouble may leave room for a decision.
    """
    alice = Visitor(console.url, "alice")
    action, form = alice.answer(pause, WORDS)
    said = len(console.output)
    with Scribe(console.socket_url, secret) as scribe:
        with trouble:
            wait_until("it is held", lambda: "runners are held" in console.output[said:])
            code, page = alice.post(action, form)
            if told:
                assert (code, told in page, WORDS in page) == (503, True, True)
        scribe.goes_on()
    if code == 503:
        code, page = alice.send_again(page)
    assert code == 302
    return set(scribe.acknowledged)


class Installation:
    """A console with a PostgreSQL of its own. Of its `pauses`, alice may decide each."""

    def __init__(self, place: Path, folder: Path, *, pauses: int) -> None:
        place.chmod(0o755)
        self.server = Server(place).start()
        self.console = Console(
            folder / "console.log",
            DATABASE_URL=self.server.url,
            DATABASE_WAIT_SECONDS="1",
        )
        printed = self.console.manage("shell", "-c", PEOPLE_AND_A_PAUSE % pauses)
        self.secret, self.pauses = json.loads(printed.splitlines()[-1])
        self.console.start()

    def stop(self) -> None:
        """End both."""
        self.console.stop()
        self.server.stop()

    def sql(self, statement: str) -> list[tuple[object, ...]]:
        """Execute a statement as the database's owner, whatever others may do."""
        options = "-c default_transaction_read_only=off"
        with psycopg.connect(self.server.url, autocommit=True, options=options) as connection:
            done = connection.execute(statement)
            return done.fetchall() if done.description else []

    def answers(self, pause: int) -> list[object]:
        """What was decided on a pause, decision by decision."""
        found = self.sql(f"SELECT resume FROM agents_decision WHERE interrupt_id = {pause}")
        return [json.loads(str(text)) for (text,) in found]

    def checkpoints(self) -> set[str]:
        """The checkpoints that are there."""
        return {str(found) for (found,) in self.sql("SELECT checkpoint_id FROM agents_checkpoint")}
