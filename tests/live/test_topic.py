"""Topics, as the browser's socket writes them."""

import pytest

from agents.exceptions import NotFound
from agents.live import Topic, sources


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("inbox", Topic("inbox")),
        ("thread.5", Topic("thread", 5)),
        ("inbox?agent=a%26b&order=newest", Topic("inbox", 0, {"agent": "a&b", "order": "newest"})),
        ("thread.5?messages=all", Topic("thread", 5, {"messages": "all"})),
    ],
)
def test_round_trip(text: str, topic: Topic):
    assert Topic.parse(text) == topic
    assert str(topic) == text


@pytest.mark.parametrize(
    "text",
    ["thread.", "thread.x", "thread.-1", "thread.²", f"thread.{10**19}", "inbox?q=a%00b"],
)
def test_what_is_no_topic(text: str):
    with pytest.raises(NotFound, match="There is no topic"):
        Topic.parse(text)


def test_sources_are_those_of_the_row():
    assert sources(Topic("agent", 3)) == ("agent.3", "runners")


def test_an_unknown_kind_has_no_sources():
    with pytest.raises(NotFound, match="There is no topic 'secrets'"):
        sources(Topic("secrets"))
