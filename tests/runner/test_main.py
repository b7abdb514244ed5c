"""The runner's command line, as a process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reviewconsole.protocol.messages import Finished, Hello, Lease, Release
from reviewconsole.runner.__main__ import STOP_SECONDS, _parse
from tests.runner.peer import TOKEN, Peer
from tests.runner.test_worker import run_of

ROOT = Path(__file__).parents[2]

AGENT = """
import os, sys, threading, time
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt
from typing_extensions import TypedDict

print("django" in sys.modules, interrupt.__module__, os.environ["LANGGRAPH_STRICT_MSGPACK"])

class State(TypedDict, total=False):
    n: int

def quick(state: State) -> State:
    return {"n": 1}

def endless(state: State) -> State:
    print("endless", flush=True)
    threading.Event().wait()

async def blocking(state: State) -> State:
    print("blocking", flush=True)
    while True:
        time.sleep(0.01)

def of(node):
    builder = StateGraph(State)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    return builder.compile()

agent, stuck, blocked = of(quick), of(endless), of(blocking)
"""


def environment(**more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("REVIEWCONSOLE_")}
    return kept | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"} | more


def graphs(folder: Path, **named: str) -> Path:
    (folder / "agent.py").write_text(AGENT)
    path = folder / "langgraph.json"
    path.write_text(json.dumps({"dependencies": ["."], "graphs": named}))
    return path


def run(*arguments: str, **env: str) -> tuple[int, str]:
    """The exit code and the last line of the log."""
    command = [sys.executable, "-m", "reviewconsole.runner", *arguments]
    done = subprocess.run(
        command, env=environment(**env), capture_output=True, text=True, timeout=30, check=False
    )
    return done.returncode, done.stderr.strip().splitlines()[-1]


@contextmanager
def running(*command: str, **env: str) -> Iterator[subprocess.Popen[str]]:
    """A runner process, killed at the end if it still runs."""
    process = subprocess.Popen(
        [sys.executable, *command],
        env=environment(**env),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.01)


def test_wrong_usage_is_said_in_one_line(tmp_path):
    url = ("--url", "ws://127.0.0.1:9")
    token = ("--token", "x")
    path = graphs(tmp_path, agent="./agent.py:agent")
    cases = [
        (run(*token), "error: give --url, or set REVIEWCONSOLE_URL"),
        (run(*url), "error: give --token, or set REVIEWCONSOLE_TOKEN"),
        (run(*url, *token, "--capacity", "0"), "0 is too few; give 1 or more"),
        (run(*url, *token, "--agents", "/no.json"), "Give the path of a langgraph.json."),
        (
            run("--url", "ftp://host", *token, "--agents", str(path)),
            "'ftp://host' is no address of a console; write ws://host:port or wss://host",
        ),
    ]
    assert [(code, line.endswith(end)) for (code, line), end in cases] == [(2, True)] * len(cases)


def test_no_agent_to_serve(tmp_path):
    path = graphs(tmp_path, agent="./missing.py:agent")
    code, line = run("--url", "ws://127.0.0.1:9", "--token", "x", "--agents", str(path))
    assert (code, line[24:]) == (3, "ERROR no agent could be loaded; the lines above say why")


def test_a_refused_token(tmp_path, peer: Peer):
    path = graphs(tmp_path, agent="./agent.py:agent")
    code, line = run("--url", peer.url, "--token", "wrong", "--agents", str(path))
    assert code == 4
    assert "the console refuses this runner: " in line
    assert "createrunnertoken" in line


def test_it_serves_what_loads_and_hands_back_at_sigterm(tmp_path, peer: Peer):
    path = graphs(tmp_path, agent="./agent.py:agent", broken="./missing.py:x")
    peer.runs.append(run_of(1))
    env = {"REVIEWCONSOLE_URL": peer.url, "REVIEWCONSOLE_TOKEN": TOKEN}
    command = ("-m", "reviewconsole.runner", "--agents", str(path), "--name", "here")
    with running(*command, **env) as process:
        until(lambda: peer.of(Finished))
        process.send_signal(signal.SIGTERM)
        printed, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert printed == "False reviewconsole.runner.interrupts true\n"
    (hello,) = peer.of(Hello)
    assert (hello.name, [agent["name"] for agent in hello.agents]) == ("here", ["agent"])


def test_a_function_that_never_ends_does_not_keep_the_process(tmp_path, peer: Peer):
    path = graphs(tmp_path, stuck="./agent.py:stuck")
    peer.runs.append(run_of(1, agent="stuck"))
    command = ("-m", "reviewconsole.runner", "--agents", str(path))
    env = {"REVIEWCONSOLE_URL": peer.url, "REVIEWCONSOLE_TOKEN": TOKEN}
    with running(*command, **env) as process:
        assert process.stdout is not None
        until(lambda: process.stdout.readline() == "endless\n")  # type: ignore[union-attr]
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)
    assert process.returncode == 0
    assert [each.lease for each in peer.of(Release)] == [Lease(1, 1)]


def test_an_agent_that_blocks_the_loop_does_not_outlive_the_second_signal(tmp_path, peer: Peer):
    path = graphs(tmp_path, blocked="./agent.py:blocked")
    peer.runs.append(run_of(1, agent="blocked"))
    command = ("-m", "reviewconsole.runner", "--agents", str(path))
    env = {"REVIEWCONSOLE_URL": peer.url, "REVIEWCONSOLE_TOKEN": TOKEN}
    with running(*command, **env) as process:
        assert process.stdout is not None
        until(lambda: process.stdout.readline() == "blocking\n")  # type: ignore[union-attr]
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)
        process.wait(timeout=STOP_SECONDS)
    assert process.returncode == 0


def test_manage_runner_is_the_same_in_a_process_without_django_or_secrets(tmp_path, peer: Peer):
    path = graphs(tmp_path, agent="./agent.py:agent")
    secrets = {"SECRET_KEY", "DATABASE_URL", "PGPASSWORD", "REDIS_URL"}
    with (tmp_path / "agent.py").open("a") as agent:
        agent.write(f"print(os.environ.keys() & {secrets!r}, os.environ['OPENAI_API_KEY'])\n")
    env = {
        "REVIEWCONSOLE_URL": peer.url,
        "REVIEWCONSOLE_TOKEN": TOKEN,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "SECRET_KEY": "signs-sessions",
        "PGPASSWORD": "opens-the-database",
        "OPENAI_API_KEY": "the-agent's-own",
    }
    with running(str(ROOT / "manage.py"), "runner", "--agents", str(path), **env) as process:
        until(lambda: peer.of(Hello))
        process.send_signal(signal.SIGINT)
        printed, _ = process.communicate(timeout=20)
    assert (process.returncode, printed) == (
        0,
        "False reviewconsole.runner.interrupts true\nset() the-agent's-own\n",
    )


@pytest.mark.parametrize(
    ("given", "environment", "tokens"),
    [((), None, True), (("--no-tokens",), None, False), ((), "0", False), ((), "1", True)],
)
def test_whether_models_stream(monkeypatch, given, environment, tokens):
    if environment is not None:
        monkeypatch.setenv("REVIEWCONSOLE_TOKENS", environment)
    assert _parse(["--url", "ws://host", "--token", "x", *given]).tokens is tokens
