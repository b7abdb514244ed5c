"""What LangGraph's saver does with whole threads and runs: delete, copy, prune."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.serde.base import SerializerProtocol

from reviewconsole.protocol.messages import CopyThread, DeleteForRuns, DeleteThread, Prune, Scope
from reviewconsole.runner.client import ConsoleClient


class ThreadUpkeep(BaseCheckpointSaver[Any]):
    """The part of the saver that works on whole threads, of those that an agent keeps itself.

    The console refuses all of it in threads that a run has touched (`Refusal`, `fenced`): there
    checkpoints are the evidence of decisions, and its operators prune. All methods are idempotent.
    """

    def __init__(self, client: ConsoleClient, scope: Scope, serde: SerializerProtocol) -> None:
        super().__init__(serde=serde)
        self._client = client
        self._scope = scope

    def delete_thread(self, thread_id: str) -> None:
        """Delete a thread that has no runs, with all its checkpoints."""
        self._client.ask_sync(DeleteThread(self._scope, str(thread_id)))

    async def adelete_thread(self, thread_id: str) -> None:
        """Do as `delete_thread`."""
        await self._client.ask(DeleteThread(self._scope, str(thread_id)))

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy a thread of the owner's agent, whole, to an id that no thread has yet."""
        self._client.ask_sync(CopyThread(self._scope, str(source_thread_id), str(target_thread_id)))

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Do as `copy_thread`."""
        await self._client.ask(
            CopyThread(self._scope, str(source_thread_id), str(target_thread_id))
        )

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Delete the checkpoints, with their writes, of which the metadata name one of these runs.

        `run_ids` are those of the agent's own program, in LangGraph's metadata. Refused as a whole
        where one of them stored in a thread that a run of the console has touched, or where the
        rest of a thread would have delta channels.
        """
        for request in self._deletions(run_ids):
            self._client.ask_sync(request)

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Do as `delete_for_runs`."""
        for request in self._deletions(run_ids):
            await self._client.ask(request)

    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Shorten the history of threads; those that are not there are passed over.

        `"keep_latest"` keeps the newest checkpoint of each namespace, with its writes: in all of
        the threads, or in none. It refuses threads with delta channels, whose values are rebuilt
        from what it would remove. `"delete"` deletes the threads, one after the other.

        Raises:
            ValueError: there is no such strategy.
        """
        for request in self._prunings(thread_ids, strategy):
            self._client.ask_sync(request)

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Do as `prune`."""
        for request in self._prunings(thread_ids, strategy):
            await self._client.ask(request)

    def _deletions(self, run_ids: Sequence[str]) -> Iterator[DeleteForRuns]:
        runs = _names(run_ids)
        if runs:
            yield DeleteForRuns(self._scope, runs)

    def _prunings(self, thread_ids: Sequence[str], strategy: str) -> Iterator[Prune | DeleteThread]:
        threads = _names(thread_ids)
        match strategy:
            case "keep_latest":
                if threads:
                    yield Prune(self._scope, threads)
            case "delete":
                yield from (DeleteThread(self._scope, thread) for thread in threads)
            case _:
                raise ValueError(f"{strategy!r} is no strategy; use 'keep_latest' or 'delete'")


def _names(ids: Sequence[str]) -> tuple[str, ...]:
    if isinstance(ids, str):
        raise TypeError(f"a sequence of ids is wanted, not the one text {ids!r}")
    return tuple(map(str, ids))
