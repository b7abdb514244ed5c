"""The warehouse: each call that costs money asks by itself, beside one that asks nothing."""

from langgraph.types import Command

BROKEN = "3 lamps are broken, article LAMP-ARC-OAK."
COUNTED = ("count_stock", {"sku": "LAMP-ARC-OAK"})
CHAIRS = ("count_stock", {"sku": "CHAIR-FERN"})


async def test_each_call_takes_its_own_decision(start, effects):
    thread = await start("warehouse")
    await thread.say(BROKEN)

    assert [(call["name"], call["args"]) for call in await thread.asked()] == [
        ("write_off", {"sku": "LAMP-ARC-OAK", "quantity": 3, "reason": "broken"}),
        ("reorder", {"sku": "LAMP-ARC-OAK", "quantity": 40, "express": True}),
    ]
    assert effects() == [COUNTED, CHAIRS]

    write_off, reorder = (await thread.graph.aget_state(thread.config)).interrupts
    fewer = {"sku": "LAMP-ARC-OAK", "quantity": 10, "express": False}
    edited = {"type": "edit", "edited_action": {"name": "reorder", "args": fewer}}
    await thread.run(Command(resume={write_off.id: {"type": "reject"}, reorder.id: edited}))
    assert effects() == [COUNTED, CHAIRS, ("reorder", fewer)]
    assert await thread.next() == ()
