"""Who may do what: every role at every service that asks for one."""

import pytest
from django.contrib.auth.models import Group, User

from agents import roles
from agents.exceptions import NotAllowed
from agents.models import Gate
from agents.services import runs, tool_settings
from tests.factories import decide, dismiss, make_agent, make_interrupt, start_run

TABLE = {
    "alice": {"decide", "dismiss"},
    "bob": {"decide", "dismiss"},
    "olga": {"start", "cancel"},
    "ada": {"gate"},
    "mallory": set(),
}
SERVICES = {
    "decide": (lambda user: decide(make_interrupt(), user), "Deciding is for reviewers"),
    "dismiss": (lambda user: dismiss(make_interrupt(), user), "Deciding is for reviewers"),
    "start": (lambda user: start_run(user=user), "Starting runs is for operators"),
    "cancel": (
        lambda user: runs.cancel(run=start_run().pk, user=user),
        "Cancelling runs is for operators",
    ),
    "gate": (
        lambda user: tool_settings.set_gate(
            agent=make_agent().pk, tool="refund", gate=Gate.NEVER, user=user
        ),
        "Setting which tools are reviewed or blocked is for admins",
    ),
}


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("name", TABLE)
def test_a_service_serves_its_role_and_refuses_the_others(request, name, service):
    user = request.getfixturevalue(name)
    call, refusal = SERVICES[service]
    if service in TABLE[name]:
        call(user)
    else:
        with pytest.raises(NotAllowed, match=f"^{refusal}; ask an admin for that role"):
            call(user)


def test_who_was_sent_away_may_not_decide_any_more(alice):
    alice.is_active = False
    alice.save()
    with pytest.raises(NotAllowed):
        decide(make_interrupt(), User.objects.get(pk=alice.pk))


def test_the_operators_own_terminal_may_start_and_cancel(db):
    assert runs.cancel(run=start_run(user=None).pk, user=None).status == "cancelled"


def test_each_role_holds_exactly_its_permissions(db):
    granted = {
        group.name: {
            f"{permission.content_type.app_label}.{permission.codename}"
            for permission in group.permissions.select_related("content_type")
        }
        for group in Group.objects.all()
    }
    assert granted == {name: set(permissions) for name, permissions in roles.GRANTS.items()}


def test_roles_are_mended_when_they_were_changed_by_hand(db):
    reviewers = Group.objects.get(name=roles.REVIEWERS)
    reviewers.permissions.clear()
    operators = Group.objects.get(name=roles.OPERATORS)
    operators.permissions.set(Group.objects.get(name=roles.ADMINS).permissions.all())
    Group.objects.get(name=roles.ADMINS).delete()
    roles.grant()
    test_each_role_holds_exactly_its_permissions(None)
