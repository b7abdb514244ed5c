"""Text from an agent, made fit for a text column."""

from __future__ import annotations


def column_text(text: str, at_most: int | None = None) -> str:
    """The text as both databases take it, cut to `at_most` characters.

    PostgreSQL's text has no NUL and UTF-8 no lone surrogates, and an error message of an agent may
    have both: a replacement character stands for each, rather than that a pause or an end is lost.
    """
    if text.isascii() and "\0" not in text:  # nearly every one: nothing is to be mended
        return text[:at_most]
    legible = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return legible.replace("\0", "\ufffd")[:at_most]
