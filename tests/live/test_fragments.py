"""The contract of live fragments: one root with its id, no form, no token, the same for all."""

import re
from html.parser import HTMLParser

import pytest
from django.contrib.auth.models import User

from agents.exceptions import NotFound
from agents.live import Topic, Viewer, fragments, render
from tests.factories import connect_runner, decide, make_interrupt, start_run, tool_review

VOID = {"input", "br", "hr", "img", "use", "path", "rect", "link", "meta"}


class Roots(HTMLParser):
    """Collects the outermost elements, and everything that has no place in a fragment."""

    def __init__(self) -> None:
        super().__init__()
        self.depth = 0
        self.roots: list[str | None] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self.depth == 0:
            self.roots.append(dict(attrs).get("id"))
        self.tags.add(tag)
        self.depth += tag not in VOID

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        self.depth -= tag not in VOID


def topics() -> list[Topic]:
    """One of each kind, with something in it."""
    connect_runner()
    review = make_interrupt(tool_review())
    start_run(thread=None)
    rows = {
        "thread": review.thread_id,
        "tree": review.thread_id,
        "progress": review.thread_id,
        "effects": review.thread_id,
        "agent": review.thread.agent_id,
        "interrupt": review.pk,
        "pause": review.pk,
    }
    return [Topic(kind, rows.get(kind, 0)) for kind in fragments.KINDS]


def test_every_fragment_is_one_root_with_its_own_id(olga: User, alice: User):
    viewer = Viewer.of(olga, "ws://console")
    shown = topics()
    for topic in [*shown]:
        for name, html in render(topic, viewer).items():
            page = Roots()
            page.feed(html)
            assert (page.roots, page.depth) == ([name], 0), name
            assert page.tags.isdisjoint({"form", "textarea", "script", "style"}), name
            assert "csrf" not in html


def test_ids_are_unique_within_a_page(olga: User, alice: User):
    decide(make_interrupt(), alice)
    viewer = Viewer.of(olga, "ws://console")
    for topic in topics():
        ids = re.findall(r'\bid="([^"]+)"', "".join(render(topic, viewer).values()))
        assert len(ids) == len(set(ids)), topic


@pytest.mark.parametrize("kind", ["thread", "progress", "agent", "interrupt", "pause"])
def test_a_row_that_is_not_there(olga: User, kind: str):
    with pytest.raises(NotFound, match="There is no"):
        render(Topic(kind, 4711), Viewer.of(olga, "ws://console"))
