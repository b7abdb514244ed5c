"""LangGraph's own test-suite against the console's checkpoint saver, over a real socket.

`make upstream` runs it on SQLite and on PostgreSQL, `make upstream UPSTREAM=short` a slice of it
on SQLite: pauses, resumes and time travel. The tests come with LangGraph's source
distribution, in the version that is pinned here; they run with the installed packages in an
environment of their own (`requirements.txt`). Kept are the tests that take a checkpointer; the
console's saver stands in for every one of LangGraph's.

Not collected by a plain `pytest`: it downloads, and takes minutes.
"""

import os
import re
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import pytest

from agents.services import tokens
from tests.processes import ROOT
from tests.servers import Console

FOLDER = ROOT / ".upstream"
PYTHON = FOLDER / "venv" / "bin" / "python"
# Their expected stream metadata is another langchain-core's: they fail with LangGraph's own
# in-memory saver too, which is seen each time.
KNOWN = "test_weather_subgraph"
KNOWN_IN = ("tests/test_large_cases.py", "tests/test_large_cases_async.py")
SHORT = ("tests/test_strict_resume.py", "tests/test_interruption.py", "tests/test_time_travel.py")


@pytest.fixture(scope="session")
def checkout() -> Path:
    """The unpacked tests, with the conftest that puts the console's saver in."""
    wanted = version("langgraph")
    root = FOLDER / f"langgraph-{wanted}"
    if not root.exists():
        download = [str(PYTHON), "-m", "pip", "download", "--quiet", "--no-deps"]
        download += ["--no-binary=:all:", f"--dest={FOLDER}"]
        subprocess.run([*download, f"langgraph=={wanted}"], check=True)
        with tarfile.open(FOLDER / f"langgraph-{wanted}.tar.gz") as archive:
            archive.extractall(FOLDER, filter="data")
        # The installed package is under test, not the one beside the tests.
        (root / "langgraph").rename(root / "not-under-test")
        (root / "tests" / "conftest.py").rename(root / "tests" / "conftest_original.py")
    (root / "tests" / "conftest.py").write_bytes(
        Path(__file__).with_name("stand_in.py").read_bytes()
    )
    return root


@pytest.mark.timeout(1800)
def test_langgraph_is_served_as_by_its_own_savers(checkout: Path, console: Console) -> None:
    """Every upstream test that takes a checkpointer passes; of the short form, every one of its."""
    is_short = os.environ.get("UPSTREAM") == "short"
    _, secret = tokens.create(name="upstream", agents=["upstream"])
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "NO_DOCKER": "true",
        "LANGSMITH_TRACING": "false",
        "PYTHONPATH": str(ROOT),
        "REVIEWCONSOLE_URL": console.socket_url,
        "REVIEWCONSOLE_TOKEN": secret,
    }
    done = run(checkout, environment, f"not {KNOWN}", SHORT if is_short else ("tests",))

    print("\n".join(done.stdout.splitlines()[-30:]))  # noqa: T201 -- the figures are the point
    assert done.returncode == 0, f"{done.stdout[-6000:]}\n{done.stderr[-2000:]}"
    assert counted("passed", done) > (80 if is_short else 600)


@pytest.mark.timeout(300)
def test_what_is_left_out_fails_with_langgraphs_own_saver_too(checkout: Path) -> None:
    """In memory, without a console; none of them may pass."""
    environment = {"PATH": os.environ["PATH"], "NO_DOCKER": "true", "LANGGRAPH_TEST_FAST": "true"}
    environment |= {
        "LANGSMITH_TRACING": "false",
        "PYTHONPATH": str(ROOT),
        "UPSTREAM_SAVER": "memory",
    }

    done = run(checkout, environment, KNOWN, KNOWN_IN)

    assert counted("passed", done) == 0, done.stdout[-3000:]
    assert counted("failed", done) == 2, f"{done.stdout[-3000:]}\n{done.stderr[-2000:]}"


def run(
    checkout: Path, environment: Mapping[str, str], chosen: str, where: Sequence[str]
) -> subprocess.CompletedProcess[str]:
    """Run the upstream tests whose names match, of these files or folders."""
    command = [str(PYTHON), "-m", "pytest", *where, "-q", "-pno:cacheprovider", "-k", chosen]
    return subprocess.run(
        command, cwd=checkout, env=dict(environment), stdin=subprocess.DEVNULL,
        capture_output=True, text=True,
    )  # fmt: skip


def counted(what: str, done: subprocess.CompletedProcess[str]) -> int:
    """How many tests have passed or failed."""
    found = re.search(rf"(\d+) {what}", done.stdout)
    return int(found[1]) if found else 0
