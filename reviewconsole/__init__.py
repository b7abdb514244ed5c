"""Review Console: people decide what a paused AI agent may do."""

__version__ = "0.1.0"
