"""Places in a list: written, read back, and ranges of its index."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.db.models import Q

from agents.models import Thread
from agents.views.keyset import Place


def test_a_place_reads_back():
    place = Place(datetime(2026, 4, 1, 12, 0, 0, 123456, UTC), 7)
    assert Place.read(str(place)) == place


@pytest.mark.parametrize("text", ["", "x", "2026-04-01T12:00:00+00:00,x", "2026-04-01,1", ",1"])
def test_what_is_no_place(text: str):
    assert Place.read(text) is None


@pytest.mark.parametrize("direction", ["older", "newer"])
def test_a_page_is_a_range_of_the_index(db: None, direction: str):
    """Else page 10,000 would read the 9,999 before it."""
    if connection.vendor == "postgresql":
        pytest.skip("its planner reads small tables whole: see benchmarks/thread_list.py")
    neighbours: Q = getattr(Place(datetime(2026, 4, 1, tzinfo=UTC), 7), direction)
    order = ("-updated_at", "-pk") if direction == "older" else ("updated_at", "pk")
    plan = Thread.objects.kept().filter(neighbours).order_by(*order)[:2].explain()
    assert "USING INDEX thread_newest (updated_at" in plan
    assert "TEMP B-TREE" not in plan
