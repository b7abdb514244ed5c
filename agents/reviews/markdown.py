"""Markdown that an agent wrote, by allowlist: it may format its words, and nothing else.

CommonMark and tables. No HTML, no pictures (they are told as text), no reference definitions and no
entities, which a reader would not see. A link shows its words and its whole target, and can be
followed only from within: it has to be opened first. Whatever the formatting would leave out makes
the whole text stand as it was written, and formatted text can always be read as written.
"""

from __future__ import annotations

import string
from collections.abc import Iterable
from urllib.parse import urlsplit

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token

from agents.reviews import hosts, markup
from agents.reviews.show import hidden_count

LONGEST = 20_000  # characters that are formatted, which keeps hostile text to a part of a second

_SCHEMES = {"http", "https", "mailto"}
_MARKS = frozenset(string.punctuation + " \t\n")  # what markdown is made of; all else is words
_TAGS = frozenset(
    ("blockquote", "em", "ol", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul")
)
_PLAIN = frozenset(("paragraph_open", "paragraph_close", "inline", "text", "softbreak"))
_HEADING = 3  # levels below the agent's: a page has its own first three
_CLEANER = nh3.Cleaner(
    tags={
        *_TAGS, "a", "bdi", "br", "code", "details", "div", "h4", "h5", "h6", "hr", "li", "pre",
        "q", "span", "summary",
    },
    attributes={
        "a": {"href", "target"}, "details": {"class"}, "div": {"class"}, "li": {"value"},
        "pre": {"class"}, "span": {"class", "title"},
    },
    url_schemes=_SCHEMES,
    link_rel="noopener noreferrer nofollow",
)  # fmt: skip


def render(text: str) -> str:
    """Draw markdown as HTML that is safe on any page; bounded in time.

    Text without formatting, with formatting that would hide a part of it, or longer than `LONGEST`
    is drawn as it was written.
    """
    if len(text) > LONGEST:
        note = f"Not formatted: longer than {LONGEST:,} characters."
        return f'<p class="softer small">{note}</p>{_as_written(markup.block(text))}'
    drawing = _Drawing()
    tokens = _Parser().parse(text.replace("\r\n", "\n"))
    if _types(tokens) <= _PLAIN or not drawing.draws(tokens) or not drawing.says_all_of(text):
        return _as_written(markup.block(text))
    formatted = _CLEANER.clean("".join(drawing.html))
    return (
        f'<div class="markdown">{markup.hidden_note(text)}{markup.folded(text, formatted)}</div>'
        f'<details class="as-written"><summary>As written</summary>'
        f"{_as_written(markup.inline(text))}</details>"
    )


def _as_written(html: str) -> str:
    return f'<div class="agent-text">{html}</div>'


class _Parser(MarkdownIt):
    """The allowlist. Targets stay as they were written; what is no link stays text."""

    def __init__(self) -> None:
        super().__init__("commonmark", {"html": False})
        self.enable("table").disable(["reference", "entity", "html_block", "html_inline"])

    def validateLink(self, url: str) -> bool:
        return url.partition(":")[0].lower() in _SCHEMES

    def normalizeLink(self, url: str) -> str:
        return url

    def normalizeLinkText(self, url: str) -> str:
        return url


def _types(tokens: Iterable[Token]) -> set[str]:
    return {token.type for whole in tokens for token in (whole, *(whole.children or ()))}


class _Drawing:
    """HTML made from tokens, beside the words of the agent that are in it."""

    def __init__(self) -> None:
        self.html: list[str] = []
        self._said: list[str] = []
        self._links: list[Token] = []
        self._words: list[str] = []  # of the link that is open

    def says_all_of(self, text: str) -> bool:
        """Whether every word of the text was drawn, in its order."""
        said = iter("".join(self._said))
        return all(
            character in said for character in text.replace("\r\n", "\n") if character not in _MARKS
        )

    def draws(self, tokens: Iterable[Token]) -> bool:
        """Draw the tokens; False if one of them is not allowed for."""
        return all(self._draw(token) for token in tokens)

    def _draw(self, token: Token) -> bool:
        match token.type:
            case "inline":
                return self.draws(token.children or ())
            case "text":
                self._say(token.content)
            case "code_inline":
                self._say(token.content, "code")
            case "softbreak" | "hardbreak":
                self.html.append("<br>")
            case "hr":
                self.html.append("<hr>")
            case "fence" | "code_block":
                if token.info:
                    self._say(token.info, "span", "softer small")
                self._say(token.content, "pre", "code")
            case "image":
                self._picture(token)
            case "link_open":
                self._links.append(token)
                self._words.clear()
                self.html.append('<details class="link"><summary>')
            case "link_close":
                self._close_link(self._links.pop())
            case "list_item_open":
                self._said.append(token.info)
                number = f' value="{int(token.info)}"' if token.info.isdecimal() else ""
                self.html.append(f"<li{number}>")
            case "list_item_close":
                self.html.append("</li>")
            case "paragraph_open" | "paragraph_close":
                # A link is a block to HTML, and would end a `<p>`.
                if not token.hidden:
                    self._tag("div", token)
            case "heading_open" | "heading_close":
                self._tag(f"h{min(int(token.tag[1]) + _HEADING, 6)}", token)
            case _ if token.tag in _TAGS:
                self._tag(token.tag, token)
            case _:
                return False
        return True

    def _tag(self, tag: str, token: Token) -> None:
        self.html.append(f"<{tag}>" if token.nesting > 0 else f"</{tag}>")

    def _say(self, words: str, tag: str = "", css: str = "") -> None:
        if not words:  # between two marks that touch
            return
        self._said.append(words)
        self._words.append(words)
        html = markup.inline(words) if words.strip(" ") or tag else words  # a blank parts two marks
        attributes = f' class="{css}"' if css else ""
        self.html.append(f"<{tag}{attributes}>{html}</{tag}>" if tag else html)

    def _picture(self, token: Token) -> None:
        self.html.append('<span class="chip">picture, not loaded</span> ')
        self._say(token.content)
        self._target(token, "src")

    def _close_link(self, token: Token) -> None:
        words = "".join(self._words)
        target = str(token.attrs.get("href", ""))
        if token.markup != "autolink":
            self._target(token, "href")
        for host in sorted(hosts.named(words) - {hosts.of_url(target)}):
            self.html.append(f" {markup.flag(f'the words name {host}')}")
        self.html.append("</summary>")
        if _can_be_opened(target):
            self.html.append(f'<a href="{_quoted(target)}" target="_blank">Open ')
            self.html.append(f"{markup.inline(target)}</a>")
        else:
            self.html.append(markup.flag("This address cannot be opened."))
        self.html.append("</details>")

    def _target(self, token: Token, attribute: str) -> None:
        self.html.append(' <span class="target">→ ')
        self._say(str(token.attrs.get(attribute, "")))
        if title := token.attrs.get("title"):
            self.html.append(" · ")
            self._say(str(title))
        self.html.append("</span>")


def _can_be_opened(target: str) -> bool:
    try:
        parts = urlsplit(target)
    except ValueError:
        return False
    return bool(parts.netloc or parts.scheme == "mailto") and not hidden_count(target)


def _quoted(target: str) -> str:
    return target.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
