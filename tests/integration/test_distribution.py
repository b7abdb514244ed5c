"""The runner as other people install it: a wheel, beside their own agents, without Django."""

import json
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from zipfile import ZipFile

import pytest

from agents.models import Agent, Run
from agents.services import runs, tokens
from tests.faults.reviewing import pause, respond, wait_for_end
from tests.processes import ROOT, Process, wait_until

FOREIGN = '"""Another SDK\'s package of that name."""\n\nGREETING = "hello from the other agents"\n'
GRAPH = """
from agents import GREETING
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from typing_extensions import TypedDict


class State(TypedDict, total=False):
    words: str


def ask(state: State) -> State:
    return {"words": f"{GREETING}: {interrupt('Which words?')}"}


graph = StateGraph(State)
graph.add_node(ask)
graph.add_edge(START, "ask")
graph.add_edge("ask", END)
"""


def run(*command: str | Path, cwd: Path = ROOT) -> None:
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that `pip install .` would build."""
    folder = tmp_path_factory.mktemp("wheel")
    if shutil.which("uv"):
        run("uv", "build", "--quiet", "--wheel", "--out-dir", folder, ROOT)
    else:
        run(sys.executable, "-m", "build", "--wheel", "--outdir", folder, ROOT)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean virtual environment with the wheel and a foreign package called `agents`."""
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", *(["--without-pip"] if shutil.which("uv") else []), folder)
    if shutil.which("uv"):
        run("uv", "pip", "install", "--quiet", "--python", folder / "bin" / "python", wheel)
    else:
        run(folder / "bin" / "python", "-m", "pip", "install", "--quiet", wheel)
    packages = next((folder / "lib").glob("python*/site-packages"))
    (packages / "agents").mkdir()
    (packages / "agents" / "__init__.py").write_text(FOREIGN)
    return folder


def test_the_wheel_holds_the_runner_and_both_ends_of_the_wire_only(wheel):
    with ZipFile(wheel) as archive:
        folders = {
            name.rpartition("/")[0] for name in archive.namelist() if ".dist-info/" not in name
        }
    assert folders == {"reviewconsole", "reviewconsole/protocol", "reviewconsole/runner"}


@pytest.mark.timeout(300)  # the environment is installed first
def test_a_clean_environment_runs_an_agent_against_the_console(
    console, environment, alice, tmp_path
):
    (tmp_path / "agent.py").write_text(textwrap.dedent(GRAPH))
    config = tmp_path / "langgraph.json"
    config.write_text(json.dumps({"dependencies": ["."], "graphs": {"words": "./agent.py:graph"}}))
    _token, secret = tokens.create(name="elsewhere", agents=["words"])
    runner = Process(
        "the installed runner",
        [str(environment / "bin" / "reviewconsole-runner"), f"--agents={config}"],
        {
            "REVIEWCONSOLE_URL": console.socket_url,
            "REVIEWCONSOLE_TOKEN": secret,
            "PYTHONPATH": "",
            "PYTHONPROFILEIMPORTTIME": "1",  # stderr names every module it imports
        },
        tmp_path / "runner.log",
    )
    runner.start()
    try:
        wait_until("the agent is announced", lambda: Agent.objects.filter(name="words").exists())
        thread = runs.start(agent="words", input={"words": ""}, user=None).thread
        respond(pause(thread), alice, "these")
        assert wait_for_end(thread).status == Run.Status.SUCCEEDED
    finally:
        runner.stop()
    thread.refresh_from_db()
    assert thread.snapshot == {"words": "hello from the other agents: these"}
    assert [line for line in runner.output.splitlines() if "| django" in line] == []
