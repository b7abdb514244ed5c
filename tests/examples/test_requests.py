"""What the README says to the agents, and what the demo says to them, does what is promised."""

import json
import re
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"

GATED = ["HumanInTheLoopMiddleware.after_model"]
BREAKPOINT = ["sensitive_tools"]
QUESTION = ["tools"]
PER_CALL = ["tools"]  # one task for each call
STOCK = ["write_off", "reorder", "count_stock"]

PAUSES = {
    "Can we get a discount of 15 % on 40 lamps?": (QUESTION, ["human_assistance"]),
    "What is your delivery time?": ([], []),
    "Do you take old lamps back?": (QUESTION, ["human_assistance"]),
    "What will the weather be in Oslo?": ([], []),
    "Invite the team to dinner in Lisbon, check the weather first.": (BREAKPOINT, ["send_email"]),
    "Tell both customers that the showroom is closed.": (BREAKPOINT, ["send_email"] * 2),
    "Refund 24.50 EUR for LO-21436.": (GATED, ["refund"]),
    "LO-20871 arrived broken: refund 129.00 EUR and write to j.hartmann@mailbox.example.": (
        GATED,
        ["refund", "send_email"],
    ),
    "First refund 18 EUR for LO-20871, then write to the customer.": (GATED, ["refund"]),
    "Delete the folder /exports/2023.": (GATED, ["delete_file"]),
    "Send the price list to our partners.": (GATED, ["send_email"]),
    "3 lamps are broken, article LAMP-ARC-OAK.": (PER_CALL * 2, STOCK),
    "Order 20 pieces of CHAIR-FERN.": (PER_CALL, ["reorder"]),
}
ROW = re.compile(r"^\| `(assistant|email|operations|warehouse)` \| ([^`|]+) \|", re.MULTILINE)
SAMPLES = {text: agent for agent, text in ROW.findall((EXAMPLES / "README.md").read_text("utf-8"))}

DEMO = json.loads((EXAMPLES / "demo_threads.json").read_text("utf-8"))
DEMO_PAUSES = {
    "Discount for 40 desk lamps": (QUESTION, ["human_assistance"]),
    "Invitation to the team dinner": (BREAKPOINT, ["send_email"]),
    "Broken lamp, order LO-20871": (GATED, ["refund", "send_email"]),
    "Late delivery, order LO-21436": (GATED, ["refund"]),
    "Old exports in the file store": (GATED, ["delete_file"]),
    "Spring price list to partners": (GATED, ["send_email"]),
    "Broken lamps in hall 2": (PER_CALL * 2, STOCK),
    "Newsletter: lamps repaired for free": (["editor"], []),
    "Weather in Oslo": ([], []),
}


async def pause(thread):
    """Where the thread waits, and which calls the agent has proposed."""
    return list(await thread.next()), [call["name"] for call in await thread.calls()]


def test_every_request_of_the_readme_is_known_here():
    assert list(SAMPLES) == list(PAUSES)


@pytest.mark.parametrize("text", PAUSES)
async def test_a_request_of_the_readme(start, text):
    thread = await start(SAMPLES[text])
    await thread.say(text)

    assert await pause(thread) == PAUSES[text]


def test_every_demo_thread_is_known_here():
    assert [entry["title"] for entry in DEMO] == list(DEMO_PAUSES)


@pytest.mark.parametrize("entry", DEMO, ids=lambda entry: entry["title"])
async def test_a_demo_thread(start, entry):
    thread = await start(entry["agent"])
    await thread.run(entry["input"])

    assert await pause(thread) == DEMO_PAUSES[entry["title"]]
