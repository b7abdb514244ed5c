"""Operations: one pause for all calls of a turn, and each decision does what it says."""

import pytest

REFUND = {
    "order_id": "LO-20871",
    "amount": {"value": 129.0, "currency": "EUR"},
    "reason": "damaged",
    "lines": [
        {"sku": "LAMP-ARC-OAK", "quantity": 1, "amount": 116.1},
        {"sku": "SHIPPING", "quantity": 1, "amount": 12.9},
    ],
    "reference": 9007199254782735,
    "notify": False,
}
APOLOGY = {
    "to": ["j.hartmann@mailbox.example"],
    "cc": None,
    "subject": "Your order LO-20871",
    "body": (
        "Dear Ms Hartmann,\n\nwe are sorry about your order. "
        "The money for LO-20871 is on its way to your account and arrives within three days.\n\n"
        "Kind regards\nLumen & Oak"
    ),
    "attachments": [{"filename": "credit-note-LO-20871.pdf", "pages": 1}],
}
SENT_APOLOGY = {
    **APOLOGY,
    "attachments": [
        {"filename": "credit-note-LO-20871.pdf", "media_type": "application/pdf", "pages": 1}
    ],
}
BROKEN_LAMP = "LO-20871 arrived broken: refund 129.00 EUR and write to j.hartmann@mailbox.example."
APPROVE = {"type": "approve"}


def decisions(*decided):
    return {"decisions": list(decided)}


def edit(name, args):
    return {"type": "edit", "edited_action": {"name": name, "args": args}}


async def review(start, request):
    """Start a thread and return it with the calls under review."""
    thread = await start("operations")
    await thread.say(request)
    assert await thread.next() == ("HumanInTheLoopMiddleware.after_model",)
    [asked] = await thread.asked()
    return thread, [(call["name"], call["args"]) for call in asked["action_requests"]]


async def test_two_calls_of_a_turn_are_reviewed_together(start, effects):
    thread, calls = await review(start, BROKEN_LAMP)

    assert calls == [("refund", REFUND), ("send_email", APOLOGY)]
    assert effects() == []
    await thread.answer(decisions(APPROVE, APPROVE))
    assert await thread.next() == ()
    assert sorted(effects(), key=lambda effect: effect[0]) == [
        ("refund", REFUND),
        ("send_email", SENT_APOLOGY),
    ]


async def test_each_call_has_its_own_decision(start, effects):
    thread, _ = await review(start, BROKEN_LAMP)
    smaller = {**REFUND, "amount": {"value": 100.0, "currency": "EUR"}}
    await thread.answer(
        decisions(edit("refund", smaller), {"type": "reject", "message": "She asked for a call."})
    )

    assert await thread.next() == ()
    assert effects() == [("refund", smaller)]
    assert sorted((await thread.last_words()).splitlines()) == [
        "- refund: Refunded 100.00 EUR for order LO-20871 (damaged)",
        "- send_email: not done. User rejected the tool call for `send_email` with reason: "
        "She asked for a call.",
        "Here is how it went:",
    ]


@pytest.mark.parametrize(
    ("decision", "done"),
    [
        (APPROVE, [("send_email", SENT_APOLOGY)]),
        (
            edit("send_email", {**APOLOGY, "cc": ["sales@lumenoak.example"]}),
            [("send_email", {**SENT_APOLOGY, "cc": ["sales@lumenoak.example"]})],
        ),
        ({"type": "reject", "message": "No."}, []),
        ({"type": "respond", "message": "I have called her."}, []),
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) else "",
)
async def test_each_decision_on_an_email(start, effects, decision, done):
    thread, _ = await review(start, BROKEN_LAMP)
    await thread.answer(decisions({"type": "reject", "message": "Paid already."}, decision))

    assert await thread.next() == ()
    assert effects() == done


async def test_a_response_is_reported_as_the_result(start):
    thread, _ = await review(start, "Please tell the workshop that the oak is late.")
    await thread.answer(decisions({"type": "respond", "message": "They know."}))

    assert await thread.last_words() == "Here is how it went:\n- send_email: They know."


async def test_a_deletion_is_approved_or_rejected_only(start, effects):
    thread, calls = await review(start, "Delete the folder /exports/2023.")

    [asked] = await thread.asked()
    assert asked["review_configs"] == [
        {"action_name": "delete_file", "allowed_decisions": ["approve", "reject"]}
    ]
    assert calls == [("delete_file", {"path": "/exports/2023", "recursive": True})]
    await thread.answer(decisions(APPROVE))
    assert effects() == [("delete_file", {"path": "/exports/2023", "recursive": True})]


async def test_two_pauses_one_after_the_other(start, effects):
    thread, first = await review(start, "First refund 18 EUR for LO-20871, then write.")
    await thread.answer(decisions(APPROVE))
    [second] = await thread.asked()

    assert [name for name, _ in first] == ["refund"]
    assert [call["name"] for call in second["action_requests"]] == ["send_email"]
    await thread.answer(decisions(APPROVE))
    assert await thread.next() == ()
    assert [tool for tool, _ in effects()] == ["refund", "send_email"]


async def test_a_refusal_ends_the_work(start, effects):
    thread, _ = await review(start, "First refund 18 EUR for LO-20871, then write.")
    await thread.answer(decisions({"type": "reject", "message": "Not ours."}))

    assert await thread.next() == ()
    assert effects() == []
    assert await thread.last_words() == (
        "Here is how it went:\n- refund: not done. "
        "User rejected the tool call for `refund` with reason: Not ours."
    )
