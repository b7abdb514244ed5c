"""Agents: the named graphs that runners announce."""

from __future__ import annotations

from typing import Any

from django.db import models

from agents.models.fields import PlainField


class Agent(models.Model):
    """A named graph, as the runner that announced it last describes it."""

    name = models.CharField(max_length=200, unique=True)
    description = models.TextField(blank=True)
    spec = PlainField(default=dict)  # the runner's whole description: graph, schemas, tools …
    tool_default = models.CharField(max_length=8, default="agent")  # gate of a tool never set
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    @property
    def tools(self) -> list[dict[str, Any]]:
        """The tools found in the graph: name, description, args_schema, node."""
        return self.spec.get("tools") or []

    @property
    def input_schema(self) -> dict[str, Any] | None:
        """The JSON schema of the input, or None where LangGraph could not give one."""
        schema: dict[str, Any] | None = self.spec.get("input_schema")
        return schema

    @property
    def graph(self) -> dict[str, Any] | None:
        """The graph as nodes and edges, or None where it could not be drawn."""
        graph: dict[str, Any] | None = self.spec.get("graph")
        return graph
