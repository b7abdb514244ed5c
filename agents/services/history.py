"""A thread's past: its checkpoints, the tree of its branches, and two of them side by side.

This is the only way to read the checkpoint store for people; it hides how that is laid out.
"""

from __future__ import annotations

from agents.history.tasks import Task
from agents.services.checkpoint_states import CheckpointState, changes, checkpoint, raw
from agents.services.checkpoint_trees import Tree, nodes_taken, tree, way
from agents.services.comparisons import Comparison, Differing, compare
from agents.services.tree_rows import Row

__all__ = [
    "CheckpointState",
    "Comparison",
    "Differing",
    "Row",
    "Task",
    "Tree",
    "changes",
    "checkpoint",
    "compare",
    "nodes_taken",
    "raw",
    "tree",
    "way",
]
