"""System checks: settings that each look right and fail together.

agents.E001  DATA_DIR cannot be written
agents.E002  a dropped connection is forgiven for longer than a silent one
agents.E003  the static files are not collected                                (check --deploy)
agents.W001  the hints of one process do not reach the others                  (check --deploy)
agents.W002  several processes on SQLite                                       (check --deploy)
agents.W003  the passwords of the demo are open to everybody                   (check --deploy)
"""

import os
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register


@register("agents")
def data_directory_is_writable(**kwargs: object) -> Iterator[CheckMessage]:
    """The embedded database and the collected static files live in DATA_DIR."""
    place = Path(settings.DATA_DIR)
    while not place.exists():
        place = place.parent
    if not (place.is_dir() and os.access(place, os.W_OK)):
        yield Error(
            f"DATA_DIR={settings.DATA_DIR} cannot be written.",
            hint=f"Let this user write to {place}, or set DATA_DIR to another directory.",
            id="agents.E001",
        )


@register("agents")
def grace_is_shorter_than_the_lease(**kwargs: object) -> Iterator[CheckMessage]:
    """A runner that hung up is known to be gone; one that is silent may only be slow."""
    grace, lease = settings.RUNNER_DISCONNECT_GRACE_SECONDS, settings.RUNNER_LEASE_SECONDS
    if grace >= lease:
        yield Error(
            f"RUNNER_DISCONNECT_GRACE_SECONDS={grace} is not below RUNNER_LEASE_SECONDS={lease}.",
            hint="Shorten the grace, or lengthen the lease.",
            id="agents.E002",
        )


@register("agents", deploy=True)
def static_files_are_collected(**kwargs: object) -> Iterator[CheckMessage]:
    """In production a page names its static files by hash, which `collectstatic` works out."""
    hashed = "Manifest" in settings.STORAGES["staticfiles"]["BACKEND"]
    if hashed and not (Path(settings.STATIC_ROOT) / "staticfiles.json").exists():
        yield Error(
            f"The static files are not collected in {settings.STATIC_ROOT}: no page will load.",
            hint="Run `python manage.py collectstatic --noinput`, also after each upgrade.",
            id="agents.E003",
        )


@register("agents", deploy=True)
def hints_reach_every_process(**kwargs: object) -> Iterator[CheckMessage]:
    """SQLite means one process, which needs no broker; PostgreSQL suggests several, which do."""
    in_memory = "InMemory" in settings.CHANNEL_LAYERS["default"]["BACKEND"]
    postgresql = settings.DATABASES["default"]["ENGINE"].endswith("postgresql")
    if in_memory and postgresql:
        yield Warning(
            "REDIS_URL is not set: the pages of one console process do not hear of the others.",
            hint="Set REDIS_URL, or run one process only.",
            id="agents.W001",
        )
    if not in_memory and not postgresql:
        yield Warning(
            "REDIS_URL announces several console processes, and they share one SQLite file.",
            hint="Set DATABASE_URL to a PostgreSQL database, or unset REDIS_URL.",
            id="agents.W002",
        )


@register("agents", deploy=True)
def demo_is_off(**kwargs: object) -> Iterator[CheckMessage]:
    """The people of the demo have their names for passwords, and one of them is an admin."""
    if settings.DEMO:
        yield Warning(
            "DEMO=1: everybody who reaches this console can sign in as its admin.",
            hint="Unset DEMO, and start from a database that never was a demo's.",
            id="agents.W003",
        )
