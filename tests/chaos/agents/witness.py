"""A witness in the runner's process: it notes what the console has acknowledged to it."""

import os
from functools import wraps
from typing import Any

from langgraph.checkpoint.base import get_checkpoint_id

from reviewconsole.runner.checkpointer import ConsoleSaver
from tests.chaos.ledger import append


def install() -> None:
    """Note each checkpoint and each pending write from now on, after its acknowledgement."""
    put, put_writes = ConsoleSaver.aput, ConsoleSaver.aput_writes

    @wraps(put)
    async def noted_put(saver: ConsoleSaver, config: Any, checkpoint: Any, *rest: Any) -> Any:
        stored = await put(saver, config, checkpoint, *rest)
        _note(config, checkpoint["id"], "")
        return stored

    @wraps(put_writes)
    async def noted_put_writes(
        saver: ConsoleSaver, config: Any, writes: Any, task_id: str, *rest: Any
    ) -> None:
        await put_writes(saver, config, writes, task_id, *rest)
        _note(config, get_checkpoint_id(config) or "", task_id)

    ConsoleSaver.aput = noted_put  # type: ignore[method-assign, assignment]
    ConsoleSaver.aput_writes = noted_put_writes  # type: ignore[method-assign, assignment]


def _note(config: Any, checkpoint: str, task: str) -> None:
    named = config["configurable"]
    append(
        os.environ["ACKNOWLEDGED"],
        {
            "thread": named["thread_id"],
            "ns": named.get("checkpoint_ns", ""),
            "checkpoint": checkpoint,
            "task": task,
        },
        durable=False,  # it outlives the process, which is all that is killed here
    )
