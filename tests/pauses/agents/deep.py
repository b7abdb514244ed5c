"""Row 15: a deep agent. Its messages are kept in delta channels."""

from deepagents import create_deep_agent

from tests.pauses.agents.parrot import Parrot
from tests.pauses.agents.toolbox import delete_file, look_up, send_email

deep = create_deep_agent(
    Parrot(),
    [send_email, delete_file, look_up],
    interrupt_on={
        "send_email": True,
        "delete_file": {"allowed_decisions": ["approve", "reject"]},
    },
)
