"""Hosts in text that are not what they seem: punycode, mixed scripts, look-alikes, user names.

Looked at are the hosts of URLs and e-mail addresses, and bare names with a point. What a host is
suspected of follows the restriction levels of UTS 39: a label of one script, or of those that are
written together in East Asia, is at home anywhere, unless the whole host reads as an ASCII one.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from urllib.parse import urlsplit

import regex

from agents.reviews.confusables import reads_as

_POINTS = ".\u3002\uff0e\uff61"  # browsers take the ideographic and wide ones for a point
_PLACE = regex.compile(
    rf"""
    (?<=//) (?P<user> (?: [^\s/?\#\\@]*+ @ )++ )            # what a URL has before its host
    | (?: (?<=//) | (?<=@) ) (?P<host> [\w-]++ (?: [{_POINTS}] [\w-]++ )*+ )
    | (?<! [\w-] ) (?P<name> [\w-]++ (?: [{_POINTS}] [\w-]++ )++ )
    """,
    regex.VERBOSE,
)
_TOGETHER = frozenset({"bopomofo", "cjk", "hangul", "hiragana", "katakana", "latin"})
_PUNYCODE = "xn--"
_LONGEST = 253  # characters of a host name; what is longer leads nowhere
_LONGEST_LABEL = 63
_MANY = 500


@dataclass(frozen=True, slots=True)
class Suspect:
    """A stretch of a text, `text[start:end]`, and what is wrong with it as a host."""

    start: int
    end: int
    warning: str


def suspects(text: str) -> Iterator[Suspect]:
    """Find the hosts that deceive, in order; linear in the length of the text.

    The first 500 are told: after so many, nobody trusts the rest.
    """
    return islice(_suspects(text), _MANY)


def _suspects(text: str) -> Iterator[Suspect]:
    if text.isascii() and "@" not in text and _PUNYCODE not in text.lower():
        return
    for found in _PLACE.finditer(text):
        if found["user"]:
            yield Suspect(found.start(), found.end() - 1, "a user name, not the host")
        elif why := _warning(found):
            yield Suspect(found.start(), found.end(), why)


def warning(host: str) -> str:
    """Say what is wrong with a host; empty if nothing is. Notes may hold hostile characters."""
    if len(host) > _LONGEST or (host.isascii() and _PUNYCODE not in host.lower()):
        return ""
    labels = regex.split(f"[{_POINTS}]", host)
    meant = ".".join(map(_decoded, labels))
    notes = []
    if _PUNYCODE in host.lower():
        broken = meant == ".".join(labels)
        notes.append("punycode that means nothing" if broken else f"punycode for {meant}")
    mixed = next(filter(None, map(_mixture, meant.split("."))), "")
    notes += [mixed] if mixed else []
    reading = reads_as(meant)
    notes += [f"reads like {reading}"] if reading.isascii() and not meant.isascii() else []
    return ", ".join(notes)


def named(text: str) -> set[str]:
    """The hosts that a text names, small letters, without `www.`; `file.txt` reads like one."""
    names = (found["host"] or found["name"] or "" for found in _PLACE.finditer(text))
    return {_bare(name) for name in names if regex.search(rf"[{_POINTS}]\p{{L}}{{2,}}$", name)}


def of_url(url: str) -> str:
    """The host that a URL or a `mailto:` leads to, as `named` writes it; empty if there is none."""
    if url.lower().startswith("mailto:"):
        return _bare(url.partition("?")[0].rpartition("@")[2])
    try:
        return _bare(urlsplit(url).hostname or "")
    except ValueError:  # brackets that are no address
        return ""


def _bare(host: str) -> str:
    return host.lower().removeprefix("www.")


def _warning(found: regex.Match[str]) -> str:
    name = found["name"]
    return "" if name and _is_word(name) else warning(name or found["host"])


def _is_word(name: str) -> bool:
    # Text is full of points: what is Latin, accents and all, is taken for words without a blank.
    plain = unicodedata.normalize("NFKC", name) == unicodedata.normalize("NFC", name)
    return plain and _PUNYCODE not in name.lower() and _scripts(name) <= {"latin"}


def _decoded(label: str) -> str:
    if not label.lower().startswith(_PUNYCODE) or len(label) > _LONGEST_LABEL:
        return label
    try:
        return label[len(_PUNYCODE) :].encode("ascii").decode("punycode") or label
    except UnicodeError:
        return label


def _mixture(label: str) -> str:
    scripts = _scripts(label)
    if len(scripts) < 2 or scripts <= _TOGETHER:
        return ""
    *first, last = (script.title() for script in sorted(scripts))
    return f"mixes {', '.join(first)} and {last}"


def _scripts(text: str) -> set[str]:
    """The scripts of the letters, by the first word of their Unicode names."""
    letters = (c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Lm")
    return {unicodedata.name(c, "unknown").split()[0].lower() for c in letters if c.isalpha()}
