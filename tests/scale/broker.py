"""A Redis of the test's own, that can be killed and comes back empty on the same port."""

import shutil
import socket
from pathlib import Path

import pytest

from tests.processes import Process, free_port


class Redis(Process):
    """The broker of hints. It keeps nothing."""

    def __init__(self, log: Path) -> None:
        """Prepare one; skips the test where Redis is not installed."""
        path = shutil.which("redis-server")
        if path is None:
            pytest.skip("no redis-server here (install it): several consoles are not tried")
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        command = [path, "--bind", "127.0.0.1", "--port", str(self.port)]
        command += ["--save", "", "--appendonly", "no", "--dir", str(log.parent)]
        super().__init__("Redis", command, {}, log)

    def is_ready(self) -> bool:
        """Whether it answers a ping."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16) == b"+PONG\r\n"
        except OSError:
            return False
