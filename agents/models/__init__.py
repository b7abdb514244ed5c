"""What is true. Written by `services` only."""

from agents.models.agent import Agent
from agents.models.checkpoint import Blob, Checkpoint, Form, Part, PendingWrite
from agents.models.decision import Decision
from agents.models.interrupt import Interrupt
from agents.models.run import Run
from agents.models.runner import Runner, RunnerToken
from agents.models.thread import Thread

__all__ = (
    "Agent",
    "Blob",
    "Checkpoint",
    "Decision",
    "Form",
    "Interrupt",
    "Part",
    "PendingWrite",
    "Run",
    "Runner",
    "RunnerToken",
    "Thread",
)
