"""The settings, as a process with a given environment sees them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.processes import ROOT

KEY = {"SECRET_KEY": "0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


def started(environment: dict[str, str], data: Path, expression: str = "None") -> Any:
    """What `expression` is in the settings of a process with this environment and no other.

    A process that the settings stop gives the reason instead.
    """
    program = (
        "import json, sys\n"
        "from django.core.exceptions import ImproperlyConfigured\n"
        "try:\n"
        "    from reviewconsole import settings\n"
        "except ImproperlyConfigured as error:\n"
        "    sys.exit(str(error))\n"
        f"print(json.dumps(eval({expression!r}, vars(settings)), default=str))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DATA_DIR": str(data)} | environment,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout) if done.returncode == 0 else done.stderr.strip()


def test_production_needs_a_secret(tmp_path: Path) -> None:
    assert started({}, tmp_path) == (
        "SECRET_KEY is not set. Set it to 50 or more random characters, the same for every "
        "process and start (`openssl rand -base64 48` prints some), or DEBUG=1 to develop."
    )


def test_development_keeps_a_secret_that_only_its_user_reads(tmp_path: Path) -> None:
    data = tmp_path / "data"
    first = started({"DEBUG": "1"}, data, "SECRET_KEY")
    assert started({"DEBUG": "1"}, data, "SECRET_KEY") == first
    assert len(first) == 50
    assert (data / "secret-key").stat().st_mode & 0o777 == 0o600
    assert data.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({"DEBUG": "yes"}, "DEBUG='yes' is not a switch: write 1 or 0."),
        ({"PORT": "http"}, "PORT='http' does not fit: write a whole number from 1 to 65535."),
        ({"PORT": "65536"}, "PORT='65536' does not fit: write a whole number from 1 to 65535."),
        (
            {"RUN_MAX_ATTEMPTS": "0"},
            "RUN_MAX_ATTEMPTS='0' does not fit: write a whole number of at least 1.",
        ),
        (
            {"LOG_LEVEL": "loud"},
            "LOG_LEVEL='loud' is unknown: write one of DEBUG, INFO, WARNING, ERROR.",
        ),
        (
            {"DATABASE_URL": "mysql://root:hunter2@db/console"},
            "DATABASE_URL begins with 'mysql:': write postgresql://user:password@host:5432/name, "
            "or nothing for SQLite in DATA_DIR.",
        ),
        (
            {"DEMO": "1", "HOST": "0.0.0.0"},
            "DEMO=1 with HOST='0.0.0.0': the passwords of the demo are known to everybody. "
            "Set HOST=127.0.0.1, or DEMO=0.",
        ),
    ],
)
def test_a_wrong_value_stops_the_process_with_a_remedy(
    environment: dict[str, str], reason: str, tmp_path: Path
) -> None:
    assert started(KEY | environment, tmp_path) == reason


def test_an_empty_variable_counts_as_unset(tmp_path: Path) -> None:
    environment = KEY | {"PORT": "", "DEBUG": " ", "ALLOWED_HOSTS": ""}
    shown = "[PORT, DEBUG, ALLOWED_HOSTS]"
    assert started(environment, tmp_path, shown) == [
        8000,
        False,
        ["127.0.0.1", "localhost", "[::1]"],
    ]


def test_without_a_url_the_database_is_a_durable_sqlite_file(tmp_path: Path) -> None:
    assert started(KEY, tmp_path, "DATABASES['default']") == {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(tmp_path / "console.sqlite3"),
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 10,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        },
    }


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "postgresql://ada:p%40ss@db.example.com:5433/console?sslmode=verify-full",
            {
                "NAME": "console",
                "USER": "ada",
                "PASSWORD": "p@ss",
                "HOST": "db.example.com",
                "PORT": "5433",
            },
        ),
        (
            "postgres://ada@/console?host=/run/postgresql",
            {
                "NAME": "console",
                "USER": "ada",
                "PASSWORD": "",
                "HOST": "/run/postgresql",
                "PORT": "",
            },
        ),
    ],
)
def test_a_url_names_a_postgresql_database(
    url: str, expected: dict[str, str], tmp_path: Path
) -> None:
    names = ["NAME", "USER", "PASSWORD", "HOST", "PORT"]
    shown = f"[DATABASES['default'][name] for name in {names}]"
    assert started(KEY | {"DATABASE_URL": url}, tmp_path, shown) == list(expected.values())


def test_postgresql_is_reached_through_a_pool(tmp_path: Path) -> None:
    environment = KEY | {"DATABASE_URL": "postgresql:///console?sslmode=require"}
    shown = "[DATABASES['default'][name] for name in ['CONN_MAX_AGE', 'OPTIONS']]"
    assert started(environment, tmp_path, shown) == [
        0,
        {
            "prepare_threshold": 5,
            "sslmode": "require",
            "pool": {"min_size": 1, "max_size": 10, "timeout": 10, "reconnect_timeout": 2},
        },
    ]


@pytest.mark.parametrize(
    ("environment", "secure"), [({}, True), ({"HTTPS": "0"}, False), ({"DEMO": "1"}, False)]
)
def test_production_speaks_https_only(
    environment: dict[str, str], secure: bool, tmp_path: Path
) -> None:
    shown = "[SESSION_COOKIE_SECURE, CSRF_COOKIE_SECURE, 'SECURE_SSL_REDIRECT' in globals()]"
    assert started(KEY | environment, tmp_path, shown) == [secure] * 3


def test_one_process_needs_no_broker(tmp_path: Path) -> None:
    shown = "CHANNEL_LAYERS['default']['BACKEND']"
    redis = {"REDIS_URL": "redis://localhost/0"}
    assert [started(KEY, tmp_path, shown), started(KEY | redis, tmp_path, shown)] == [
        "channels.layers.InMemoryChannelLayer",
        "reviewconsole.hints.PatientLayer",
    ]


def test_the_examples_are_the_defaults(tmp_path: Path) -> None:
    """`.env.example` copied as it is changes nothing but where DATA_DIR is."""
    lines = [
        line.partition("=")
        for line in (ROOT / ".env.example").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    example = {name: value for name, _, value in lines if name != "DATA_DIR"}
    del example["SECRET_KEY"]
    shown = "{name: value for name, value in globals().items() if name.isupper()}"
    assert started(KEY | example, tmp_path, shown) == started(KEY, tmp_path, shown)
