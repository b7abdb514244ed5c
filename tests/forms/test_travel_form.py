"""Orders about a thread's past: from what was posted to what is ordered."""

import pytest

from agents.exceptions import InvalidAnswer
from agents.forms import ForkForm, TravelForm
from agents.forms.travel_form import END, MAX_REASON, Fork, United, writers
from reviewconsole.protocol.plain import Plain

Post = dict[str, list[str]]
SCHEMA: Plain = {
    "properties": {
        "plan": {"type": "string"},
        "log": {"type": "array", "items": {"type": "string"}, "x-reducer": "add"},
    }
}
VALUES: dict[str, Plain] = {"plan": "refund", "log": ["asked"]}


def fork(post: Post | None = None) -> ForkForm:
    """The form of a fork where `ask` waits, as first shown or as posted."""
    return ForkForm(SCHEMA, VALUES, writers(["ask"], ["plan", "ask", "pay"]), post)


def on(channel: str, text: str) -> Post:
    """What a browser posts of a channel that is switched on."""
    if channel == "log":
        return {"state.log:on": ["1"], "state.log:shown": ["1"], "state.log:json": [text]}
    return {f"state.{channel}{part}": [value] for part, value in (
        (":on", "1"), (":shown", "1"), ("", text)
    )}  # fmt: skip


def refused(form: ForkForm) -> dict[str, str]:
    with pytest.raises(InvalidAnswer) as refusal:
        form.made()
    return refusal.value.errors


class TestReason:
    """What every order has."""

    def test_it_keeps_what_was_typed_and_what_was_said(self):
        form = TravelForm({"reason": [" wrong customer\r\n"], "next": ["tools", "legal"]})
        form.check(reason=True)
        assert (form.reason, form.said) == ("wrong customer", ("tools", "legal"))

    def test_it_may_be_left_out_where_it_is_not_asked_for(self):
        TravelForm().check()
        form = TravelForm({"reason": [" "]})
        with pytest.raises(InvalidAnswer):
            form.check(reason=True)
        assert list(form.errors) == ["reason"]

    def test_it_has_an_end(self):
        form = TravelForm({"reason": ["x" * (MAX_REASON + 1)]})
        with pytest.raises(InvalidAnswer):
            form.check()
        assert form.errors == {"reason": "At most 2,000 characters; these are 2,001."}


class TestFork:
    """What is changed, as whom, and whether it goes on."""

    def test_nothing_is_changed_at_first(self):
        form = fork()
        assert list(refused(form)) == ["update"]
        assert not form.written
        assert not form.is_unfolding
        assert fork({"then": ["stay"]}).made() == Fork(None, "", stays=True)

    def test_the_writers_are_the_usual_one_who_waits_the_others_and_the_end(self):
        made = [(writer.node, writer.waits) for writer in fork().writers]
        expected = [("", False), ("ask", True), ("plan", False), ("pay", False), (END, False)]
        assert made == expected

    def test_a_change_as_somebody_else_that_stays(self):
        form = fork(on("plan", "repay") | {"as_node": ["pay"], "then": ["stay"]})
        assert form.made() == Fork({"plan": "repay"}, "pay", stays=True)
        (change,) = form.written.replaced.changes
        assert (change.before, change.after) == ("refund", "repay")

    def test_what_stands_there_already_is_not_written(self):
        form = fork(on("plan", "refund") | {"as_node": ["ask"]})
        assert form.made() == Fork(None, "ask", stays=False)

    def test_what_a_reducer_unites_is_written_whatever_stands_there(self):
        form = fork(on("log", '["asked"]'))
        assert form.made().update == {"log": ["asked"]}
        assert form.written.united == (United("log", "add", ["asked"]),)

    def test_a_channel_that_was_just_opened_is_no_mistake(self):
        assert fork({"state.plan:on": ["1"]}).is_unfolding
        assert fork({"op": ["add:state.log"]}).is_unfolding
        assert not fork(on("plan", "repay")).is_unfolding

    def test_a_node_nobody_knows_is_refused(self):
        form = fork({"as_node": ["rm -rf"]})
        assert refused(form) == {"as_node": "'rm -rf' is no node that can have written here."}
        assert form.chosen.node == ""

    def test_mistakes_are_told_where_they_are(self):
        form = fork(on("log", "[1") | {"as_node": ["pay"]})
        form.refuse(refused(form))
        ((anchor, _text),) = form.summary()
        assert anchor == "state.log:json"
        assert form.state.channels[1].field.error

    def test_a_preview_is_of_one_fork_only(self):
        shown = fork(on("plan", "repay")).digest
        assert fork(on("plan", "repay")).digest == shown
        others = [on("plan", "pay"), on("plan", "repay") | {"then": ["stay"]}]
        assert shown not in {fork(post).digest for post in others}
