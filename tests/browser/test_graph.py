"""The picture of a graph on a narrow screen, and to those who do not see it."""

from django.contrib.auth.models import User
from playwright.sync_api import expect

from tests.chromium import Visit
from tests.factories import make_agent

BRANCHES = [f"researcher_{number}" for number in range(6)]
WIDE = {
    "nodes": [{"id": "plan", "name": "plan"}, *({"id": name, "name": name} for name in BRANCHES)],
    "edges": [{"source": "plan", "target": name, "conditional": True} for name in BRANCHES],
}


def test_a_wide_graph_scrolls_in_its_box(visit: Visit, olga: User):
    make_agent(graph=WIDE, tools=[])
    page = visit(olga, "/agents/operations/", viewport={"width": 390, "height": 844})
    expect(page.get_by_role("img", name="Graph of the agent")).to_be_visible()
    box = page.get_by_role("group", name="Picture of the graph")
    box.focus()  # the arrow keys scroll it
    expect(box).to_be_focused()
    assert box.evaluate("box => box.scrollWidth > box.clientWidth")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.get_by_text("As a list").click()
    expect(page.get_by_text("plan; may lead to researcher_0; may lead to")).to_be_visible()
