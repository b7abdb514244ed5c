"""The live parts of the pages: read from the database, whole, for pages and sockets alike.

A page includes the templates of `templates/agents/live/` and names their topics; the socket of the
page renders the same templates of the same topics whenever something changed. There is no other way
to draw them.
"""

from agents.live.fragments import context, render, sources
from agents.live.topic import Topic, Viewer

__all__ = ("Topic", "Viewer", "context", "render", "sources")
