"""`python -m reviewconsole.runner`: serve the agents of a langgraph.json to a console.

Exit codes: 0 stopped by a signal, 2 wrong usage, 3 no agent can be served, 4 the console refuses
this runner.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from reviewconsole.runner.worker import Runner

WRONG_USAGE, NO_AGENT, REFUSED = 2, 3, 4
STOP_SECONDS = 20.0  # from the first SIGTERM to the end, whatever agents do
NOW_SECONDS = 3.0  # from the second one

logger = logging.getLogger("reviewconsole.runner")


def main(argv: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT; return the exit code."""
    options = _parse(argv)
    _log_lines()
    # LangGraph reads it at import: stored values may then never name code to call.
    os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"
    code = _serve(options)
    if any(thread.name.startswith("agent_") for thread in threading.enumerate()):
        # Functions of agents that do not end would keep the process for ever.
        logging.shutdown()
        os._exit(code)
    return code


def _serve(options: argparse.Namespace) -> int:
    # LangGraph, with the runner's `interrupt` and tools that ask, before any agent: see `main`,
    # `interrupts` and `tools`.
    from reviewconsole.protocol.exceptions import ProtocolError  # noqa: PLC0415
    from reviewconsole.runner import interrupts, tools  # noqa: PLC0415

    interrupts.install()
    tools.install()
    from reviewconsole.runner import graphs  # noqa: PLC0415
    from reviewconsole.runner.exceptions import Refusal  # noqa: PLC0415
    from reviewconsole.runner.worker import NothingToServe, Runner  # noqa: PLC0415

    try:
        agents = graphs.load(options.agents)
        runner = Runner(
            options.url,
            options.token,
            agents,
            name=options.name,
            capacity=options.capacity,
            tokens=options.tokens,
        )
    except (graphs.GraphLoadError, ValueError) as error:
        logger.error("%s", error)
        return WRONG_USAGE
    try:
        with _Deadline() as deadline:
            asyncio.run(_until_stopped(runner, deadline))
    except (NothingToServe, interrupts.NotInForce) as error:
        logger.error("%s", error)
        return NO_AGENT
    except (ProtocolError, Refusal) as error:
        logger.error("the console refuses this runner: %s", error)
        return REFUSED
    return 0


class _Deadline:
    """Ends the process, whatever agents do against it: they may block the loop, or stay."""

    def __init__(self) -> None:
        self._timers: list[threading.Timer] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for timer in self._timers:
            timer.cancel()

    def set(self, seconds: float) -> None:
        """End in so many seconds at the latest, unless everything has ended by then."""
        timer = threading.Timer(seconds, self._end)
        timer.daemon = True
        timer.start()
        self._timers.append(timer)

    def _end(self) -> None:
        logger.error("agents do not stop; their runs go to another runner when their leases end")
        logging.shutdown()
        os._exit(0)


async def _until_stopped(runner: Runner, deadline: _Deadline) -> None:
    loop = asyncio.get_running_loop()
    patience = iter((STOP_SECONDS,))

    def stop(*_: object) -> None:
        deadline.set(next(patience, NOW_SECONDS))
        loop.call_soon_threadsafe(runner.stop)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)  # not by the loop, which an agent may block
    try:
        await runner.run()
    finally:
        deadline.set(NOW_SECONDS)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="reviewconsole-runner",
        description="Serve the agents of a langgraph.json to a review console.",
    )
    parser.add_argument(
        "--url",
        default=os.environ.get("REVIEWCONSOLE_URL"),
        help="the console, such as wss://console.example.org (or REVIEWCONSOLE_URL)",
    )
    parser.add_argument(
        "--token",
        default=os.environ.get("REVIEWCONSOLE_TOKEN"),
        help="from `manage.py createrunnertoken`; better in REVIEWCONSOLE_TOKEN, where no list of "
        "processes shows it",
    )
    parser.add_argument(
        "--agents",
        type=Path,
        default=Path("langgraph.json"),
        help="the langgraph.json that names the agents (default: the one here)",
    )
    parser.add_argument(
        "--name",
        default=f"{socket.gethostname()}:{os.getpid()}",
        help="what people see (default: host and process)",
    )
    parser.add_argument(
        "--capacity", type=_at_least_one, default=20, help="runs at a time (default: 20)"
    )
    parser.add_argument(
        "--no-tokens",
        dest="tokens",
        action="store_false",
        default=os.environ.get("REVIEWCONSOLE_TOKENS", "1") != "0",
        help="let chat models answer in one piece instead of streaming, so that nobody sees what a "
        "model says while it says it (or REVIEWCONSOLE_TOKENS=0)",
    )
    options = parser.parse_args(argv)
    for missing in ("url", "token"):
        if not getattr(options, missing):
            parser.error(f"give --{missing}, or set REVIEWCONSOLE_{missing.upper()}")
    return options


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is too few; give 1 or more")
    return number


class _Line(logging.Formatter):
    """One record, one line: agents' texts cannot forge a record."""

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).replace("\r", "\\r").replace("\n", "\\n")


def _log_lines() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Line("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for chatty in ("httpx", "websockets"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


if __name__ == "__main__":
    sys.exit(main())
