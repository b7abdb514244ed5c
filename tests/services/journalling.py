"""Tool calls as runners make them under the journal: admitted, begun, ended."""

from __future__ import annotations

from itertools import count
from typing import Any

from django.contrib.auth.models import User
from django.db import connection

from agents.models import Decision, Effect, Interrupt, Run, Runner
from agents.reviews import ActionDecision
from agents.services import tool_calls
from reviewconsole.protocol import plain
from reviewconsole.protocol.messages import Admission, CallEnded, CallTool, Outcome, Whole
from tests.factories import REFUND, decide, lease_of, pause, start_run, take

_executions = count(1)
LOCK = int(connection.features.has_select_for_update)  # queries for the locks of a round
ANSWERS: dict[str, Any] = {
    "oneOf": [
        {
            "type": "object",
            "properties": {"type": {"const": kind}, **more},
            "required": ["type"],
        }
        for kind, more in (
            ("approve", {}),
            ("reject", {"message": {"type": "string"}}),
            ("respond", {"message": {}}),
        )
    ]
}


def stored(value: Any) -> Whole:
    return Whole(*plain.encode(value))


def running(run: Run | None = None, runner: Runner | None = None) -> Run:
    """A run in a runner's hands, by default a new one."""
    run = run or start_run()
    take(run, runner)
    run.refresh_from_db()
    return run


def call(run: Run, tool: str = "refund", args: Any = REFUND, **fields: Any) -> CallTool:
    """What the runner of a run asks about a call, each time as another execution."""
    given: dict[str, Any] = {"lease": lease_of(run), "ns": "tools:1", "tool": tool}
    given |= {"call_id": "call_0", "args": None if args is None else stored(args)}
    return CallTool(**given | {"execution": f"execution {next(_executions)}"} | fields)


def ask(run: Run, tool: str = "refund", args: Any = REFUND, **fields: Any) -> Admission:
    return tool_calls.admit(runner=holder(run), request=call(run, tool, args, **fields))


def holder(run: Run) -> Runner:
    run.refresh_from_db()
    assert run.runner is not None
    return run.runner


def end(
    run: Run,
    admission: Admission | Effect,
    outcome: Outcome = Outcome.FINISHED,
    result: Any = "done",
    error: str = "",
    **fields: Any,
) -> None:
    """Let the runner that an entry names tell how the call ended."""
    pk = admission.pk if isinstance(admission, Effect) else admission.effect
    effect = Effect.objects.get(pk=pk)
    kept = stored(result) if outcome in (Outcome.FINISHED, Outcome.GIVEN) else None
    given: dict[str, Any] = {"lease": lease_of(run), "effect": effect.pk, "outcome": outcome}
    given |= {"execution": effect.execution, "result": kept, "error": error}
    runner = fields.pop("runner", None) or effect.runner
    tool_calls.end(runner=runner, request=CallEnded(**given | fields))


def doubted(run: Run, admission: Admission, **changes: Any) -> Interrupt:
    """The question about a call in doubt, as the runner puts it and pauses the run."""
    value: Any = {
        "type": "tool_approval",
        "tool_call_id": "call_0",
        "name": "refund",
        "args": REFUND,
        "description": "",
        "gate": "console",
        "doubt": admission.doubt,
    }
    value |= changes
    (asked,) = pause(run, value, response_schema=ANSWERS, call_ids=("call_0",))
    return asked


def told(asked: Interrupt, user: User, decision: ActionDecision) -> tuple[Run, Decision]:
    """The run that resumes after this decision, in a runner's hands, and the decision."""
    made = decide(asked, user, decision)
    assert made.run is not None
    return running(made.run), made
