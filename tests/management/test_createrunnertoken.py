"""`manage.py createrunnertoken`"""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from agents.models import RunnerToken
from agents.services import tokens


def run(*arguments):
    output = StringIO()
    call_command("createrunnertoken", *arguments, stdout=output)
    return output.getvalue()


def test_the_secret_alone_is_printed_once(db):
    secret = run("host", "--agents", "operations, email")
    token = RunnerToken.objects.get()
    assert secret.endswith("\n")
    assert tokens.authenticate(secret=secret.strip()) == token
    assert (token.name, token.agents, token.created_by) == ("host", ["email", "operations"], None)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("host", "--agents", ","), "a token serves at least one agent."),
        (("", "--agents", "operations"), "a token needs a name."),
        (
            ("taken", "--agents", "operations"),
            "there is a token named 'taken' already; choose another name.",
        ),
        (("host",), "Error: the following arguments are required: --agents"),
    ],
)
def test_a_token_that_cannot_be_made_says_why(db, arguments, said):
    tokens.create(name="taken", agents=["operations"])
    with pytest.raises(CommandError) as error:
        run(*arguments)
    assert str(error.value) == said
    assert RunnerToken.objects.count() == 1
