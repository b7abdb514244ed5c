"""Graphs that keep no checkpoints, inside one that does.

The executor runs a graph with `durability="sync"`: each step waits until the checkpoint of the one
before is stored. The graphs inside inherit that, and where one keeps none (`checkpointer=False`)
LangGraph waits for an attribute that is not there.

Uses what LangGraph keeps private; `tests/runner/test_langgraph_guards.py` fails when that moves.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from langgraph.pregel._loop import PregelLoop


class _Stored:
    """The write of a checkpoint where there is none to write, in the form of a future."""

    def result(self) -> None:
        """Do as `concurrent.futures.Future`, for loops in a thread."""

    def __await__(self) -> Generator[Any, None, None]:
        return
        yield


def install() -> None:
    """Let graphs without checkpoints wait for nothing. Idempotent.

    A loop that does store one sets its own future over this.
    """
    PregelLoop._put_checkpoint_fut = _Stored()  # type: ignore[assignment]  # as much of one as is used
