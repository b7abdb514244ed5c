"""Changing the state: from what was posted to what is written."""

import pytest

from agents.exceptions import InvalidAnswer
from agents.forms import StateForm
from reviewconsole.protocol.plain import Plain

Post = dict[str, list[str]]
SCHEMA: Plain = {
    "type": "object",
    "properties": {"plan": {"type": "string"}, "limit": {"type": "integer"}},
}
STATE: Plain = {"plan": "refund", "limit": 2**60}


def on(channel: str, *, shown: bool = True, **typed: str) -> Post:
    """What a browser posts of a channel that is switched on."""
    post = {f"state.{channel}:on": ["1"]}
    if shown:
        post[f"state.{channel}:shown"] = ["1"]
    return post | {f"state.{channel}": [text] for text in typed.values()}


def refused(form: StateForm) -> dict[str, str]:
    with pytest.raises(InvalidAnswer) as refusal:
        form.update()
    return refusal.value.errors


@pytest.mark.parametrize("post", [None, {}, {"state.plan": ["none"]}])
def test_what_is_not_switched_on_is_not_written(post: Post | None) -> None:
    form = StateForm(SCHEMA, STATE, post)
    assert (form.update(), form.is_open) == (None, False)


def test_only_what_is_on_is_written() -> None:
    form = StateForm(SCHEMA, STATE, on("plan", text="none") | {"state.limit": ["5"]})
    assert form.update() == form.preview == {"plan": "none"}
    assert [channel.on for channel in form.channels] == [True, False]


def test_a_large_number_that_was_not_touched_stays_exact() -> None:
    assert StateForm(SCHEMA, STATE, on("limit", text=str(2**60))).update() == {"limit": 2**60}


def test_a_channel_just_switched_on_starts_from_what_stands_there() -> None:
    form = StateForm(SCHEMA, STATE, on("plan", shown=False))
    plan = form.channels[0]
    assert (plan.on, plan.field.text, plan.field.error) == (True, "refund", "")
    assert form.preview is None
    assert refused(form) == {"state.plan": "Write what plan is to be."}


def test_what_cannot_be_read_is_told_and_nothing_is_written() -> None:
    form = StateForm(SCHEMA, STATE, on("limit", text="many") | on("plan", text="none"))
    assert list(refused(form)) == ["state.limit"]
    assert form.channels[1].field.text == "many"
    assert form.anchor("state.limit") == "state.limit"


def test_what_the_service_refuses_stands_at_its_field() -> None:
    form = StateForm(SCHEMA, STATE, on("plan", text="none"))
    form.refuse({"state.plan": "bob writes it already.", "questions.0": "Another matter."})
    assert form.channels[0].field.error == "bob writes it already."
    assert form.anchor("state.limit") == "state.limit:on"
    assert form.anchor("questions.0") is None


def test_without_a_schema_the_channels_of_the_state_are_known() -> None:
    form = StateForm(None, STATE, on("plan", text="none"))
    assert form.update() == {"plan": "none"}
