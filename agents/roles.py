"""The roles: groups and what each may do. Made and mended at every `migrate`."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group, Permission

REVIEWERS, OPERATORS, ADMINS = "Reviewers", "Operators", "Admins"

LOOK = "agents.view_thread"
DECIDE = "agents.decide_interrupt"
START = "agents.start_run"
GATE = "agents.gate_tool"
ERASE = "agents.delete_thread"

_MANAGED_IN_ADMIN = (
    "auth.add_user", "auth.change_user", "auth.view_user", "auth.view_group",
    "agents.add_runnertoken", "agents.change_runnertoken", "agents.view_runnertoken",
    "agents.view_agent", "agents.view_runner", "agents.view_run", "agents.view_interrupt",
    "agents.view_decision", "agents.view_effect",
)  # fmt: skip

GRANTS: dict[str, tuple[str, ...]] = {
    REVIEWERS: (LOOK, DECIDE),
    OPERATORS: (LOOK, START),
    ADMINS: (LOOK, GATE, ERASE, *_MANAGED_IN_ADMIN),
}


def grant(**_: Any) -> None:
    """Give each group exactly its permissions; a `post_migrate` receiver, idempotent."""
    for name, permissions in GRANTS.items():
        group, _made = Group.objects.get_or_create(name=name)
        wanted = [_permission(label) for label in permissions]
        group.permissions.set([permission for permission in wanted if permission is not None])


def _permission(label: str) -> Permission | None:
    # Permissions of an app that is not migrated yet come with that app's own signal.
    app, codename = label.split(".")
    return Permission.objects.filter(content_type__app_label=app, codename=codename).first()
