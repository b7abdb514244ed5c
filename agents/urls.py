"""The site map of the product. A view, its template and its URL have one name."""

from django.urls import path

from agents.views import agents, inbox, interrupts, runners, thread_list, threads, tools

urlpatterns = [
    path("", inbox.inbox, name="inbox"),
    path("interrupts/<int:pk>/", interrupts.interrupt_detail, name="interrupt-detail"),
    path("interrupts/<int:pk>/draft/", interrupts.interrupt_draft, name="interrupt-draft"),
    path("interrupts/<int:pk>/decide/", interrupts.interrupt_decide, name="interrupt-decide"),
    path("interrupts/<int:pk>/dismiss/", interrupts.interrupt_dismiss, name="interrupt-dismiss"),
    path("threads/", thread_list.thread_list, name="thread-list"),
    path("threads/<int:pk>/", threads.thread_detail, name="thread-detail"),
    path("runs/<int:pk>/cancel/", threads.run_cancel, name="run-cancel"),
    path("runs/<int:pk>/ask-again/", threads.run_ask_again, name="run-ask-again"),
    path("agents/", agents.agent_list, name="agent-list"),
    # An agent's name may hold a slash.
    path("agents/<path:name>/", agents.agent_detail, name="agent-detail"),
    path("tools/<path:name>/", tools.agent_tools, name="agent-tools"),
    path("runners/", runners.runner_list, name="runner-list"),
]
