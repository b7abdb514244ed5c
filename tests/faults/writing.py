"""A runner that only writes, and remembers what the console has acknowledged."""

from __future__ import annotations

import threading
from dataclasses import replace
from types import TracebackType
from typing import Self

from reviewconsole.protocol.messages import Owner, Put, Refused
from reviewconsole.runner.client import ConsoleClient
from reviewconsole.runner.exceptions import Disconnected
from tests.factories import AGENT, make_hello, new_checkpoint_id
from tests.processes import wait_until
from tests.runner.requests import parts, put


class Scribe:
    """Saves one checkpoint after the other, each once the last one is acknowledged."""

    def __init__(self, url: str, secret: str) -> None:
        hello = make_hello("scribe", agents=[AGENT])
        self.acknowledged: list[str] = []
        self.refused: list[Refused] = []
        self._client = ConsoleClient(url, secret, lambda: hello)
        self._thread = threading.Thread(target=self._write, name="scribe")

    def __enter__(self) -> Self:
        self._client.start()
        self._thread.start()
        self.goes_on()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._client.close()
        self._thread.join()

    def goes_on(self) -> None:
        """Wait until more is acknowledged."""
        before = len(self.acknowledged)
        enough = before + 3
        wait_until("more", lambda: len(self.acknowledged) >= enough or self.refused)
        assert self.refused == []

    def _write(self) -> None:
        try:
            while not self.refused:
                saved = _checkpoint()
                (result,) = self._client.call(saved).result()
                if isinstance(result, Refused):
                    self.refused.append(result)
                else:
                    self.acknowledged.append(saved.checkpoint_id)
        except Disconnected:
            return


def _checkpoint() -> Put:
    name = new_checkpoint_id()
    saved = put(name, parts(name.encode(), b"the same in all"), thread="scribe")
    return replace(saved, scope=Owner(AGENT))
