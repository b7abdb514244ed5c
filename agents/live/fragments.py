"""Which topics there are, and the fragments that show each.

A fragment is a template in `templates/agents/live/` with one root element, whose id is its file
name with `-` for `_`. It holds no form and no token, so that replacing it never takes away what a
person types.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.template.loader import render_to_string

from agents.exceptions import NotFound
from agents.live import agents, effects, inbox, interrupts, pauses, progress, runners, threads, tree
from agents.live.topic import Topic, Viewer


@dataclass(frozen=True, slots=True)
class Kind:
    """How the topics of a kind are read, drawn, and woken."""

    context: Callable[[Topic, Viewer], dict[str, Any]]  # raises NotFound
    fragments: tuple[str, ...]  # templates in `agents/live/`
    listens: tuple[str, ...]  # topics of `push` that may change it; `{pk}` is the row's


KINDS: dict[str, Kind] = {
    "waiting": Kind(inbox.waiting, ("inbox_count",), ("inbox",)),
    "inbox": Kind(inbox.inbox, ("inbox_total", "inbox_list"), ("inbox", "runners")),
    "recent": Kind(inbox.recent, ("inbox_recent",), ("inbox", "runners")),
    "interrupt": Kind(
        interrupts.interrupt,
        ("interrupt_state", "interrupt_receipt"),
        ("interrupt.{pk}", "runners"),
    ),
    "pause": Kind(pauses.pause, ("pause_questions",), ("interrupt.{pk}",)),
    "thread": Kind(
        threads.thread,
        ("thread_state", "thread_story", "thread_runs", "thread_graph"),
        ("thread.{pk}",),
    ),
    "tree": Kind(tree.tree, ("thread_tree",), ("thread.{pk}",)),
    "effects": Kind(effects.effects, ("thread_effects",), ("effects.{pk}", "thread.{pk}")),
    "progress": Kind(progress.progress, ("thread_progress",), ("progress.{pk}", "thread.{pk}")),
    "agents": Kind(agents.agents, ("agent_rows",), ("agents", "runners")),
    "agent": Kind(
        agents.agent,
        ("agent_tools", "agent_graph", "agent_runners", "agent_threads"),
        ("agent.{pk}", "runners"),
    ),
    "runners": Kind(runners.runners, ("runner_rows",), ("runners",)),
}


def context(topic: Topic, viewer: Viewer) -> dict[str, Any]:
    """Read what the fragments of a topic show.

    Raises:
        NotFound: there is no such topic or row.
    """
    return _kind(topic).context(topic, viewer)


def render(topic: Topic, viewer: Viewer) -> dict[str, str]:
    """Draw the fragments of a topic: HTML by the id of its root element.

    Raises:
        NotFound: there is no such topic or row.
    """
    shown = context(topic, viewer)
    return {
        name.replace("_", "-"): render_to_string(f"agents/live/{name}.html", shown)
        for name in _kind(topic).fragments
    }


def sources(topic: Topic) -> tuple[str, ...]:
    """The topics of `push` that tell of changes to a topic.

    Raises:
        NotFound: there is no such topic.
    """
    return tuple(name.format(pk=topic.pk) for name in _kind(topic).listens)


def _kind(topic: Topic) -> Kind:
    try:
        return KINDS[topic.kind]
    except KeyError:
        raise NotFound(f"There is no topic {str(topic)!r}.") from None
