"""The e-mail agent stops before a sensitive tool: go on, change the call first, or refuse it."""

from langchain_core.messages import ToolMessage

INVITATION = {
    "to": "team@lumenoak.example",
    "subject": "Dinner in Lisbon on Friday",
    "body": (
        "Hello everyone,\n\non Friday we have dinner outside, in Lisbon. "
        "The table is booked for 19:30.\n\nPlease tell me by Wednesday if you can come.\n\nNora"
    ),
}
WEATHER = ("get_weather", {"city": "Lisbon"})


async def invite(start):
    thread = await start("email")
    await thread.say("Invite the team to dinner in Lisbon, check the weather first.")
    assert await thread.next() == ("sensitive_tools",)
    return thread


async def test_it_stops_before_the_email_and_after_the_weather(start, effects):
    thread = await invite(start)

    assert await thread.asked() == []
    assert [(call["name"], call["args"]) for call in await thread.calls()] == [
        ("send_email", INVITATION)
    ]
    assert effects() == [WEATHER]


async def test_approve_sends_the_email(start, effects):
    thread = await invite(start)
    await thread.run(None)

    assert await thread.next() == ()
    assert effects() == [WEATHER, ("send_email", INVITATION)]
    assert await thread.last_words() == (
        "Here is how it went:\n"
        "- get_weather: Lisbon: sunny, 24 °C, a light breeze in the evening\n"
        "- send_email: Sent to team@lumenoak.example: Dinner in Lisbon on Friday"
    )


async def test_edit_sends_the_changed_email(start, effects):
    thread = await invite(start)
    [call] = await thread.calls()
    changed = {**call, "args": {**INVITATION, "subject": "Dinner on Friday"}}
    proposal = (await thread.messages())[-1].model_copy(update={"tool_calls": [changed]})
    await thread.graph.aupdate_state(thread.config, {"messages": [proposal]})
    await thread.run(None)

    assert await thread.next() == ()
    assert effects() == [WEATHER, ("send_email", {**INVITATION, "subject": "Dinner on Friday"})]


async def test_reject_sends_nothing(start, effects):
    thread = await invite(start)
    [call] = await thread.calls()
    refusal = ToolMessage(
        "Wait for the budget.", name=call["name"], tool_call_id=call["id"], status="error"
    )
    await thread.graph.aupdate_state(
        thread.config, {"messages": [refusal]}, as_node="sensitive_tools"
    )
    await thread.run(None)

    assert await thread.next() == ()
    assert effects() == [WEATHER]
    assert (await thread.last_words()).endswith("- send_email: not done. Wait for the budget.")


async def test_safe_calls_run_without_a_stop(start, effects):
    thread = await start("email")
    await thread.say("What will the weather be in Oslo?")

    assert await thread.next() == ()
    assert effects() == [("get_weather", {"city": "Oslo"})]


async def test_two_sensitive_calls_of_one_turn_stop_once(start, effects):
    thread = await start("email")
    await thread.say("Tell both customers that the showroom is closed.")

    assert await thread.next() == ("sensitive_tools",)
    assert [call["args"]["to"] for call in await thread.calls()] == [
        "alice@fernwood.example",
        "bob@brightside.example",
    ]
    await thread.run(None)
    assert await thread.next() == ()
    assert sorted(args["to"] for _, args in effects()) == [
        "alice@fernwood.example",
        "bob@brightside.example",
    ]
