"""The runner's `interrupt`, which stands for `langgraph.types.interrupt` in an agent's process.

LangGraph hands answers out by position: the n-th `interrupt()` of a task takes the n-th answer. A
redelivered answer so answers the next question, and tools that run in parallel swap their answers.
Here a task takes the answer that was given to *this* question (`answers.AnswerBook`), or asks.

Uses what LangGraph keeps private; `tests/runner/test_langgraph_guards.py` fails when that moves.
"""

from __future__ import annotations

import sys
from typing import Any

import langgraph.types
from langgraph.errors import GraphInterrupt
from langgraph.types import Interrupt, _validate_resume
from pydantic import TypeAdapter

from reviewconsole.runner import edges, stateless
from reviewconsole.runner.answers import Asked, Origin, open_book
from reviewconsole.runner.exceptions import NotInForce as NotInForce
from reviewconsole.runner.tools import current_call

langgraph_interrupt = langgraph.types.interrupt


def install() -> None:
    """Put the runner's `interrupt` in the place of LangGraph's in every module loaded so far.

    Call it before agents are imported: they bind the name at import. Idempotent.
    """
    edges.install()
    stateless.install()
    for module, name in _places():
        setattr(sys.modules[module], name, interrupt)


def require_in_force(*, everywhere: bool = False) -> None:
    """Check that `langgraph.types.interrupt` is the runner's, or what every loaded module binds.

    Raises:
        NotInForce: naming the places; nothing may be resumed.
    """
    places = [f"{module}.{name}" for module, name in _places()] if everywhere else []
    if langgraph.types.interrupt is not interrupt:
        places.append("langgraph.types.interrupt")
    if places:
        raise NotInForce(
            f"{', '.join(sorted(set(places)))} is not the runner's interrupt, so answers would go "
            "by position; nothing may replace it after the runner has started"
        )


def _places() -> list[tuple[str, str]]:
    """Where modules bind LangGraph's own `interrupt`, as (module, name)."""
    return [
        (module_name, name)
        for module_name, module in list(sys.modules.items())
        if module_name != __name__
        for name, value in list(getattr(module, "__dict__", {}).items())
        if value is langgraph_interrupt
    ]


def interrupt(value: Any, *, response_schema: dict[str, Any] | type | None = None) -> Any:
    """Ask a person `value` and return the answer that was given to it.

    The first execution of a task raises; once answered, the task runs again from its start and this
    returns. Each answer is returned once in an execution. Outside of a runner's run this is
    LangGraph's own.

    Raises:
        GraphInterrupt: this question has no answer; LangGraph pauses the task.
        pydantic.ValidationError: the answer does not fit `response_schema`. Nothing was saved.
        Unstorable: LangGraph could not store the question.
    """
    book = open_book()
    if book is None:
        return langgraph_interrupt(value, response_schema=response_schema)
    asked = Asked.here(value, _origin())
    adapter: TypeAdapter[Any] | None = None
    if response_schema is not None and not isinstance(response_schema, dict):
        adapter = TypeAdapter(response_schema)
    taken = book.take(asked)
    if taken is None:
        schema = adapter.json_schema() if adapter else response_schema
        name = book.name(asked)
        book.locate(name, asked)
        raise GraphInterrupt((Interrupt(value, name, response_schema=schema),))
    answer = _validate_resume(adapter, taken.value) if adapter else taken.value
    book.record(asked, taken)
    return answer


def _origin() -> Origin | None:
    """The tool call that this question was asked in, or the conditional edge; None: a node."""
    if (call := current_call()) is not None:
        return {"tool": call.tool, "call_id": call.call_id}
    return {"edge": True} if edges.in_edge() else None
