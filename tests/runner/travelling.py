"""What tests of replays and forks read of a thread."""

from __future__ import annotations

from typing import Any

from reviewconsole.protocol import tagged
from reviewconsole.protocol.marks import FROM
from reviewconsole.protocol.messages import Assignment, StoredCheckpoint
from tests.runner.executing import Desk


def metadata(checkpoint: StoredCheckpoint) -> dict[str, Any]:
    found: Any = tagged.loads(checkpoint.metadata.decode())
    return dict(found)


def branches(desk: Desk, trip: Assignment) -> list[StoredCheckpoint]:
    """The checkpoints with which a run has begun a branch, of those made after its base."""
    assert trip.travel is not None
    at = trip.travel.checkpoint_id
    made = [each for each in desk.history() if each.checkpoint_id > str(trip.base_checkpoint_id)]
    kin = {each.checkpoint_id for each in made}
    return [
        each
        for each in made
        if each.parent_id not in kin and at in (each.parent_id, metadata(each).get(FROM))
    ]
