"""A warehouse agent whose calls are reviewed one by one: the middleware's mode `per_call`.

Each call of a turn asks by itself, with the schema of the answers it takes, beside calls that need
no review. What people decide is checked against that schema before any of the calls runs.
"""

import effects
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.tools import tool
from scripted import chat_model
from scripts import WAREHOUSE

PROMPT = """You keep the warehouse of Lumen & Oak in order: count, reorder, write off.
Count first. People review what costs money."""

STOCK = {"LAMP-ARC-OAK": 4, "CHAIR-FERN": 31}


@tool
def count_stock(sku: str) -> str:
    """Count how many pieces of an article are in stock."""
    effects.record("count_stock", sku=sku)
    return f"{STOCK.get(sku, 0)} pieces of {sku}"


@tool
def reorder(sku: str, quantity: int, express: bool = False) -> str:
    """Order pieces of an article from its maker."""
    effects.record("reorder", sku=sku, quantity=quantity, express=express)
    return f"Ordered {quantity} pieces of {sku}"


@tool
def write_off(sku: str, quantity: int, reason: str) -> str:
    """Take pieces out of the books: broken, lost or unsaleable ones."""
    effects.record("write_off", sku=sku, quantity=quantity, reason=reason)
    return f"Wrote off {quantity} pieces of {sku}: {reason}"


agent = create_agent(
    model=chat_model(WAREHOUSE),
    tools=[count_stock, reorder, write_off],
    system_prompt=PROMPT,
    middleware=[
        HumanInTheLoopMiddleware(
            interrupt_on={
                "reorder": True,
                "write_off": {"allowed_decisions": ["approve", "reject"]},
            },
            interrupt_mode="per_call",
        )
    ],
)
