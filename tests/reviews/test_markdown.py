"""Markdown from an agent: formatted by allowlist, nothing lost, links inert."""

import time

import pytest
from hypothesis import given, strategies as st

from agents.reviews import markdown, markup
from agents.reviews.show import is_hidden
from tests.reviews.test_markup import HOSTILE, Reader

ALLOWED = {
    "a": {"href", "target", "rel"}, "bdi": set(), "blockquote": set(), "br": set(), "code": set(),
    "details": {"class"}, "div": {"class"}, "em": set(), "h4": set(), "h5": set(), "h6": set(),
    "hr": set(), "li": {"value"}, "ol": set(), "p": {"class"}, "pre": {"class"}, "q": set(),
    "span": {"class", "title"}, "strong": set(), "summary": set(), "table": set(),
    "tbody": set(), "td": set(), "th": set(), "thead": set(), "tr": set(), "ul": set(),
}  # fmt: skip
PIECES = st.sampled_from(
    [
        "*", "**", "_", "`", "```", "\n", "\n\n", "# ", "- ", "1. ", "> ", "    ", "|", "|-|-|\n",
        "[a](", "https://x.org", ")", "![", "]", "<", ">", "<b>", "javascript:", "&amp;", "\\",
        "[r]: http://x.org\n", "word", "7", "\u202e", "\r\n", '"title"', "<https://y.org>", "---\n",
    ]
)  # fmt: skip
MARKDOWN = st.one_of(HOSTILE, st.lists(PIECES, max_size=30).map("".join))


def drawn(text):
    """The formatted part, without the text as it was written."""
    return markdown.render(text).partition('<details class="as-written">')[0]


@given(MARKDOWN)
def test_only_what_is_allowed_is_drawn(text):
    for tag, attributes in Reader(markdown.render(text)).tags:
        assert attributes.keys() <= ALLOWED[tag]
        if tag == "a":
            assert attributes["href"].lower().startswith(("http:", "https:", "mailto:"))
            assert attributes["target"] == "_blank"
            assert attributes["rel"] == "noopener noreferrer nofollow"
        assert "open" not in attributes


@given(MARKDOWN)
def test_every_word_is_drawn_in_its_order(text):
    shown = iter(Reader(drawn(text)).text)
    words = (c for c in text if c.isalnum() and c.isascii())
    assert all(character in shown for character in words)


@given(MARKDOWN)
def test_nothing_is_hidden(text):
    assert not any(is_hidden(character) for character in markdown.render(text))


def test_formatting():
    text = "# One\n\nTwo *three* **four**\nfive `six`\n\n3. a\n3. b\n\n> c\n\n|d|e|\n|-|-|\n|f|g|"
    assert drawn(text) == (
        '<div class="markdown"><h4><bdi>One</bdi></h4>'
        "<div><bdi>Two </bdi><em><bdi>three</bdi></em> "
        "<strong><bdi>four</bdi></strong><br><bdi>five </bdi><code><bdi>six</bdi></code></div>"
        '<ol><li value="3"><bdi>a</bdi></li><li value="3"><bdi>b</bdi></li></ol>'
        "<blockquote><div><bdi>c</bdi></div></blockquote>"
        "<table><thead><tr><th><bdi>d</bdi></th><th><bdi>e</bdi></th></tr></thead>"
        "<tbody><tr><td><bdi>f</bdi></td><td><bdi>g</bdi></td></tr></tbody></table></div>"
    )


def test_formatted_text_can_be_read_as_written():
    assert markdown.render("*a*").endswith(
        '<details class="as-written"><summary>As written</summary>'
        '<div class="agent-text"><bdi>*a*</bdi></div></details>'
    )


@pytest.mark.parametrize(
    "text",
    [
        "plain\n  text",
        "x: 1 < 2, &#8203;",
        "|a|b|\n|-|-|\n|1|2|left out by tables|",
        "> " * 60 + "too deep",
        "*a*\rb",  # a carriage return that ends no line
        "*a*\0",
        "[a](https://x.org/?b&copy;)",  # the parser would write © for it
        "x" * (markdown.LONGEST // 2) + "\n",
    ],
    ids=lambda text: ascii(text[:20]),
)
def test_text_that_formatting_would_change_stands_as_it_was_written(text):
    assert markdown.render(text) == f'<div class="agent-text">{markup.block(text)}</div>'


def test_text_of_any_length_is_shown():
    text = "*a* " * 10_000
    assert markdown.render(text) == (
        '<p class="softer small">Not formatted: longer than 20,000 characters.</p>'
        f'<div class="agent-text">{markup.block(text)}</div>'
    )


@pytest.mark.parametrize(
    "text",
    [
        "[a](javascript:alert)",
        "[a](/decide)",
        "[a](data:text/html,b)",
        "<script>a</script>",
        "[a][r]\n\n[r]: https://x.org",
        "&#8203;&lt;",
    ],
)
def test_what_is_not_allowed_stays_text(text):
    (shown,) = {Reader(drawn(f"{text} *b*")).text}
    assert shown == f"{text} b".replace("\n\n", "")


def link(words, target, *flags, opens=True):
    summary = f"<bdi>{words}</bdi>"
    if words != target:
        summary += f' <span class="target">→ <bdi>{target}</bdi></span>'
    summary += "".join(f' <span class="flag">{flag}</span>' for flag in flags)
    follow = (
        f'<a href="{target}" target="_blank" rel="noopener noreferrer nofollow">'
        f"Open <bdi>{target}</bdi></a>"
    )
    return (
        '<div class="markdown"><div><details class="link">'
        f"<summary>{summary}</summary>{follow if opens else ''}</details></div></div>"
    )


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("[here](https://x.org/a)", link("here", "https://x.org/a")),
        ("<https://x.org/a>", link("https://x.org/a", "https://x.org/a")),
        ("[x.org](https://www.x.org/)", link("x.org", "https://www.x.org/")),
        ("[Bob](mailto:bob@x.org)", link("Bob", "mailto:bob@x.org")),
        (
            "[www.paypal.com](https://evil.org/paypal.com)",
            link("www.paypal.com", "https://evil.org/paypal.com", "the words name paypal.com"),
        ),
    ],
)
def test_links_show_their_target_and_have_to_be_opened(text, html):
    assert drawn(text) == html


@pytest.mark.parametrize("target", ["http://[x", "https:x", "https://a\u202e.org"])
def test_a_target_that_is_no_address_cannot_be_followed(target):
    html = drawn(f"[a](<{target}>)")
    assert "This address cannot be opened." in html
    assert "<a" not in html


def test_a_link_warns_of_its_host():
    assert "reads like paypal.com" in drawn("[a](https://xn--pypal-4ve.com)")


def test_a_picture_is_told_and_not_loaded():
    assert drawn("![a cat](https://x.org/cat.png)") == (
        '<div class="markdown"><div><span class="chip">picture, not loaded</span> '
        '<bdi>a cat</bdi> <span class="target">→ <bdi>https://x.org/cat.png</bdi></span></div></div>'
    )


@pytest.mark.parametrize(
    "piece", ["[", "*a_ ", "`a", "> ", "- ", "[a](b", "![[", "<a", "|a", "**a", "1. ", "- a\n", "é"]
)
def test_hostile_markdown_takes_no_time(piece):
    start = time.perf_counter()
    markdown.render(piece * (markdown.LONGEST // len(piece)))
    assert time.perf_counter() - start < 10
