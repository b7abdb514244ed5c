"""A console whose pages look for themselves every second.

What a test changes here, the console's own process has no hint of. That hints travel is told by
`test_hints.py`, and by the tests of the socket.
"""

import pytest

from tests.servers import Console, StartConsole


@pytest.fixture
def console(share_console: StartConsole) -> Console:
    """A running console with impatient pages, shared with other tests."""
    return share_console(PAGE_REFRESH_SECONDS="1")
