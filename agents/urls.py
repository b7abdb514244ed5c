"""The site map of the product. A view, its template and its URL have one name."""

from django.urls import path

from agents.views import (
    agents,
    checkpoints,
    compare,
    exports,
    inbox,
    interrupts,
    probes,
    runners,
    status,
    thread_deletion,
    thread_list,
    threads,
    tools,
    travel,
)

urlpatterns = [
    path("", inbox.inbox, name="inbox"),
    path("interrupts/<int:pk>/", interrupts.interrupt_detail, name="interrupt-detail"),
    path("interrupts/<int:pk>/draft/", interrupts.interrupt_draft, name="interrupt-draft"),
    path("interrupts/<int:pk>/decide/", interrupts.interrupt_decide, name="interrupt-decide"),
    path("interrupts/<int:pk>/dismiss/", interrupts.interrupt_dismiss, name="interrupt-dismiss"),
    path("interrupts/<int:pk>/change/", travel.interrupt_change, name="interrupt-change"),
    path("threads/", thread_list.thread_list, name="thread-list"),
    path("threads/<int:pk>/", threads.thread_detail, name="thread-detail"),
    path(
        "threads/<int:pk>/checkpoints/<str:checkpoint_id>/",
        checkpoints.checkpoint_detail,
        name="checkpoint-detail",
    ),
    path(
        "threads/<int:pk>/checkpoints/<str:checkpoint_id>/raw/",
        checkpoints.checkpoint_raw,
        name="checkpoint-raw",
    ),
    path(
        "threads/<int:pk>/checkpoints/<str:checkpoint_id>/replay/",
        travel.checkpoint_replay,
        name="checkpoint-replay",
    ),
    path(
        "threads/<int:pk>/checkpoints/<str:checkpoint_id>/fork/",
        travel.checkpoint_fork,
        name="checkpoint-fork",
    ),
    path(
        "threads/<int:pk>/checkpoints/<str:checkpoint_id>/copy/",
        travel.checkpoint_copy,
        name="checkpoint-copy",
    ),
    path("threads/<int:pk>/compare/", compare.thread_compare, name="thread-compare"),
    path("threads/<int:pk>/delete/", thread_deletion.thread_delete, name="thread-delete"),
    path("threads/<int:pk>/export.html", exports.thread_export_html, name="thread-export-html"),
    path("threads/<int:pk>/export.json", exports.thread_export_json, name="thread-export-json"),
    path("runs/<int:pk>/cancel/", threads.run_cancel, name="run-cancel"),
    path("runs/<int:pk>/ask-again/", threads.run_ask_again, name="run-ask-again"),
    path("agents/", agents.agent_list, name="agent-list"),
    # An agent's name may hold a slash.
    path("agents/<path:name>/", agents.agent_detail, name="agent-detail"),
    path("tools/<path:name>/", tools.agent_tools, name="agent-tools"),
    path("runners/", runners.runner_list, name="runner-list"),
    path("status/", status.status, name="status"),
    path("healthz", probes.healthz, name="healthz"),
    path("readyz", probes.readyz, name="readyz"),
    path("metrics", probes.metrics, name="metrics"),
]
