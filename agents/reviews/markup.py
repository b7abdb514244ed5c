"""Agent text as HTML: the one place that writes tags around what an agent said.

Everything in between is escaped here, and `agents.reviews.markdown` builds on it. No style, no
script and no picture ever comes of it, so that the strict policy of the pages holds.
"""

from __future__ import annotations

from html import escape

from agents.reviews.show import Kind, Segment, hidden_count, visible

FOLDED_CHARACTERS = 6000  # a text this long, or of so many lines, is folded
FOLDED_LINES = 120
_TAIL = 200  # characters shown of the end of a folded text


def inline(text: str) -> str:
    """Draw text on its line: nothing in it hidden, set apart from its surroundings."""
    return f"<bdi>{''.join(map(_segment, visible(text)))}</bdi>"


def block(text: str) -> str:
    """Draw text as a block: the count of what it hides above it, a long one folded.

    Folded or not, all of it is there; the line that unfolds it tells how long it is and how it
    ends, so that nothing waits unseen below what fits.
    """
    return hidden_note(text) + folded(text, inline(text))


def folded(text: str, html: str) -> str:
    """Fold the drawing of a text away if the text is long."""
    lines = text.count("\n") + 1
    if len(text) <= FOLDED_CHARACTERS and lines <= FOLDED_LINES:
        return html
    size = f"{len(text):,} characters" + (f", {lines:,} lines" if lines > 1 else "")
    return (
        f'<details class="fold"><summary>{size}, begins with '
        f"<q>{inline(text[:_TAIL])}</q> and ends with <q>{inline(text[-_TAIL:])}</q></summary>"
        f"<div>{html}</div></details>"
    )


def hidden_note(text: str) -> str:
    """Say how many characters of a text are hidden; nothing if none is."""
    if not (count := hidden_count(text)):
        return ""
    characters = "1 hidden character" if count == 1 else f"{count:,} hidden characters"
    return f'<span class="flag">{characters}</span> '


def flag(words: str) -> str:
    """Draw a warning of the console about what an agent said."""
    return f'<span class="flag">{escape(words)}</span>'


def _segment(segment: Segment) -> str:
    label = escape(segment.label)
    match segment.kind:
        case Kind.TEXT:
            return escape(segment.text)
        case Kind.HIDDEN:
            title = f"hidden character: {escape(segment.name)}"
            return f'<span class="hidden-character" title="{title}">{label}</span>'
        case Kind.PADDING:
            return f'<span class="hidden-character" title="padding">{label}</span>'
        case Kind.HOST:
            return f'<span class="host">{escape(segment.text)}</span> {flag(segment.label)}'
