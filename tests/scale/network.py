"""Another host: a network namespace, joined to this one by a link that can be cut."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from tests import interfaces

HERE, THERE = "10.99.7.1", "10.99.7.2"


class Host:
    """The other host. Its name and the names of the link's ends carry this process's id."""

    def __init__(self) -> None:
        """Name it."""
        self.name = f"reviewconsole-{os.getpid()}"
        self.link, self.far = f"rc{os.getpid()}h", f"rc{os.getpid()}t"

    @property
    def within(self) -> Sequence[str]:
        """What starts a command there."""
        return ("ip", "netns", "exec", self.name)

    def cut(self) -> None:
        """Take the link down: packets are lost, and no connection is told."""
        _ip("link", "set", self.link, "down")

    def heal(self) -> None:
        """Take it up again, with the address that this end loses when it goes down."""
        _ip("link", "set", self.link, "up")
        _ip("address", "replace", f"{HERE}/24", "dev", self.link)


@contextmanager
def other_host() -> Iterator[Host]:
    """Make one, at `THERE`; it is gone afterwards. Skips the test where that is not allowed."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("a host of its own needs root and iproute2: runners elsewhere are not tried")
    with interfaces.changing():
        yield from _other_host(Host())


def _other_host(host: Host) -> Iterator[Host]:
    try:
        _ip("netns", "add", host.name)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no network namespace here: runners elsewhere are not tried: {error.stderr}")
    try:
        _ip("link", "add", host.link, "type", "veth", "peer", "name", host.far)
        _ip("link", "set", host.far, "netns", host.name)
        inside = ("-n", host.name)
        _ip(*inside, "address", "add", f"{THERE}/24", "dev", host.far)
        _ip(*inside, "link", "set", host.far, "up")
        _ip(*inside, "link", "set", "lo", "up")
        host.heal()
        yield host
    finally:
        subprocess.run(("ip", "link", "delete", host.link), capture_output=True)
        _ip("netns", "delete", host.name)


def _ip(*words: str) -> None:
    subprocess.run(("ip", *words), check=True, capture_output=True, text=True)
