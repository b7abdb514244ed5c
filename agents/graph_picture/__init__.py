"""The picture of an agent's graph: nodes in layers, graphs inside in frames, edges between. Pure.

Made for graphs of up to a few dozen nodes, as agents are. A description from a runner goes in,
numbers come out, and a template draws them.
"""

from agents.graph_picture.layout import MOST_NODES, draw
from agents.graph_picture.picture import NODE_HEIGHT, Edge, Frame, Node, Picture

__all__ = ["MOST_NODES", "NODE_HEIGHT", "Edge", "Frame", "Node", "Picture", "draw"]
