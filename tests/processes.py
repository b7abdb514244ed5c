"""Processes that a test starts, waits for, kills and starts again."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self, TypeVar

ROOT = Path(__file__).parent.parent
PATIENCE_SECONDS = 60
T = TypeVar("T")


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(what: str, condition: Callable[[], T], seconds: float = PATIENCE_SECONDS) -> T:
    """Return the first true answer of `condition`, asked every 20 ms.

    Raises:
        AssertionError: `what` did not come about within `seconds`.
    """
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"Not within {seconds} s: {what}.")
        time.sleep(0.02)
    return answer


class Process:
    """A process that can be stopped, killed and started again; its output goes to a file."""

    start_seconds = PATIENCE_SECONDS

    def __init__(
        self, name: str, command: list[str], environment: Mapping[str, str], log: Path
    ) -> None:
        self.name = name
        self.command = command
        self.environment = environment
        self.log = log
        self.popen: subprocess.Popen[bytes] | None = None

    @property
    def output(self) -> str:
        """Everything it has written so far, over all its starts."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self.popen is not None and self.popen.poll() is None

    def start(self, *, ready: bool = True) -> Self:
        """Start it, and return once it is ready; with `ready=False` at once."""
        assert not self.is_alive, f"{self.name} runs already"
        with self.log.open("ab") as output:
            self.popen = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env={**os.environ, "PYTHONFAULTHANDLER": "1", **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C ends the tests, and they end it
            )
        if ready:
            wait_until(
                f"{self.name} is ready",
                lambda: not self.is_alive or self.is_ready(),
                self.start_seconds,
            )
            assert self.is_alive, f"{self.name} has ended by itself:\n{self.output}"
        return self

    def is_ready(self) -> bool:
        """Whether it can be used; a kind of process that takes its time overrides this."""
        return True

    def stop(self) -> None:
        """End it as an operator would, with SIGTERM; idempotent."""
        self.end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would, with SIGKILL; idempotent."""
        self.end(signal.SIGKILL)

    def end(self, with_signal: signal.Signals) -> None:
        """Send its process group a signal and wait until it has gone."""
        if self.popen is None:
            return
        if self.is_alive:
            os.killpg(self.popen.pid, with_signal)
        try:
            self.popen.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self.popen.pid, signal.SIGABRT)  # writes the stacks of its threads
            self.popen.wait()
            raise AssertionError(f"{self.name} does not stop at {with_signal.name}.") from None
