"""A thread as a file: whole, readable, and harmless whatever the agent wrote."""

import base64
import hashlib
import json
import re
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.test import AsyncClient, Client

from agents.models import Effect, Run
from agents.reviews.request import Arguments
from reviewconsole.protocol import tagged
from reviewconsole.protocol.plain import Plain
from tests.factories import REFUND, decide, make_interrupt, respond, tool_review
from tests.services.histories import History
from tests.services.journalling import ask, end, running
from tests.services.saving import chat

HOSTILE = "<script>alert(1)</script>"
ARGS: Arguments = {"to": HOSTILE}
CALL: Plain = {"name": "send_email", "args": ARGS, "id": "c1", "type": "tool_call"}
SAID: list[Plain] = [
    {"type": "human", "content": HOSTILE},
    {"type": "ai", "content": "I will.", "tool_calls": [CALL]},
]


async def exported(user: User, thread: int) -> Any:
    """The JSON document of a thread, as the console sends it."""
    client = AsyncClient()
    await client.aforce_login(user)
    answer: Any = await client.get(f"/threads/{thread}/export.json")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="thread-{thread}.json"'
    sent = [chunk async for chunk in answer.streaming_content]
    return json.loads(b"".join(sent))


async def test_states_and_tree(transactional_db: None, alice: User):
    def told() -> History:
        history = History()
        history.add("1ef1", None, {"messages": [1, 2], "total": 2**60})
        history.add("1ef2", "1ef1", {"messages": [1, 2, 3]})
        history.write("1ef2", "an answer")
        history.end()
        return history

    history = await sync_to_async(told)()
    document = await exported(alice, history.thread.pk)
    first, second = document["checkpoints"]
    assert (first["checkpoint_id"], second["parent_checkpoint_id"]) == ("1ef1", "1ef1")
    assert tagged.untag(first["values"]) == {"messages": chat(1, 2), "total": 2**60}
    assert tagged.untag(second["values"]) == {"messages": chat(1, 2, 3), "total": 2**60}
    assert [write["value"] for write in second["writes"]] == ["an answer"]
    assert (document["format"], document["exported_by"]) == ("reviewconsole.thread/1", "alice")


async def test_who_decided_what_when_and_why(transactional_db: None, alice: User):
    def told() -> tuple[Any, Any]:
        review = make_interrupt()
        return review, decide(review, alice, respond("Ask Bob."))

    review, decision = await sync_to_async(told)()
    document = await exported(alice, review.thread_id)
    (question,) = document["interrupts"]
    assert tagged.untag(question["value"]) == review.value
    made = question["decision"]
    assert (made["decided_by"], made["decided_at"]) == ("alice", decision.decided_at.isoformat())
    assert (made["resume"], made["summary"]) == (decision.resume, decision.summary)
    assert [run["trigger"] for run in document["runs"]] == ["start", "resume"]


async def test_what_ran(transactional_db: None, alice: User):
    def told() -> tuple[Run, Effect]:
        run = running()
        end(run, ask(run))
        return run, Effect.objects.select_related("runner").get()

    run, effect = await sync_to_async(told)()
    document = await exported(alice, run.thread_id)
    (ran,) = document["effects"]
    assert tagged.untag(ran["args"]) == REFUND
    assert (ran["tool"], ran["status"], ran["run"]) == ("refund", "finished", run.pk)
    assert (ran["runner"], ran["started_at"]) == (
        str(effect.runner),
        effect.started_at.isoformat(),
    )


@pytest.fixture
def reader(client: Client, olga: User) -> Client:
    """Olga, signed in."""
    client.force_login(olga)
    return client


def test_the_file_tells_the_story(reader: Client, bob: User):
    review = make_interrupt(tool_review(("send_email", ARGS)), snapshot={"messages": SAID})
    decide(review, bob)
    page = reader.get(f"/threads/{review.thread_id}/export.html").text
    text = re.sub(r"<[^>]*>|\s+", " ", page)
    places = [text.index(words) for words in ("Story", "I will.", "send_email", "bob", "Runs")]
    assert places == sorted(places)


def test_the_file_tells_what_ran(reader: Client):
    run = running()
    end(run, ask(run))
    page = reader.get(f"/threads/{run.thread_id}/export.html").text
    text = re.sub(r"<[^>]*>|\s+", " ", page)
    assert re.search(r"What ran\s+refund\s*:\s+ran", text)


def test_the_file_runs_nothing_and_loads_nothing(reader: Client):
    review = make_interrupt(tool_review(("send_email", ARGS)), snapshot={"messages": SAID})
    answer = reader.get(f"/threads/{review.thread_id}/export.html")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    page = answer.text
    assert HOSTILE not in page
    assert (
        re.findall(r"<(?:script|link|img|iframe|object|form)\b|\b(?:src|href|style)=", page) == []
    )
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src &#x27;sha256-{digest}&#x27;" in page


def test_an_unknown_thread(reader: Client):
    for kind in ("json", "html"):
        assert reader.get(f"/threads/1/export.{kind}").status_code == 404
