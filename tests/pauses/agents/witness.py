"""What the agents of these tests really did: one line a deed, with the thread it was done on."""

import json
import os
from pathlib import Path

from langgraph.config import get_config


def note(deed: str, **facts: object) -> None:
    """Write down that something happened."""
    thread = get_config()["configurable"]["thread_id"]
    line = json.dumps({"thread": thread, "deed": deed, **facts}, default=repr)
    with Path(os.environ["EFFECTS"]).open("a") as file:
        file.write(line + "\n")
