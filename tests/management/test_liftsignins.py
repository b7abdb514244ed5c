"""`manage.py liftsignins`: whoever was shut out can sign in again."""

from io import StringIO

import pytest
from django.core.management import call_command

from tests.services.test_sign_ins import tries


def lift(*names: str) -> str:
    """What the command prints."""
    out = StringIO()
    call_command("liftsignins", *names, stdout=out)
    return out.getvalue()


@pytest.mark.django_db
def test_one_person_or_everybody() -> None:
    for name in ("alice", "bob"):
        assert tries(6, name=name) == 5
    assert lift("ALICE") == "5 attempts forgotten\n"
    assert (tries(1), tries(1, name="bob")) == (1, 0)
    assert lift() == "6 attempts forgotten\n"
    assert tries(1, name="bob") == 1
