"""Recorded threads in the database, as the runner that ran them would have stored them."""

from agents.models import Run, Thread
from agents.services.checkpoints import Store
from reviewconsole.protocol.messages import Done
from tests.factories import connect_runner
from tests.history.recording import Recording


def replay(recording: Recording, run: Run = None) -> Thread:
    """Store what a graph has stored; of `run`, where one is given."""
    runner = connect_runner()
    calls = [(runner.pk, put) for put in recording.recorder.puts]
    assert set(Store().execute(calls)) == {Done()}
    thread = Thread.objects.select_related("agent").get(thread_id=recording.thread)
    if run is not None:
        run.thread = thread
        run.save()
        thread.checkpoints.update(run=run)
    return thread


def describe_triggers(recording: Recording) -> dict[str, dict[str, list[str]]]:
    """The channels that trigger the nodes of the root, as a runner tells them."""
    nodes = recording.graph.nodes.items()
    return {"": {name: list(node.triggers) for name, node in nodes}}
