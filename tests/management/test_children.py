"""Child processes live and die with their command."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agents.management.children import ChildEnded, Children
from tests.processes import ROOT, wait_until

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
# Says where it is once it no longer minds SIGTERM.
STUBBORN = [
    sys.executable,
    "-c",
    "import os, pathlib, signal, sys, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "pathlib.Path(os.environ['NOTE']).write_text(str(os.getpid()))\n"
    "time.sleep(60)\n",
]


def is_running(pid: int) -> bool:
    """Whether a process of this id runs; one that has ended and was not collected does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_leaving_the_context_ends_the_children() -> None:
    with Children() as children:
        children.start("one", SLEEP, os.environ)
        children.start("two", SLEEP, os.environ)
    codes = [process.returncode for process in children.processes.values()]
    assert codes == [-signal.SIGTERM, -signal.SIGTERM]


def test_a_child_that_does_not_stop_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.management.children.STOP_SECONDS", 0.2)
    note = tmp_path / "note"
    with Children() as children:
        children.start("stubborn", STUBBORN, os.environ | {"NOTE": str(note)})
        assert children.wait_until(lambda: bool(note.exists() and note.read_text()), seconds=20)
    assert children.processes["stubborn"].returncode == -signal.SIGKILL


def test_the_end_of_one_child_is_the_end_of_all() -> None:
    with Children() as children:
        children.start("The long one", SLEEP, os.environ)
        children.start("The short one", [sys.executable, "-c", "raise SystemExit(3)"], os.environ)
        with pytest.raises(ChildEnded, match=r"^The short one has ended \(exit code 3\)"):
            children.watch()
    assert children.processes["The long one"].returncode == -signal.SIGTERM


def test_waiting_ends_with_its_time() -> None:
    with Children() as children:
        assert children.wait_until(lambda: False, seconds=0.01) is False


@pytest.mark.skipif(sys.platform != "linux", reason="other systems let orphans live")
def test_children_do_not_outlive_a_command_that_is_killed(tmp_path: Path) -> None:
    note = tmp_path / "note"
    program = (
        "import os, sys, time\n"
        "from agents.management.children import Children\n"
        "with Children() as children:\n"
        "    sleep = [sys.executable, '-c', 'import time; time.sleep(60)']\n"
        "    children.start('orphan', sleep, os.environ)\n"
        f"    open({str(note)!r}, 'w').write(str(children.processes['orphan'].pid))\n"
        "    time.sleep(60)\n"
    )
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "reviewconsole.settings"}
    command = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, env=environment)
    orphan = int(wait_until("the note", lambda: note.exists() and note.read_text()))
    assert is_running(orphan)
    command.kill()
    command.wait()
    wait_until("the orphan's end", lambda: not is_running(orphan))
