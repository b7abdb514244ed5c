"""Rest between rounds of work, so that the rest of the process has its time."""

from __future__ import annotations

_AT_ONCE = 0.25  # seconds of work that may go ahead of its rests
_LONGEST = 0.5  # seconds


class Rest:
    """How long to rest after each round: in the long run as long as was worked, in the short not.

    What happens now and then is done at once. What happens all the time leaves half of the time to
    others.
    """

    def __init__(self) -> None:
        """Rested."""
        self._ahead = 0.0  # seconds of work that no rest has followed yet
        self._ended = 0.0  # the last round

    def after(self, worked: float, now: float) -> float:
        """The seconds to rest after a round that has ended now and took so many seconds of work.

        What a round waited for is rest as well.
        """
        rested = max(now - self._ended - worked, 0.0)
        self._ahead = max(self._ahead - rested, 0.0) + worked
        self._ended = now
        return min(max(self._ahead - _AT_ONCE, 0.0), _LONGEST)
