"""Text an agent supplied, made visible: nothing in it may hide from the reviewer.

Bidi overrides reorder what is read, zero-width and tag characters smuggle instructions, odd spaces
push a tail out of sight. Every page shows agent text through `visible`: characters that have no ink
of their own become labelled escapes, and joining the segments' `text` gives the original back.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

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
_C0 = (  # the names of the control characters 0 to 31
    *("NUL", "SOH", "STX", "ETX", "EOT", "ENQ", "ACK", "BEL"),
    *("BS", "HT", "LF", "VT", "FF", "CR", "SO", "SI"),
    *("DLE", "DC1", "DC2", "DC3", "DC4", "NAK", "SYN", "ETB"),
    *("CAN", "EM", "SUB", "ESC", "FS", "GS", "RS", "US"),
)


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of text: as it is, or one hidden character (repeated) under a label.

    `label` is empty for text that shows itself. Else a page shows the label instead of `text`,
    which may not even be encodable; `name` is the character's Unicode name, for a tooltip.
    """

    text: str
    label: str = ""
    name: str = ""

    @property
    def escaped(self) -> bool:
        """Whether the label must be shown in place of the text."""
        return bool(self.label)


def visible(text: str) -> tuple[Segment, ...]:
    """Split text into what shows itself and labelled escapes; linear in its length."""
    runs = groupby(_SHOWN_RUN.findall(text), key=lambda run: run if is_hidden(run) else "")
    return tuple(_segment(list(group), hidden) for hidden, group in runs)


def hidden_count(text: str) -> int:
    """How many characters of the text are shown as escapes."""
    return sum(len(segment.text) for segment in visible(text) if segment.escaped)


def is_hidden(character: str) -> bool:
    """Whether a single character leaves no ink. Longer text is never hidden."""
    if len(character) != 1 or character in _LAYOUT:
        return False
    return not character.isprintable() or character in _INKLESS


def escape_hidden(text: str) -> str:
    r"""Write hidden characters as JSON escapes (`\u202e`); used for JSON that people read."""
    return "".join(_json_escape(c) if is_hidden(c) else c for c in _SHOWN_RUN.findall(text))


def _segment(runs: list[str], hidden: str) -> Segment:
    text = "".join(runs)
    if not hidden:
        return Segment(text)
    times = f" \N{MULTIPLICATION SIGN}{len(runs)}" if len(runs) > 1 else ""
    return Segment(text, _label(hidden) + times, unicodedata.name(hidden, "no name"))


def _label(character: str) -> str:
    code = ord(character)
    return _C0[code] if code < len(_C0) else f"U+{code:04X}"


def _json_escape(character: str) -> str:
    return "".join(f"\\u{unit:04x}" for unit in _utf16_units(character))


def _utf16_units(character: str) -> Iterator[int]:
    encoded = character.encode("utf-16-be", "surrogatepass")
    return (int.from_bytes(encoded[i : i + 2], "big") for i in range(0, len(encoded), 2))
