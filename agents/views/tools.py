"""Tools of an agent: what an admin lets run, has reviewed, or blocks."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from agents.exceptions import InvalidInput, NotFound
from agents.models import Agent, Gate
from agents.services import tool_settings
from agents.views.access import ConsoleRequest, console_page


@require_POST
@console_page
def agent_tools(request: ConsoleRequest, name: str) -> HttpResponse:
    """Set the gate of one tool, or whether it may run twice, and go back to the agent's page.

    A button carries both: its name is the gate or a mark, its value the tool; or the tool stands in
    a field of its own, `tool`, beside a button without a value.
    """
    agent = Agent.objects.only("pk").filter(name=name).first()
    if agent is None:
        raise NotFound(f"No agent named {name!r}.")
    ordered, tool = _ordered(request.POST)
    try:
        if isinstance(ordered, Gate):
            tool_settings.set_gate(agent=agent.pk, tool=tool, gate=ordered, user=request.user)
        else:
            tool_settings.set_idempotent(
                agent=agent.pk, tool=tool, is_idempotent=_MARKS[ordered], user=request.user
            )
    except InvalidInput as error:
        messages.error(request, str(error))
    return redirect(reverse("agent-detail", args=[name]) + "#tools-title")


_MARKS = {"may_run_twice": True, "ask_in_doubt": False}


def _ordered(post: QueryDict) -> tuple[Gate | str, str]:
    for ordered in (*Gate, *_MARKS):
        if ordered in post:
            return ordered, str(post[ordered]) or str(post.get("tool", ""))
    raise NotFound("This form says nothing about any tool.")
