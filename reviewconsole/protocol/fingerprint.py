"""Fingerprints: what binds a decision to what was shown, and an answer to its question."""

from __future__ import annotations

import hashlib

from reviewconsole.protocol.plain import Plain
from reviewconsole.protocol.tagged import canonical


def fingerprint(
    *, agent: str, thread: str, checkpoint_id: str, interrupt_id: str, value: Plain
) -> str:
    """Name one pause, exactly: SHA-256 in hex over what the reviewer is shown and where it stands.

    `value` is the stored form (LangGraph's store changes values: tuples become lists, and so on);
    both ends decode the same bytes, so both get the same 64 characters.
    """
    where: list[Plain] = [agent, thread, checkpoint_id, interrupt_id, value]
    return hashlib.sha256(canonical(where)).hexdigest()


def question_digest(value: Plain) -> str:
    """Name a question by what it asks, wherever it stands: SHA-256 in hex of the stored form.

    LangGraph hands answers out by position; the runner hands them out by this digest.
    """
    return hashlib.sha256(canonical(value)).hexdigest()
