"""The runner: connects to a console, executes LangGraph agents and asks people."""
