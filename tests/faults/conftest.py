"""What every fault needs: agents that count their effects, and a way to review."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from langchain_core.runnables import RunnableConfig

from tests.runner.conftest import client as client, connect as connect, peer as peer

AGENTS = Path(__file__).parent / "agents" / "langgraph.json"


class Effects:
    """What the agents of a test really did, and a hold to keep one in the middle of it."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "effects.jsonl"
        self.hold = folder / "hold"

    def read(self) -> list[dict[str, object]]:
        """All effects so far, oldest first."""
        lines = self.file.read_text().splitlines() if self.file.exists() else []
        return [json.loads(line) for line in lines]


@pytest.fixture
def stock() -> RunnableConfig:
    """The configuration of a thread, for what LangGraph does by itself, in memory."""
    return {"configurable": {"thread_id": "1"}}


@pytest.fixture
def effects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Effects]:
    """The effects of the agents that runners start in this test."""
    effects = Effects(tmp_path)
    monkeypatch.setenv("EFFECTS", str(effects.file))
    monkeypatch.setenv("HOLD", str(effects.hold))
    yield effects
    effects.hold.unlink(missing_ok=True)
