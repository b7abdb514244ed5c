"""Remove old checkpoints from the terminal, or by a timer."""

from __future__ import annotations

import re
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Exists, OuterRef
from django.utils import timezone

from agents.models import Checkpoint, Thread
from agents.services import pruning
from agents.services.pruning import Pruned

_AT_ONCE = 1000  # names of threads in memory
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}


def age(text: str) -> timedelta:
    """Read an age such as `12h`, `30d` or `8w`.

    Raises:
        ArgumentTypeError: it is none.
    """
    found = re.fullmatch(r"([0-9]{1,6})([hdw])", text)
    if found is None:
        raise ArgumentTypeError(f"{text!r} is no age: write 12h, 30d or 8w")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def count(text: str) -> int:
    """Read how many to keep: at least one.

    Raises:
        ArgumentTypeError: it is no such number.
    """
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is no number of checkpoints: keep 1 or more")
    return int(text)


class Command(BaseCommand):
    """Prune threads one by one, each in a transaction of its own."""

    help = (
        "Remove checkpoints that are older than an age and not among the newest of their thread. "
        "Never removed: where a thread stands, the end of each branch, what a question was asked "
        "at. Left alone: threads with a run that is not over, with delta channels, or that an "
        "agent writes without runs."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take what may go."""
        parser.add_argument("--older-than", type=age, required=True, help="such as 12h, 30d or 8w")
        parser.add_argument("--keep", type=count, default=20, help="newest ones kept (default 20)")
        parser.add_argument("--thread", help="only the thread of this id")
        parser.add_argument("--dry-run", action="store_true", help="count, and remove nothing")

    def handle(
        self, *, older_than: timedelta, keep: int, thread: str | None, dry_run: bool, **_: Any
    ) -> None:
        """Prune, and say thread by thread what went or why nothing did."""
        before = timezone.now() - older_than
        if thread is not None and not Thread.objects.filter(thread_id=thread).exists():
            raise CommandError(f"There is no thread {thread!r}.")
        done = [0, 0, 0, 0]
        for pk, name in _threads(before, thread):
            pruned = pruning.prune(thread=pk, before=before, keep=keep, dry_run=dry_run)
            counts = (pruned.checkpoints, pruned.values, pruned.writes, pruned.parts)
            done = [so_far + now for so_far, now in zip(done, counts, strict=True)]
            if pruned.spared:
                self.stdout.write(f"{name}: left alone, {pruned.spared}")
            elif pruned != Pruned():
                self.stdout.write(f"{name}: {_said(*counts)}")
        verb = "Would remove" if dry_run else "Removed"
        self.stdout.write(f"{verb} {_said(*done)}.")


def _said(checkpoints: int, values: int, writes: int, parts: int) -> str:
    return f"{checkpoints} checkpoints, {values} values, {writes} writes, {parts} parts"


def _threads(before: datetime, thread: str | None) -> Iterator[tuple[int, str]]:
    """The threads that have something old enough, by primary key."""
    old = Checkpoint.objects.filter(thread=OuterRef("pk"), created_at__lt=before)
    rows = Thread.objects.filter(Exists(old)).order_by("pk").values_list("pk", "thread_id")
    if thread is not None:
        rows = rows.filter(thread_id=thread)
    after = 0
    while found := list(rows.filter(pk__gt=after)[:_AT_ONCE]):
        yield from found
        after = found[-1][0]
