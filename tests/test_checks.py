"""Each check fires on what it is about, and on nothing else."""

from pathlib import Path

import pytest
from django.conf import settings as configured
from django.core.checks import run_checks
from pytest_django.fixtures import Settings

DATABASE = configured.DATABASES["default"]
IN_MEMORY = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
REDIS = {"default": {"BACKEND": "reviewconsole.hints.PatientLayer"}}
HASHED = {"staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}}


@pytest.fixture(autouse=True)
def a_sound_console(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """One process on SQLite, of which there is nothing to say."""
    settings.CHANNEL_LAYERS = IN_MEMORY
    monkeypatch.setitem(DATABASE, "ENGINE", "django.db.backends.sqlite3")


def found() -> list[tuple[object, str]]:
    """The id and the text of whatever our checks have to say, for a deployment."""
    messages = run_checks(tags=["agents"], include_deployment_checks=True)
    return [(message.id, message.msg) for message in messages]


def test_there_is_nothing_to_say() -> None:
    assert found() == []


def test_the_data_directory_can_be_written(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings.DATA_DIR = tmp_path / "file" / "data"
    assert found() == [("agents.E001", f"DATA_DIR={settings.DATA_DIR} cannot be written.")]


def test_the_grace_is_shorter_than_the_lease(settings: Settings) -> None:
    settings.RUNNER_LEASE_SECONDS = 5
    assert found() == [
        (
            "agents.E002",
            "RUNNER_DISCONNECT_GRACE_SECONDS=5 is not below RUNNER_LEASE_SECONDS=5.",
        )
    ]


def test_hashed_static_files_are_collected(settings: Settings, tmp_path: Path) -> None:
    settings.STORAGES = settings.STORAGES | HASHED
    settings.STATIC_ROOT = tmp_path
    text = f"The static files are not collected in {tmp_path}: no page will load."
    assert found() == [("agents.E003", text)]
    (tmp_path / "staticfiles.json").touch()
    assert found() == []


def test_several_processes_share_their_hints(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DATABASE, "ENGINE", "django.db.backends.postgresql")
    text = "REDIS_URL is not set: the pages of one console process do not hear of the others."
    assert found() == [("agents.W001", text)]
    settings.CHANNEL_LAYERS = REDIS
    assert found() == []


def test_several_processes_do_not_share_a_file(settings: Settings) -> None:
    settings.CHANNEL_LAYERS = REDIS
    text = "REDIS_URL announces several console processes, and they share one SQLite file."
    assert found() == [("agents.W002", text)]


def test_the_demo_is_not_for_everybody(settings: Settings) -> None:
    settings.DEMO = True
    text = "DEMO=1: everybody who reaches this console can sign in as its admin."
    assert found() == [("agents.W003", text)]
