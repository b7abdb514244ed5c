"""`make chaos`, or `python -m tests.chaos --seed 1 --decisions 500 --kills 60 --database both`.

Exits with 1 if a rule was broken; the folder with the logs and the database is kept then.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

DATABASES = ("sqlite", "postgresql")
NOT_SHOWN = ("errors",)
BROKEN = ("a ", "an ")  # what rules begin with


def main(argv: list[str] | None = None) -> int:
    """Run the trials beside each other, print one table; 1 if a rule was broken on either."""
    options = _parse(argv)
    chosen = DATABASES if options.database == "both" else (options.database,)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the trials are ended on the way out
    begun = time.strftime("%Y-%m-%d %H:%M")
    with tempfile.TemporaryDirectory(prefix="chaos-", dir="/tmp") as beside:
        trials = {name: _start(name, options, Path(beside) / name) for name in chosen}
        try:
            figures = {name: _ended(name, trial) for name, trial in trials.items()}
        finally:
            for trial in trials.values():
                if trial.poll() is None:
                    trial.terminate()
                    trial.wait()
        broken = [name for name, made in figures.items() if made is None or _violations(made)]
        if broken:
            kept = tempfile.mkdtemp(prefix="chaos-broken-", dir="/tmp")
            shutil.copytree(beside, kept, dirs_exist_ok=True, ignore=_sockets)
            _say(f"Kept for a look: {kept}")
    _say(f"seed {options.seed}, {begun}")
    _say(_table({name: made for name, made in figures.items() if made is not None}))
    return 1 if broken else 0


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--minutes", type=float, default=30.0, help="at most (default: 30)")
    parser.add_argument("--decisions", type=int, default=500, help="at least (default: 500)")
    parser.add_argument("--kills", type=int, default=60, help="at least (default: 60)")
    parser.add_argument("--threads", type=int, default=20, help="at a time (default: 20)")
    parser.add_argument("--database", choices=(*DATABASES, "both"), default="both")
    return parser.parse_args(argv)


def _start(database: str, options: argparse.Namespace, folder: Path) -> subprocess.Popen[str]:
    data = folder / "data"
    data.mkdir(parents=True)
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "reviewconsole.settings",
        "DATA_DIR": str(data),
        "DATABASE_URL": "",
        "SECRET_KEY": "only-for-chaos-" * 4,
        "HTTPS": "0",
        "LOG_LEVEL": "INFO",
    }
    names = ("seed", "minutes", "decisions", "kills", "threads")
    chosen = json.dumps({name: getattr(options, name) for name in names})
    command = [sys.executable, "-m", "tests.chaos.trial", str(folder), chosen]
    if database == "postgresql":
        # Short: the path of a socket has room for about 100 characters.
        place = folder / "pg"
        place.mkdir()
        for parent in (folder, folder.parent):
            parent.chmod(0o755)
        environment["DATABASE_URL"] = f"postgresql://postgres@/postgres?host={place}"
        command.append(str(place))
    return subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )


def _ended(database: str, trial: subprocess.Popen[str]) -> dict[str, Any] | None:
    """The figures of a trial once it is over; None if it broke down. Its stories are printed."""
    output, _ = trial.communicate()
    *stories, last = output.splitlines() or [""]
    for line in stories:
        _say(f"{database}: {line}")
    if trial.returncode:
        _say(f"{database}: the trial ended with {trial.returncode}: {last}")
        return None
    figures: dict[str, Any] = json.loads(last)
    for error in figures["errors"]:
        _say(f"{database}: somebody failed:\n{error}")
    return figures


def _violations(figures: dict[str, Any]) -> int:
    rules = sum(count for name, count in figures.items() if name.startswith(BROKEN))
    return int(rules + figures["people who failed"])


def _table(columns: dict[str, dict[str, Any]]) -> str:
    names = list(dict.fromkeys(name for made in columns.values() for name in made))
    lines = [f"| | {' | '.join(columns)} |", f"|---|{'---|' * len(columns)}"]
    for name in names:
        if name not in NOT_SHOWN:
            cells = " | ".join(f"{made.get(name, 0):,}" for made in columns.values())
            lines.append(f"| {name} | {cells} |")
    return "\n".join(lines)


def _sockets(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if not (Path(folder) / name).is_file() and name.startswith(".s")]


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
