"""The newsletter: a person's words go in as a node, and two people must agree."""

import pytest
from langgraph.types import Command

TOPIC = {"topic": "free repairs."}
TEXT = "Good news from Lumen & Oak: free repairs."


async def ask_both(start):
    """A thread that waits for legal and brand, after the editor's remark."""
    thread = await start("newsletter")
    await thread.run(TOPIC)
    assert await thread.next() == ("editor",)
    await thread.graph.aupdate_state(thread.config, {"remark": "See you!"}, as_node="editor")
    await thread.run(None)
    assert await thread.asked() == [
        {"question": "May we say this?", "text": TEXT, "remark": "See you!"},
        {"question": "Who shall read this?", "text": TEXT},
    ]
    return thread


@pytest.mark.parametrize(
    ("approved", "published"),
    [
        (True, [("publish", {"text": f"{TEXT}\n\nSee you!\n\nE&OE.", "audience": "partners"})]),
        (False, []),
    ],
)
async def test_it_is_published_when_both_agree(start, effects, approved, published):
    thread = await ask_both(start)
    legal, brand = (await thread.graph.aget_state(thread.config)).interrupts
    answers = {
        legal.id: {"approved": approved, "disclaimer": "E&OE."},
        brand.id: {"approved": True, "audience": "partners"},
    }
    await thread.run(Command(resume=answers))
    assert effects() == published
    assert await thread.next() == ()
