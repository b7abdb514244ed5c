"""nginx with the file of `deploy/`; only its ports, certificate and consoles are changed."""

import os
import re
import shutil
import socket
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.processes import ROOT, Process, free_port

FILE = ROOT / "deploy" / "nginx" / "reviewconsole.conf"
# What the distribution's own nginx.conf brings, without its account and its folders.
AROUND = """
daemon off; pid {folder}/pid; error_log stderr notice; {user}
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxied;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/reviewconsole.conf;
}}
"""


def executable() -> str:
    """The path of nginx; the test is skipped where it is not installed."""
    path = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/sbin")
    if path is None:
        pytest.skip("no nginx here (Debian: nginx-light): deploy/nginx is not tried")
    return path


class Nginx(Process):
    """The proxy, with TLS, in front of `consoles` (addresses with ports)."""

    def __init__(
        self, folder: Path, certificate: Path, consoles: Sequence[str], address: str = "127.0.0.1"
    ) -> None:
        """Write its files into `folder`; it listens on `address`."""
        self.port = free_port()
        self.url = f"https://{address}:{self.port}"
        self.socket_url = f"wss://{address}:{self.port}"
        self.listens = (address, self.port)
        text = FILE.read_text()
        for old, new in (
            (r"listen 80;", f"listen {address}:{free_port()};"),
            (r"listen 443 ssl;", f"listen {address}:{self.port} ssl;"),
            (r"/etc/ssl/console\.example\.com\.", f"{certificate}/console."),
            (r"server 127\.0\.0\.1:8001 ", f"server {consoles[0]} "),
            (r"server 127\.0\.0\.1:8002 ", f"server {consoles[-1]} "),
        ):
            text, count = re.subn(old, new, text)
            assert count, f"{FILE} has no {old!r} any more"
        (folder / "reviewconsole.conf").write_text(text)
        (folder / "nginx.conf").write_text(AROUND.format(folder=folder, user=_account()))
        command = [executable(), "-c", str(folder / "nginx.conf"), "-e", "stderr"]
        super().__init__("nginx", command, {}, folder / "nginx.log")

    def is_ready(self) -> bool:
        """Whether it takes connections."""
        try:
            socket.create_connection(self.listens, timeout=5).close()
        except OSError:
            return False
        return True


def _account() -> str:
    # Its workers may enter what the test's own account may: root has folders of its own.
    return "user root;" if os.geteuid() == 0 else ""
