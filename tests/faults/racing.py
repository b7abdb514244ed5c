"""Several people, or processes, at the same moment."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection

PATIENCE_SECONDS = 20


def race(*actions: Callable[[], Any]) -> list[Any]:
    """Do all actions at once, each in a thread; return what each returned or raised."""
    start = threading.Barrier(len(actions), timeout=PATIENCE_SECONDS)

    def run(action: Callable[[], Any]) -> Any:
        try:
            connection.ensure_connection()
            start.wait()
            return action()
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(actions)) as threads:
        return list(threads.map(run, actions))
