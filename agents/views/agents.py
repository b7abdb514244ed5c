"""Agents: the list, one agent, and starting a run of it."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_safe

from agents import roles
from agents.exceptions import Conflict, Invalid, NotFound
from agents.live import Topic
from agents.models import Agent
from agents.services import runs
from agents.start_form import StartForm
from agents.views.access import ConsoleRequest, console_page, page


@require_safe
@console_page
def agent_list(request: ConsoleRequest) -> HttpResponse:
    """All agents that a runner ever announced."""
    return page(request, "agents/agent_list.html", Topic("agents"))


@require_http_methods(["GET", "HEAD", "POST"])
@console_page
def agent_detail(request: ConsoleRequest, name: str) -> HttpResponse:
    """One agent; a POST starts a run of it and leads to the thread."""
    agent = Agent.objects.filter(name=name).first()
    if agent is None:
        raise NotFound(f"No agent named {name!r}.")
    form = StartForm(agent.input_schema, request.GET)
    status, refused = 200, ""
    if request.method == "POST":
        form = StartForm(agent.input_schema, request.POST)
        if form.is_final:
            try:
                return redirect("thread-detail", _start(request, agent, form))
            except Invalid as error:
                form.refuse(error.errors)
                status = error.status
            except Conflict as error:
                status, refused = error.status, str(error)
    return page(
        request,
        "agents/agent_detail.html",
        Topic("agent", agent.pk),
        status=status,
        form=form,
        refused=refused,
        may_start=request.user.has_perm(roles.START),
    )


def _start(request: ConsoleRequest, agent: Agent, form: StartForm) -> int:
    run = runs.start(
        agent=agent.name,
        input=form.value(),
        user=request.user,
        thread=form.thread or None,
        title=form.title,
    )
    return run.thread_id
