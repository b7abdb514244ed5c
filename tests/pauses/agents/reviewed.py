"""Rows 5 and 6: LangChain's middleware, which holds calls for a person."""

from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware, InterruptOnConfig

from tests.pauses.agents.parrot import Parrot
from tests.pauses.agents.toolbox import delete_file, look_up, send_email

HELD: dict[str, bool | InterruptOnConfig] = {
    "send_email": True,
    "delete_file": {"allowed_decisions": ["approve", "reject"]},
}
TOOLS = [send_email, delete_file, look_up]

batched = create_agent(Parrot(), TOOLS, middleware=[HumanInTheLoopMiddleware(HELD)])
per_call = create_agent(
    Parrot(), TOOLS, middleware=[HumanInTheLoopMiddleware(HELD, interrupt_mode="per_call")]
)
