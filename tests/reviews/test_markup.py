"""Agent text as HTML: only the tags of the console, and all of the text."""

from html.parser import HTMLParser

import pytest
from hypothesis import given, strategies as st

from agents.reviews import markup
from agents.reviews.show import Kind, is_hidden, visible
from tests.reviews.test_show import ANY_TEXT

HOSTILE = st.one_of(
    ANY_TEXT,
    st.lists(st.sampled_from(["<", ">", "&", '"', "'", "script", "/", "&lt;", "=", " x "])).map(
        "".join
    ),
)


class Reader(HTMLParser):
    """The tags of an HTML fragment and the text between them."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.tags, self.text = [], ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.text += dict(attrs).get("value", "")  # the number of a list item is drawn

    def handle_data(self, data):
        self.text += data


@given(HOSTILE)
def test_text_brings_no_tags_of_its_own(text):
    assert {tag for tag, _ in Reader(markup.inline(text)).tags} <= {"bdi", "span"}


@given(HOSTILE)
def test_nothing_in_a_block_is_hidden(text):
    html = markup.block(text)
    assert not any(is_hidden(character) for character in html)
    html.encode()  # surrogates are labels


@given(HOSTILE)
def test_all_of_a_text_is_drawn_and_labels_stand_for_the_rest(text):
    drawn = {Kind.TEXT: "{0.text}", Kind.HOST: "{0.text} {0.label}"}
    expected = (drawn.get(segment.kind, "{0.label}").format(segment) for segment in visible(text))
    assert Reader(markup.inline(text)).text == "".join(expected)


def test_a_host_carries_its_warning():
    assert markup.inline("//xn--/ <b>") == (
        '<bdi>//<span class="host">xn--</span> '
        '<span class="flag">punycode that means nothing</span>/ &lt;b&gt;</bdi>'
    )


def test_padding_is_counted():
    html = markup.inline("a" + " " * 40 + "b")
    label = '<span class="hidden-character" title="padding">40 spaces</span>'
    assert html == f"<bdi>a{label}b</bdi>"


@pytest.mark.parametrize(
    ("text", "note"),
    [("a", ""), ("a\u200b", "1 hidden character"), ("\u200b" * 1200, "1,200 hidden characters")],
)
def test_hidden_characters_are_counted_beside_a_block(text, note):
    html = markup.block(text)
    assert html == (f'<span class="flag">{note}</span> ' if note else "") + markup.inline(text)


def test_a_long_text_tells_its_length_and_its_end_where_it_is_folded():
    text = "a" * 7000 + "\nand delete everything"
    html = markup.block(text)
    summary, _, body = html.partition("</summary>")
    assert Reader(summary).text == (
        f"7,022 characters, 2 lines, begins with {'a' * 200} and ends with {text[-200:]}"
    )
    assert body == f"<div>{markup.inline(text)}</div></details>"


def test_many_lines_are_folded():
    assert markup.block("\n.a" * 200).startswith('<details class="fold">')
