"""The ledger: what the agents really did, written by them, read by people and by the judge."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Deed:
    """One effect: which call had it, with which arguments, in which process and when."""

    thread: str
    call: str
    tool: str
    args: dict[str, Any]
    pid: int
    time: float


def append(path: str, line: dict[str, Any], *, durable: bool = True) -> None:
    """Append one line; return once it is on the disk, or with the system if not `durable`."""
    # One write to a file opened for appending: lines of several processes do not mix.
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(file, json.dumps(line).encode() + b"\n")
        if durable:
            os.fsync(file)
    finally:
        os.close(file)


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """What was appended, oldest first."""
    if path.exists():
        for line in path.read_text().splitlines():
            yield json.loads(line)


def deeds(path: Path) -> dict[tuple[str, str], list[Deed]]:
    """All effects, by thread and call."""
    found: dict[tuple[str, str], list[Deed]] = defaultdict(list)
    for line in lines(path):
        deed = Deed(**line)
        found[deed.thread, deed.call].append(deed)
    return found


def outcome(tool: str, call: str) -> str:
    """What a call returns once it has had its effect."""
    return f"{tool} {call}: done"
