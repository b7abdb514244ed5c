"""States and their changes, as people read them."""

import pytest

from agents.reviews import state_reading
from agents.reviews.diff import ChangeKind, diff
from agents.reviews.state_reading import Cut, changed_channels, channels
from reviewconsole.protocol.plain import Plain, Typed

SAID: list[Plain] = [
    {"type": "human", "content": "Pay Bob."},
    Typed(5, "langchain_core.messages.ai", "AIMessage", {"type": "ai", "content": "Done."}),
]


class TestChannels:
    """One channel each, in the order of the state."""

    def test_messages_are_messages_whatever_their_channel_is_called(self):
        (channel,) = channels({"talk": SAID})
        assert (channel.name, channel.size) == ("talk", "2 messages")
        assert [entry.text for entry in channel.entries] == ["Pay Bob.", "Done."]

    def test_of_many_messages_the_last_are_shown(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(state_reading, "MESSAGES", 1)
        (channel,) = channels({"messages": SAID})
        assert ([entry.text for entry in channel.entries], channel.earlier) == (["Done."], 1)

    @pytest.mark.parametrize(
        "value", [[], [{"type": "order", "content": "x"}], [*SAID, 1], {"content": "x"}, "x", None]
    )
    def test_what_is_no_conversation_is_lines(self, value: Plain):
        (channel,) = channels({"messages": value})
        assert channel.entries == ()
        assert channel.lines

    def test_types_and_sizes_are_told(self):
        state: dict[str, Plain] = {"n": 1, "plan": ["a", "b"], "one": {"k": 1.0}, "none": None}
        told = [(channel.name, channel.kind, channel.size) for channel in channels(state)]
        assert told == [
            ("n", "integer", ""),
            ("plan", "list", "2 items"),
            ("one", "object", "1 key"),
            ("none", "null", ""),
        ]

    @pytest.mark.parametrize("value", [1, "x" * 200, "", [], {}, None, b"x", Typed(1, "m", "N", 1)])
    def test_one_value_is_its_own_line(self, value: Plain):
        (channel,) = channels({"k": value})
        assert (channel.is_single, len(channel.lines)) == (True, 1)

    @pytest.mark.parametrize("value", [[[1]], {"": {}}, Typed(1, "m", "N", {"": 1}), [""]])
    def test_what_has_parts_is_not(self, value: Plain):
        assert not channels({"k": value})[0].is_single

    def test_of_a_long_value_the_beginning_is_shown(self):
        (channel,) = channels({"log": ["x" * 100] * 1000})
        assert channel.lines == ()
        assert channel.beginning is not None
        assert (len(channel.beginning.text), channel.beginning.is_cut) == (20_000, True)
        assert channel.beginning.length > 100_000


class TestChanges:
    """By channel, messages whole, texts by their words."""

    def test_a_message_that_came_is_a_message(self):
        (channel,) = changed_channels(diff({"messages": SAID[:1]}, {"messages": SAID}))
        (change,) = channel.differences
        assert (channel.name, change.kind, change.path) == ("messages", ChangeKind.ADDED, (1,))
        assert [entry.text for entry in change.entries] == ["Done."]

    def test_a_conversation_that_went_is_messages(self):
        (channel,) = changed_channels(diff({"messages": SAID}, {}))
        (change,) = channel.differences
        assert (change.kind, change.path) == (ChangeKind.REMOVED, ())
        assert [entry.text for entry in change.entries] == ["Pay Bob.", "Done."]

    def test_changes_are_gathered_by_channel(self):
        before: Plain = {"a": {"x": 1, "y": 1}, "b": 1}
        after: Plain = {"a": {"x": 2, "y": 2}, "b": 2}
        found = changed_channels(diff(before, after))
        assert [(each.name, [one.path for one in each.differences]) for each in found] == [
            ("a", [("x",), ("y",)]),
            ("b", [()]),
        ]
        assert (found[1].differences[0].before, found[1].differences[0].after) == (
            Cut("1", 1),
            Cut("2", 1),
        )

    def test_unchanged_words_are_left_out_in_the_middle(self):
        long = "".join(f"word{n} " for n in range(200))
        (channel,) = changed_channels(diff({"t": long + "old"}, {"t": long + "new"}))
        spans = channel.differences[0].spans
        assert [span.text.strip() for span in spans[1:]] == ["old", "new"]
        assert "characters …" in spans[0].text
        assert len(spans[0].text) < 300

    def test_no_more_than_the_limit(self):
        found = changed_channels(diff({}, {"n": 1, "m": 2, "o": 3}), limit=2)
        assert [each.name for each in found] == ["n", "m"]
