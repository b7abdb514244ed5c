"""What the example tools do to the world: a line in a file, or nothing.

The tools only pretend. If the environment variable `REVIEW_CONSOLE_EFFECTS` names a file, each real
execution of a tool appends one JSON line `{"tool": …, "args": …}` to it, so that anyone can see
what ran, with which arguments, and how often.
"""

import json
import os

from pydantic_core import to_jsonable_python


def record(tool: str, **args: object) -> None:
    """Append this execution of `tool` to the effects file, if there is one."""
    path = os.environ.get("REVIEW_CONSOLE_EFFECTS")
    if not path:
        return
    line = json.dumps({"tool": tool, "args": to_jsonable_python(args)}) + "\n"
    # One write to a file opened for appending: lines of several runners do not mix.
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)
