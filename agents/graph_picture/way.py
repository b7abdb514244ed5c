"""The way that was taken through a graph: which nodes ran how often, along which edges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from agents.graph_picture.description import Box, Link


class Way:
    """The nodes that ran, oldest first, and those it led to that wait, matched with a graph.

    History names nodes alone. So every edge from one that ran into one that ran was taken if it
    has no condition; of those with one, the edge whose source ran last before. The starts and ends
    of graphs inside are no nodes that run: the way leads through them.
    """

    def __init__(
        self,
        boxes: Mapping[str, Box],
        links: Sequence[Link],
        taken: Sequence[str],
        waiting: Collection[str] = (),
    ) -> None:
        self._boxes = boxes
        self._into: dict[str, list[Link]] = {}
        for link in links:
            self._into.setdefault(link.target, []).append(link)
        ran = [node for node in taken if node in boxes and boxes[node].kind != "start"]
        starts = [box.id for box in boxes.values() if box.kind == "start" and not box.level]
        self._runs = Counter(starts if ran else ())
        self._last = dict.fromkeys(self._runs, -1)  # when each node ran last
        self._links: set[Link] = set()
        for moment, node in enumerate(ran):
            self._arrive(node, frozenset())
            self._runs[node] += 1
            self._last[node] = moment
        for node in waiting:
            if node in boxes:
                self._arrive(node, frozenset())

    def runs(self, node: str) -> int:
        """How often it ran."""
        return self._runs[node]

    def has(self, link: Link) -> bool:
        """Whether the way led along this edge."""
        return link in self._links

    def _arrive(self, node: str, passed: frozenset[str]) -> None:
        """Mark the edges that led here, and what they led through."""
        passed |= {node}
        came = {link: self._when(link.source, passed) for link in self._into.get(node, ())}
        reached = [when for when in came.values() if when is not None]
        for link, when in came.items():
            if when is None or (link.conditional and when < max(reached)):
                continue
            self._links.add(link)
            if self._is_passage(link.source):
                self._runs[link.source] = 1
                self._arrive(link.source, passed)

    def _when(self, node: str, passed: frozenset[str]) -> int | None:
        """When it was left last; None: never."""
        if not self._is_passage(node):
            return self._last.get(node)
        if node in passed:
            return None
        passed |= {node}
        came = [self._when(link.source, passed) for link in self._into.get(node, ())]
        return max((when for when in came if when is not None), default=None)

    def _is_passage(self, node: str) -> bool:
        box = self._boxes[node]
        return box.kind in ("start", "end") and bool(box.level)
