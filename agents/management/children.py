"""The child processes of a command: they end with it, and it ends with the first of them."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

from django.conf import settings

STOP_SECONDS = 10  # from SIGTERM to SIGKILL


class ChildEnded(Exception):
    """A process that should have stayed has ended."""

    def __init__(self, name: str, code: int) -> None:
        super().__init__(f"{name} has ended (exit code {code}); what it said stands above")


class Children:
    """A context in which processes run. Leaving it ends them, the last one started first.

    Each has a process group of its own, so that Ctrl-C reaches the command alone, which then ends
    them in peace. If the command is killed, Linux ends them.
    """

    def __init__(self) -> None:
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        return self

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Run `command` with these variables and no others."""
        self.processes[name] = subprocess.Popen(
            command,
            cwd=settings.BASE_DIR,
            env=environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=end_with_parent,
        )

    def wait_until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Return whether `condition` came true within `seconds`.

        Raises:
            ChildEnded: a process ended meanwhile.
        """
        deadline = time.monotonic() + seconds
        while not condition():
            self.raise_if_ended()
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        return True

    def watch(self) -> None:
        """Stay until a process ends.

        Raises:
            ChildEnded: always.
        """
        self.wait_until(lambda: False, seconds=float("inf"))

    def raise_if_ended(self) -> None:
        """Raise `ChildEnded` if one of the processes has ended."""
        for name, process in self.processes.items():
            if process.poll() is not None:
                raise ChildEnded(name, process.returncode)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for process in reversed(self.processes.values()):
            send(process, signal.SIGTERM)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                send(process, signal.SIGKILL)
                process.wait()


def send(process: subprocess.Popen[bytes], which: signal.Signals) -> None:
    """Send a signal to the process and its children, if it still runs."""
    if process.poll() is None:
        os.killpg(process.pid, which)


def end_with_parent() -> None:
    """Have this process end when the one that started it ends, however it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
