"""The words by which a thread is found: of its id, its title, its metadata and its messages."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from agents.reviews.conversation import Entry, conversation
from reviewconsole.protocol.plain import Plain, Typed

AT_MOST = 100_000  # characters of one thread; PostgreSQL takes 1 MiB, in UTF-8
READ_AT_MOST = 1_000_000  # characters of what was said, the newest first
LONGEST = 64  # characters of a word; a longer one is found by its beginning
_AT_ONCE = 20_000  # characters that are searched for words in one go
_PIECE = 256  # characters that are normalised at once: runs of combining marks cost their square

# A script that puts no space between words is found by its characters.
_SPACELESS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(rf"[{_SPACELESS}]|[^\W{_SPACELESS}]+")
_ASCII_TOKEN = re.compile(r"\w+", re.ASCII)  # finds the same in ASCII, in half the time


def tokens(text: str) -> list[str]:
    """The words of a text, each once and in order: letters, digits and `_`, case folded."""
    # Nothing is composed with a space, nor sorted across one: each piece stays by itself.
    folded = unicodedata.normalize("NFKC", " ".join(_pieces(text))).casefold()
    found = dict.fromkeys((_ASCII_TOKEN if folded.isascii() else _TOKEN).findall(folded))
    return list(dict.fromkeys(match[:LONGEST] for match in found))


def _pieces(text: str) -> Sequence[str]:
    words = text.split()
    if max(map(len, words), default=0) <= _PIECE:
        return words
    return [word[start : start + _PIECE] for word in words for start in range(0, len(word), _PIECE)]


def search_words(*, thread_id: str, title: str, metadata: Plain, snapshot: Plain) -> str:
    """What a thread is found by: words with a space between, each once.

    Bounded by `AT_MOST` and `READ_AT_MOST`: the messages of longest ago are left out.
    """
    found: dict[str, None] = {}
    room = AT_MOST
    for text in _together(_texts_of(thread_id, title, metadata, snapshot)):
        for token in tokens(text):
            if token not in found:
                room -= len(token) + 1
                if room < 0:
                    return " ".join(found)
                found[token] = None
    return " ".join(found)


def _together(texts: Iterable[str]) -> Iterator[str]:
    """The texts up to `READ_AT_MOST`, many short ones as one: each has its price."""
    waiting: list[str] = []
    size, unread = 0, READ_AT_MOST
    for text in texts:
        waiting.append(text[:unread])
        unread -= len(text)
        size += len(text)
        if unread <= 0:
            break
        if size >= _AT_ONCE:
            yield " ".join(waiting)
            waiting, size = [], 0
    yield " ".join(waiting)


def _texts_of(thread_id: str, title: str, metadata: Plain, snapshot: Plain) -> Iterator[str]:
    yield thread_id
    yield title
    yield from _texts_in(metadata)
    for entry in reversed(conversation(snapshot)):
        yield from _said(entry)


def _said(entry: Entry) -> Iterator[str]:
    yield entry.text
    yield entry.name
    for call in entry.tool_calls:
        yield call.name
        yield from _texts_in([call.args, call.edited_args])
        if call.result is not None:
            yield call.result.text


def _texts_in(value: Plain) -> Iterable[str]:
    waiting = [value]
    while waiting:
        match waiting.pop():
            case str() as text:
                yield text
            case int() | float() as number if not isinstance(number, bool):
                yield str(number)
            case list() as items:
                waiting.extend(items)
            case dict() as items:
                waiting.extend(items.keys())
                waiting.extend(items.values())
            case Typed(payload=payload):
                waiting.append(payload)
