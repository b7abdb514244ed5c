"""Progress: what a run is at, for people who watch. Not history, and gone with the run's end."""

from __future__ import annotations

from django.db import transaction
from django.db.models import QuerySet

from agents import push
from agents.exceptions import RequestRefused
from agents.models import Progress, Run, Runner
from agents.prepared import Given, Prepared, PreparedDelete, PreparedInsert
from agents.services.column_text import column_text
from reviewconsole.protocol import messages
from reviewconsole.protocol.messages import RefusalCode

MOST_NODES = 50
MOST_CHARACTERS = 4000  # of the text's end


@transaction.atomic
def report(*, runner: Runner, request: messages.Progress) -> None:
    """Keep the last thing a runner said of a run in its hands. Queries: 2.

    What is too long is cut. Repeating changes nothing but the time.

    Raises:
        RequestRefused: `fenced` — the lease is over.
    """
    lease = request.lease
    found = _HELD(run=lease.run, attempt=lease.attempt, runner=runner.pk)
    if not found:
        raise RequestRefused(
            RefusalCode.FENCED, f"attempt {lease.attempt} of run {lease.run} is not yours any more"
        )
    row = Progress(
        run_id=lease.run,
        step=request.step,
        nodes=[column_text(node, 200) for node in request.nodes[:MOST_NODES]],
        text=column_text(request.text[-MOST_CHARACTERS:]),
    )
    _KEEP(row)
    ((thread, step),) = found
    push.changed(f"progress.{thread}")
    if step != request.step:  # another checkpoint is stored: the story and the tree go on
        push.changed(f"thread.{thread}")


def _held() -> QuerySet[Run, tuple[int, int | None]]:
    # Only the run is locked: it keeps the end of the run, which takes this away, from passing by.
    held = Run.objects.select_for_update(of=("self",)).filter(
        pk=Given("run", int),
        attempt=Given("attempt", int),
        runner=Given("runner", int),
        status=Run.Status.RUNNING,
    )
    return held.order_by().values_list("thread_id", "progress__step")


_HELD = Prepared(_held)
_KEEP = PreparedInsert(Progress, unique=("run",), updated=("step", "nodes", "text", "updated_at"))


def drop(*, run: Run) -> None:
    """Forget what a run was at, inside the transaction that takes it out of its runner's hands."""
    _DROP(run=run.pk)


_DROP = PreparedDelete(lambda: Progress.objects.filter(run=Given("run", int)))
