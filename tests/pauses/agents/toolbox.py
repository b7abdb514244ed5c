"""The tools of these agents. Each leaves a line when its body runs, and none asks."""

from langchain_core.tools import tool

from tests.pauses.agents.witness import note


@tool
def send_email(to: str, subject: str, urgent: bool = False) -> str:
    """Send an e-mail."""
    note("send_email", to=to, subject=subject, urgent=urgent)
    return f"sent to {to}"


@tool
def delete_file(path: str) -> str:
    """Delete a file."""
    note("delete_file", path=path)
    return f"deleted {path}"


@tool
def look_up(word: str) -> str:
    """Look a word up; nobody has to approve that."""
    note("look_up", word=word)
    return f"{word} is a word"
