"""Who has signed in: Django's sessions, read by a query that is written once."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.contrib.sessions.backends import db
from django.utils import timezone

from agents.prepared import Given, Prepared

if TYPE_CHECKING:
    from django.db.models import QuerySet


class SessionStore(db.SessionStore):  # Django signs sessions with the name of this class
    """Django's own, which every request reads."""

    def load(self) -> dict[str, Any]:
        """Read what the session holds; where it is over or unknown, nothing. One query."""
        for (data,) in _DATA(session=self.session_key, now=timezone.now()):
            return self.decode(data)
        self._session_key = None
        return {}


def _data() -> QuerySet[Any, tuple[str]]:
    rows = SessionStore.get_model_class().objects.filter(
        session_key=Given("session", str), expire_date__gt=Given("now", datetime)
    )
    return rows.values_list("session_data")


_DATA = Prepared(_data)
