"""LangGraph's own test-suite against the console's checkpoint saver, over a real socket.

`make upstream` runs it on SQLite and on PostgreSQL. The tests come with LangGraph's source
distribution, in the version that is pinned here; they run with the installed packages in an
environment of their own (`requirements.txt`). Kept are the tests that take a checkpointer; the
console's saver stands in for every one of LangGraph's.

Not collected by a plain `pytest`: it downloads, and takes minutes.
"""

import os
import re
import subprocess
import tarfile
from importlib.metadata import version
from pathlib import Path

import pytest

from agents.services import tokens
from tests.processes import ROOT
from tests.servers import Console

FOLDER = ROOT / ".upstream"
PYTHON = FOLDER / "venv" / "bin" / "python"
# Their expected stream metadata is another langchain-core's: they fail with LangGraph's own
# in-memory saver too.
KNOWN = ("test_weather_subgraph",)


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
    """Every upstream test that takes a checkpointer passes."""
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
    command = [str(PYTHON), "-m", "pytest", "tests", "-q", "-pno:cacheprovider"]
    command += ["-k", " and ".join(f"not {name}" for name in KNOWN)]

    done = subprocess.run(
        command, cwd=checkout, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
        text=True,
    )  # fmt: skip

    print("\n".join(done.stdout.splitlines()[-30:]))  # noqa: T201 -- the figures are the point
    passed = re.search(r"(\d+) passed", done.stdout)
    assert done.returncode == 0, f"{done.stdout[-6000:]}\n{done.stderr[-2000:]}"
    assert passed is not None
    assert int(passed[1]) > 600
