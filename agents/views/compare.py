"""Two checkpoints of a thread side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from agents.services import history
from agents.services.foresight import thread_of
from agents.services.history import CheckpointState, Comparison, Row
from agents.views.access import ConsoleRequest, console_page, page


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: where it ends, and how it came there since they parted."""

    letter: str
    end: CheckpointState
    way: tuple[Row, ...]  # oldest first
    cut: bool  # the oldest part is left out


@dataclass(frozen=True, slots=True)
class Option:
    """A checkpoint to choose; `row` is what is known of it, in the window of the newest ones."""

    checkpoint_id: str
    checkpoint: Row | CheckpointState
    row: Row | None = None


@require_safe
@console_page
def thread_compare(request: ConsoleRequest, pk: int) -> HttpResponse:
    """Compare the checkpoints `?a=` and `?b=`; without both, choose them."""
    thread = thread_of(pk)
    a, b = request.GET.get("a", ""), request.GET.get("b", "")
    compared = history.compare(thread=thread, a=a, b=b) if a and b else None
    rows = history.tree(thread=thread).rows
    if compared is None:
        a, b = _usual(rows, a, b)
    return page(
        request,
        "agents/thread_compare.html",
        thread=thread,
        a=a,
        b=b,
        compared=compared,
        sides=_sides(compared) if compared else (),
        ancestor=_named(compared, rows) if compared else None,
        options=list(_options(rows, compared)),
        address=request.build_absolute_uri(),
    )


def _usual(rows: tuple[Row, ...], a: str, b: str) -> tuple[str, str]:
    """What is chosen at first: the ends of the two newest branches."""
    ends = [row.checkpoint_id for row in rows if row.is_tip] or [""]
    a = a or ends[0]
    return a, b or next((end for end in ends if end != a), a)


def _named(compared: Comparison, rows: tuple[Row, ...]) -> Row | CheckpointState | None:
    """What is known of the ancestor here, to name it; None if it is older than all of that."""
    ends = {state.row.checkpoint_id: state for state in (compared.a, compared.b)}
    known = {row.checkpoint_id: row for row in rows}
    return known.get(compared.ancestor or "") or ends.get(compared.ancestor or "")


def _sides(compared: Comparison) -> tuple[Side, Side]:
    return (
        Side("A", compared.a, compared.way_a, compared.cut_a),
        Side("B", compared.b, compared.way_b, compared.cut_b),
    )


def _options(rows: tuple[Row, ...], compared: Comparison | None) -> Iterator[Option]:
    """The newest checkpoints, after those that are compared and are older."""
    newest = {row.checkpoint_id for row in rows}
    for state in (compared.a, compared.b) if compared else ():
        if state.row.checkpoint_id not in newest:
            newest.add(state.row.checkpoint_id)
            yield Option(state.row.checkpoint_id, state)
    for row in rows:
        yield Option(row.checkpoint_id, row, row)
