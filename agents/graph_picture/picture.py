"""What is drawn: boxes, frames and lines, with their places in pixels."""

from __future__ import annotations

from dataclasses import dataclass

NODE_HEIGHT = 40
TOOL_HEIGHT = 15
_ONE_LINE = 18  # characters
_LONGEST = 32  # characters of a line; the list has all of them
_TOOLS = 3  # named in a box; more are counted, and named in the list


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text in a box: a part of the name, or a tool."""

    text: str
    y: float
    is_tool: bool = False


@dataclass(frozen=True, slots=True)
class Node:
    """One box: its centre, its size, and what is special about it."""

    id: str
    name: str
    kind: str  # "", start, end or tools
    tools: tuple[str, ...] = ()
    x: float = 0
    y: float = 0
    width: float = 0
    stops_before: bool = False
    stops_after: bool = False
    waits: bool = False
    runs: int = 0  # how often it ran on the way here

    @property
    def label(self) -> str:
        """The name as people read it."""
        return label_of(self.name, self.kind)

    @property
    def path(self) -> str:
        """The names of the graphs it is inside of, and its own."""
        *outer, _own = self.id.split(":")
        return " / ".join([*outer, self.label])

    @property
    def lines(self) -> tuple[Line, ...]:
        """The name on one line or two, then the tools."""
        named = name_lines(self.label)
        listed = tool_lines(self.tools)
        first = self.top + NODE_HEIGHT / 2 + (4.5 if len(named) == 1 else -3.5)
        lines = [Line(text, first + 14.5 * row) for row, text in enumerate(named)]
        below = self.top + NODE_HEIGHT + 6
        lines += [
            Line(text, below + TOOL_HEIGHT * row, is_tool=True) for row, text in enumerate(listed)
        ]
        return tuple(lines)

    @property
    def height(self) -> float:
        """The height of the box: a name, and below it the tools."""
        return height_of(self.tools)

    @property
    def left(self) -> float:
        """The left edge."""
        return self.x - self.width / 2

    @property
    def right(self) -> float:
        """The right edge."""
        return self.x + self.width / 2

    @property
    def top(self) -> float:
        """The upper edge."""
        return self.y - self.height / 2

    @property
    def bottom(self) -> float:
        """The lower edge."""
        return self.y + self.height / 2

    @property
    def stops(self) -> tuple[float, ...]:
        """Where bars that mark breakpoints lie: on the edge that the run stops at."""
        return (self.top,) * self.stops_before + (self.bottom,) * self.stops_after


@dataclass(frozen=True, slots=True)
class Frame:
    """Around the nodes of a graph inside another one."""

    id: str
    name: str
    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Edge:
    """One line: the ids of its ends, the `d` of its SVG path, and what is written beside it."""

    source: str
    target: str
    target_label: str
    conditional: bool
    label: str
    path: str
    label_x: float = 0
    label_y: float = 0
    is_taken: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """A graph that can be drawn."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    frames: tuple[Frame, ...]
    width: float
    height: float

    @property
    def has_conditions(self) -> bool:
        """Whether some edge is taken on a condition."""
        return any(edge.conditional for edge in self.edges)

    @property
    def has_stops(self) -> bool:
        """Whether some node has a static breakpoint."""
        return any(node.stops_before or node.stops_after for node in self.nodes)

    @property
    def has_waiting(self) -> bool:
        """Whether some node waits for a person."""
        return any(node.waits for node in self.nodes)

    @property
    def has_taken(self) -> bool:
        """Whether the way taken is shown."""
        return any(node.runs for node in self.nodes)


def label_of(name: str, kind: str) -> str:
    """A node's name as people read it: LangGraph's `__start__` is the start."""
    return kind if kind in ("start", "end") else name


def name_lines(label: str) -> tuple[str, ...]:
    """Break a long label after its last colon or point: the class above, the method below."""
    cut = max(label.rfind("."), label.rfind(":")) + 1
    if len(label) <= _ONE_LINE or not 0 < cut < len(label):
        return (shortened(label),)
    return shortened(label[:cut]), shortened(label[cut:])


def shortened(text: str, longest: int = _LONGEST) -> str:
    """A text that is cut where it is too long to draw."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def tool_lines(tools: tuple[str, ...]) -> tuple[str, ...]:
    """The tools that a box names; where there are many, the first and how many more."""
    named = tools if len(tools) <= _TOOLS else tools[: _TOOLS - 1]
    rest = len(tools) - len(named)
    return (*map(shortened, named), *([f"and {rest} more"] if rest else ()))


def height_of(tools: tuple[str, ...]) -> float:
    """The height of a box with these tools."""
    return NODE_HEIGHT + TOOL_HEIGHT * len(tool_lines(tools))
