"""Several consoles on PostgreSQL and Redis, and the proxy in front of them."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest
from django.db import connection

from tests.faults.conftest import AGENTS, effects as effects
from tests.scale.broker import Redis
from tests.scale.certificates import certificate as certificate
from tests.scale.proxy import Nginx
from tests.servers import Console, RunnerProcess, StartConsole, show

# As behind a proxy that ends TLS.
AS_DEPLOYED = {
    "HTTPS": "1",
    "ALLOWED_HOSTS": "console.example.com,127.0.0.1,10.99.7.1",
    "METRICS_ALLOW": "127.0.0.1",
}


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """A broker, started."""
    redis = Redis(tmp_path_factory.mktemp("redis") / "redis.log")
    redis.start()
    yield redis
    redis.stop()


@pytest.fixture
def consoles(redis: Redis, share_console: StartConsole) -> tuple[Console, Console]:
    """Two processes of one console; an open page reads the database by itself every 10 s."""
    if connection.vendor != "postgresql":
        pytest.skip("several consoles need PostgreSQL: they are tried in the run on it")
    changes = {**AS_DEPLOYED, "REDIS_URL": redis.url}
    # Consoles are shared by their settings: these two differ in one.
    first, second = (share_console(**changes, PAGE_REFRESH_SECONDS=wait) for wait in ("10", "11"))
    return first, second


@pytest.fixture
def proxy(consoles: tuple[Console, Console], certificate: Path, tmp_path: Path) -> Iterator[Nginx]:
    """nginx in front of both, with the file of `deploy/`."""
    proxy = Nginx(tmp_path, certificate, [f"127.0.0.1:{console.port}" for console in consoles])
    proxy.start()
    yield proxy
    proxy.stop()
    show(proxy)


class StartRunnerBehind(Protocol):
    """Starts a runner that reaches its console through the proxy."""

    def __call__(
        self, proxy: Nginx, name: str = "runner", within: Sequence[str] = ()
    ) -> RunnerProcess: ...


@pytest.fixture
def start_runner_behind(
    transactional_db: None, certificate: Path, tmp_path: Path
) -> Iterator[StartRunnerBehind]:
    """Starts runners that trust the proxy's authority; `within` is a command that starts them."""
    with ExitStack() as at_end:

        def start(proxy: Nginx, name: str = "runner", within: Sequence[str] = ()) -> RunnerProcess:
            runner = RunnerProcess(proxy, name, AGENTS, tmp_path / f"{name}.log")
            runner.command = [*within, *runner.command]
            runner.environment = {
                **runner.environment,
                "SSL_CERT_FILE": str(certificate / "ca.pem"),
                "NO_PROXY": "*",
            }
            at_end.callback(show, runner)
            at_end.callback(runner.stop)
            return runner.start()

        yield start
