"""The assistant asks a question and goes on with its answer."""

QUESTION = (
    "A customer wants 40 pieces and asks for more than the 10 % that I may give. "
    "Which discount may I offer, and until when is it valid?"
)


async def test_it_looks_into_the_handbook_and_then_asks_a_person(start, effects):
    thread = await start("assistant")
    await thread.say("Can we get a discount of 15 % on 40 lamps?")

    assert await thread.next() == ("tools",)
    assert await thread.asked() == [{"query": QUESTION}]
    assert effects() == [
        ("search_handbook", {"query": "Can we get a discount of 15 % on 40 lamps?"})
    ]


async def test_the_answer_reaches_the_customer(start, effects):
    thread = await start("assistant")
    await thread.say("Can we get a discount of 15 % on 40 lamps?")
    await thread.answer({"data": "12 %, until the end of the month"})

    assert await thread.next() == ()
    assert await thread.last_words() == "My colleague says: 12 %, until the end of the month"
    assert effects()[1:] == [
        ("human_assistance", {"query": QUESTION, "data": "12 %, until the end of the month"})
    ]


async def test_what_the_handbook_says_needs_no_person(start, effects):
    thread = await start("assistant")
    await thread.say("What is your delivery time?")

    assert await thread.next() == ()
    assert await thread.last_words() == (
        "The handbook says: Lamps ship within 2 working days, furniture within 10. "
        "Free from 80 EUR."
    )
    assert effects() == [("search_handbook", {"query": "What is your delivery time?"})]


async def test_a_second_question_in_the_thread_pauses_again(start):
    thread = await start("assistant")
    await thread.say("Do you take old lamps back?")
    await thread.answer({"data": "Yes, at the showroom."})
    await thread.say("And old chairs?")

    assert await thread.asked() == [
        {"query": "A customer needs an answer that I cannot give: And old chairs?"}
    ]
    await thread.answer({"data": "No."})
    assert await thread.last_words() == "My colleague says: No."
