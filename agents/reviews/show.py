"""Text an agent supplied, made visible: nothing in it may hide from the reviewer.

Bidi overrides reorder what is read, zero-width and tag characters smuggle instructions, blanks push
a tail out of sight, hosts pass for others. Every page shows agent text through `visible`: what has
no ink of its own becomes a labelled escape, padding becomes a count, a host that deceives carries a
warning; and joining the segments' `text` gives the original back.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

import regex

from agents.reviews import hosts

# `str.isprintable` refuses every Other and Separator character except the space: Cc, Cf, Cs, Co,
# Cn, Zl, Zp, Zs. These have a printable category and still leave no ink, or only change a
# neighbour: Unicode's default-ignorable marks and letters, and two blank symbols.
_INKLESS = frozenset(
    chr(code)
    for start, end in (
        (0x034F, 0x034F),  # combining grapheme joiner
        (0x115F, 0x1160),  # Hangul fillers
        (0x17B4, 0x17B5),  # Khmer inherent vowels
        (0x180B, 0x180F),  # Mongolian variation selectors
        (0x2800, 0x2800),  # Braille blank
        (0x3164, 0x3164),  # Hangul filler
        (0xFE00, 0xFE0F),  # variation selectors
        (0xFFA0, 0xFFA0),  # halfwidth Hangul filler
        (0x1D159, 0x1D159),  # musical null notehead
        (0xE0100, 0xE01EF),  # variation selectors supplement
    )
    for code in range(start, end + 1)
)
_LAYOUT = frozenset("\n\t")  # pages keep white space, so these two show themselves
_SHOWN_RUN = re.compile(r"[\x20-\x7e\n\t]+|.", re.DOTALL)
_EXCESS = regex.compile(
    r"""
    (?P<marks> (?<= \p{M}{4} ) \p{M}++ )      # no script puts five marks on a letter
    | [\ \t]{32,}+                           # half a line of a phone and more
    | \n (?: [\ \t]*+ \n ){5,}+              # five empty lines and more
    """,
    regex.VERBOSE,
)
_C0 = (  # the names of the control characters 0 to 31
    *("NUL", "SOH", "STX", "ETX", "EOT", "ENQ", "ACK", "BEL"),
    *("BS", "HT", "LF", "VT", "FF", "CR", "SO", "SI"),
    *("DLE", "DC1", "DC2", "DC3", "DC4", "NAK", "SYN", "ETB"),
    *("CAN", "EM", "SUB", "ESC", "FS", "GS", "RS", "US"),
)


class Kind(StrEnum):
    """What a stretch of text is to its reader."""

    TEXT = "text"  # it shows itself
    HIDDEN = "hidden"  # characters without ink, or marks that would pile up over their neighbours
    PADDING = "padding"  # blanks that would push what follows out of sight
    HOST = "host"  # it shows itself, and is not what it seems: the label is a warning


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of text and what a page says of it.

    Of hidden characters and padding a page shows the label instead of `text`, which may not even be
    encodable; of a host both. `name` is a hidden character's Unicode name, for a tooltip.
    """

    text: str
    label: str = ""
    name: str = ""
    kind: Kind = Kind.TEXT

    @property
    def escaped(self) -> bool:
        """Whether the label must be shown in place of the text."""
        return self.kind in (Kind.HIDDEN, Kind.PADDING)


def visible(text: str) -> tuple[Segment, ...]:
    """Split text into what shows itself and what needs a label; linear in its length.

    Blanks show themselves by what they part, so text of nothing else gets a label.
    """
    if text and not text.strip(" \t\n"):
        return (Segment(text, _blanks(text), "", Kind.PADDING),)
    return tuple(_segments(text))


def hidden_count(text: str) -> int:
    """How many characters of the text are shown as escapes."""
    return sum(len(segment.text) for segment in _segments(text) if segment.kind is Kind.HIDDEN)


def is_hidden(character: str) -> bool:
    """Whether a single character leaves no ink. Longer text is never hidden."""
    if len(character) != 1 or character in _LAYOUT:
        return False
    return not character.isprintable() or character in _INKLESS


def escape_hidden(text: str) -> str:
    r"""Write hidden characters as JSON escapes (`\u202e`); used for JSON that people read."""
    return "".join(_json_escape(c) if is_hidden(c) else c for c in _SHOWN_RUN.findall(text))


def _segments(text: str) -> Iterator[Segment]:
    groups = groupby(_SHOWN_RUN.findall(text), key=lambda run: run if is_hidden(run) else "")
    for character, group in groups:
        runs = list(group)
        if character:
            label = _label(character) + _times(len(runs))
            name = unicodedata.name(character, "no name")
            yield Segment("".join(runs), label, name, Kind.HIDDEN)
        else:
            yield from _inked("".join(runs))


def _inked(text: str) -> Iterator[Segment]:
    """Take padding and piles of marks out of text without hidden characters."""
    end = 0
    for found in _EXCESS.finditer(text):
        yield from _named(text[end : found.start()])
        excess, end = found[0], found.end()
        if found["marks"]:
            yield Segment(
                excess, f"mark{_times(len(excess))}", "combining marks that pile up", Kind.HIDDEN
            )
        else:
            yield Segment(excess, _blanks(excess), "", Kind.PADDING)
    yield from _named(text[end:])


def _named(text: str) -> Iterator[Segment]:
    """Set hosts that deceive apart."""
    end = 0
    for suspect in hosts.suspects(text):
        if end < suspect.start:
            yield Segment(text[end : suspect.start])
        host, end = text[suspect.start : suspect.end], suspect.end
        yield Segment(host, escape_hidden(suspect.warning), "", Kind.HOST)
    if end < len(text):
        yield Segment(text[end:])


def _blanks(text: str) -> str:
    counts = (
        (text.count("\n"), "line break"),
        (text.count("\t"), "tab"),
        (text.count(" "), "space"),
    )
    return ", ".join(f"{n:,} {noun}{'s' * (n > 1)}" for n, noun in counts if n)


def _times(count: int) -> str:
    return f" \N{MULTIPLICATION SIGN}{count}" if count > 1 else ""


def _label(character: str) -> str:
    code = ord(character)
    return _C0[code] if code < len(_C0) else f"U+{code:04X}"


def _json_escape(character: str) -> str:
    return "".join(f"\\u{unit:04x}" for unit in _utf16_units(character))


def _utf16_units(character: str) -> Iterator[int]:
    encoded = character.encode("utf-16-be", "surrogatepass")
    return (int.from_bytes(encoded[i : i + 2], "big") for i in range(0, len(encoded), 2))
