"""Drafts: what a reviewer has typed into the form of a pause and not sent, kept for them alone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from agents import roles
from agents.exceptions import InvalidInput, NotAllowed, NotFound
from agents.models import Draft, Interrupt, Run
from agents.prepared import Given, Prepared, PreparedDelete, PreparedInsert, together

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.db.models import QuerySet

MOST_CHARACTERS = 4_000_000

# Inputs of the form. Fingerprints stay out: they bind a decision to what a page showed, and a
# draft is put into a page that is shown later.
_QUESTIONS, _STATE = "questions.", "state."
_BINDING = ".fingerprint"


def keep(*, run: int, user: User, post: Mapping[str, Sequence[str]]) -> None:
    """Keep what the form of a pause holds, instead of what was kept before. The last post wins.

    A pause that is decided needs no draft: nothing is kept. Queries: at most 3.

    Raises:
        NotAllowed: the person may not decide.
        NotFound: there is no such run.
        InvalidInput: it is more than is kept.
    """
    if not user.has_perm(roles.DECIDE):
        raise NotAllowed("Drafts are for reviewers; ask an admin for that role.")
    runs, pending = together(_RUN.given(run=run), _PENDING.given(run=run))
    if not runs:
        raise NotFound(f"There is no run {run}.")
    kept = {name: list(texts) for name, texts in post.items() if _is_kept(name)}
    text = json.dumps(kept)
    if len(text) > MOST_CHARACTERS:
        raise InvalidInput(
            f"This form holds {len(text):,} characters, and drafts of at most "
            f"{MOST_CHARACTERS:,} are kept. Submit it, or keep a copy of your own."
        )
    if pending:
        _KEEP(Draft(run_id=run, user=user, post=text))


def _run() -> QuerySet[Run, tuple[int]]:
    return Run.objects.filter(pk=Given("run", int)).order_by().values_list("pk")


def _pending() -> QuerySet[Interrupt, tuple[int]]:
    return Interrupt.objects.pending().filter(run=Given("run", int)).order_by().values_list("pk")


_RUN, _PENDING = Prepared(_run), Prepared(_pending)
_KEEP = PreparedInsert(Draft, unique=("run", "user"), updated=("post", "updated_at"))


def drop(*, run: int, user: User) -> None:
    """Throw a person's draft away. Idempotent."""
    _DROP(run=run, user=user.pk)


def of(*, run: int, user: User) -> dict[str, list[str]] | None:
    """What a person has typed into the form of a pause; None where nothing is kept. One query."""
    for (text,) in _OF(run=run, user=user.pk):
        kept: dict[str, list[str]] = json.loads(text)
        return kept
    return None


def _mine() -> QuerySet[Draft]:
    return Draft.objects.filter(run=Given("run", int), user=Given("user", int))


_OF, _DROP = Prepared(lambda: _mine().values_list("post")), PreparedDelete(_mine)


def forget(*, run: int, user: User, decided: Iterable[int]) -> None:
    """Throw away the parts of a draft that its owner has decided, and keep the others.

    Inside the transaction of the decision. Queries: 2, or 1 where nothing is kept.
    """
    kept = of(run=run, user=user)
    if kept is None:
        return
    over = (_STATE, *(f"{_QUESTIONS}{position}." for position in decided))
    left = {name: texts for name, texts in kept.items() if not name.startswith(over)}
    if not left:
        drop(run=run, user=user)
    else:
        Draft.objects.filter(run=run, user=user).update(post=json.dumps(left))


def _is_kept(name: str) -> bool:
    return name.startswith((_QUESTIONS, _STATE)) and not name.endswith(_BINDING)
