"""The same two waits as in `latency`, against LangGraph's own development server.

`langgraph dev` (langgraph-cli[inmem]) executes the same agent in turn with ours. It keeps its
threads in memory and is meant for a developer's machine, and it shows pauses to whoever asks: here
its SDK asks once a second, as a page that polls would, which knows nothing of when a run began. It
is the server that one can run here; how fast the hosted one is, nobody publishes.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import httpx
from langgraph_sdk import get_sync_client
from langgraph_sdk.client import SyncLangGraphClient
from langgraph_sdk.schema import Command

from benchmarks import latency
from benchmarks.installation import AGENTS
from benchmarks.row import Row, main
from tests.processes import free_port

COMMAND = Path(sys.executable).parent / "langgraph"
START_SECONDS = 90.0
POLL_SECONDS = 1.0
SEED = 20261122
AGENT = "reviewed"


@dataclass(frozen=True, slots=True)
class Server:
    """A running development server."""

    client: SyncLangGraphClient
    notes: Path
    phase: Random = field(default_factory=lambda: Random(SEED))  # noqa: S311 -- no secret

    def pause(self, subject: str) -> tuple[str, float]:
        """Have the agent pause; its thread, and the seconds until a poll found out."""
        thread = self.client.threads.create()["thread_id"]
        said: dict[str, Any] = {"messages": [{"role": "user", "content": subject}]}
        self.client.runs.create(thread, AGENT, input=said)
        time.sleep(self.phase.uniform(0, POLL_SECONDS))
        while self.client.threads.get(thread)["status"] != "interrupted":
            time.sleep(POLL_SECONDS)
        seen = time.time()
        stored = self.client.threads.get_state(thread)["created_at"]
        assert stored is not None  # noqa: S101 -- it has a checkpoint
        return thread, seen - datetime.fromisoformat(stored).timestamp()

    def approve(self, thread: str, subject: str) -> float:
        """Approve what is asked; the seconds until the tool has started."""
        decided = time.time()
        answer = {"decisions": [{"type": "approve"}]}
        self.client.runs.create(thread, AGENT, command=Command(resume=answer))
        return latency.noted(self.notes, subject) - decided


@contextmanager
def development_server(folder: Path) -> Iterator[Server]:
    """Run it with the agents of these benchmarks, from a copy: it writes beside them."""
    port, notes, home = free_port(), folder / "their-notes", folder / "theirs"
    notes.touch()
    home.mkdir()
    shutil.copy(AGENTS.parent / "reviewed.py", home)
    graphs = {AGENT: f"./reviewed.py:{AGENT}"}
    (home / "langgraph.json").write_text(json.dumps({"dependencies": ["."], "graphs": graphs}))
    command = [str(COMMAND), "dev", "--no-browser", "--no-reload"]
    environment = {"NOTES": str(notes), "LANGSMITH_TRACING": "false"}
    with (folder / "development-server.log").open("wb") as log:
        server = subprocess.Popen(
            [*command, "--port", str(port)], env=os.environ | environment, stdout=log, stderr=log,
            cwd=home,
        )  # fmt: skip
    try:
        client = get_sync_client(url=f"http://127.0.0.1:{port}")
        deadline = time.monotonic() + START_SECONDS
        while not _answers(client):
            if time.monotonic() > deadline or server.poll() is not None:
                raise TimeoutError((folder / "development-server.log").read_text()[-2000:])
            time.sleep(0.5)
        yield Server(client, notes)
    finally:
        server.terminate()
        server.wait()


def _answers(client: SyncLangGraphClient) -> bool:
    try:
        client.assistants.search(limit=1)
    except httpx.HTTPError:
        return False
    return True


def rows(short: bool) -> Iterator[Row]:
    """Both waits. None, and a word about it, where the server is not installed."""
    if not COMMAND.exists():
        sys.stderr.write(f"development_server: NOT MEASURED: there is no {COMMAND}\n")
        return
    count = 1 if short else 15
    shown, started = [], []
    with latency.opened() as (house, measure), development_server(house.folder) as theirs:
        for number, sample in enumerate(measure(AGENT, count)):
            thread, seen = theirs.pause(subject := f"subject-{number}")
            shown.append((sample.shown, seen))
            started.append((sample.started, theirs.approve(thread, subject)))
    yield row("pause stored → seen, against langgraph dev polled once a second", shown)
    yield row("click on Approve → tool starts, against langgraph dev", started)


def row(name: str, pairs: list[tuple[float, float]]) -> Row:
    """A row of (ours, theirs) in seconds: how many times faster ours is."""
    return Row(
        name,
        ours=statistics.median(ours for ours, _ in pairs) * 1000,
        peer=statistics.median(theirs for _, theirs in pairs) * 1000,
        ratio=statistics.median(theirs / ours for ours, theirs in pairs),
        goal=10,
        unit="ms",
    )


if __name__ == "__main__":
    sys.exit(main(rows, __doc__))
