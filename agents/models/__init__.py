"""What is true. Written by `services` only."""

from agents.models.agent import Agent
from agents.models.checkpoint import SHOWN, Blob, Checkpoint, Form, Part, PendingWrite
from agents.models.decision import Decision
from agents.models.draft import Draft
from agents.models.effect import Effect, EffectResult
from agents.models.interrupt import Interrupt
from agents.models.progress import Progress
from agents.models.run import Run
from agents.models.runner import Runner, RunnerToken
from agents.models.sign_in import SignInAttempt
from agents.models.thread import Thread
from agents.models.thread_search import ThreadWords
from agents.models.tool import CallVerdict, Gate, ToolSetting, Violation

__all__ = (
    "SHOWN",
    "Agent",
    "Blob",
    "CallVerdict",
    "Checkpoint",
    "Decision",
    "Draft",
    "Effect",
    "EffectResult",
    "Form",
    "Gate",
    "Interrupt",
    "Part",
    "PendingWrite",
    "Progress",
    "Run",
    "Runner",
    "RunnerToken",
    "SignInAttempt",
    "Thread",
    "ThreadWords",
    "ToolSetting",
    "Violation",
)
