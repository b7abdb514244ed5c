"""Network interfaces are the machine's: Chromium drops what it loads when one comes or goes.

Test runs stand side by side, so those that make interfaces and those with open pages take turns.
"""

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENCE_SECONDS = 60.0  # then on all the same: a page may complain, and no run may wait for ever
_LOCK = Path(tempfile.gettempdir()) / f"reviewconsole-interfaces-{os.getuid()}.lock"


@contextmanager
def steady() -> Iterator[None]:
    """While pages are open: nobody makes an interface or takes one down."""
    with _held(fcntl.LOCK_SH):
        yield


@contextmanager
def changing() -> Iterator[None]:
    """While interfaces come and go: nobody has a page open."""
    with _held(fcntl.LOCK_EX):
        yield


@contextmanager
def _held(kind: int) -> Iterator[None]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    with _LOCK.open("w") as lock:  # closing it gives the lock back
        while time.monotonic() < deadline:
            try:
                fcntl.flock(lock, kind | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(0.02)
        yield
