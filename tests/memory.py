"""How much memory a process holds, as Linux says."""

from pathlib import Path

MB = 1_000_000


def resident(pid: int) -> int:
    """The bytes that a process holds in memory now."""
    return _status(pid, "VmRSS")


class Peak:
    """The most that a process has held since this was made, beyond what it held then; in bytes."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # Linux forgets the peak so far
        self._before = resident(pid)

    @property
    def growth(self) -> int:
        """By how much it has grown at most."""
        return _status(self._pid, "VmHWM") - self._before


def _status(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return int(value.split()[0]) * 1024
    raise LookupError(name)
