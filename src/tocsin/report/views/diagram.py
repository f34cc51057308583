"""Diagram: a small graph with its boxes and arrows placed, ready to be drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_BOX, _GAP, _ROW, _HIGH = 190, 70, 74, 34
_MARGIN = 10


@dataclass(frozen=True)
class Box:
    """A node: where its left upper corner is, what it is called and what kind of thing it is."""

    x: int
    y: int
    label: str
    kind: str


@dataclass(frozen=True)
class Arrow:
    """An edge from one box to another, with a remark; a strong one is what the diagram is about."""

    x1: int
    y1: int
    x2: int
    y2: int
    label: str
    strong: bool


@dataclass(frozen=True)
class Diagram:
    """Boxes and arrows, read from left to right.

    Parameters
    ----------
    boxes, arrows : sequences
        Already placed.
    width, height : int
        Of the whole, in pixels.
    says, caption, behind : str
        As for charts.
    """

    boxes: Sequence[Box]
    arrows: Sequence[Arrow]
    width: int
    height: int
    says: str
    caption: str = ""
    behind: str = ""

    box_width: int = _BOX
    box_height: int = _HIGH


def chains(
    paths: Sequence[tuple[Sequence[tuple[str, str]], Sequence[tuple[str, bool]]]], says: str, caption: str = ""
) -> Diagram:
    """Place paths below each other, each from left to right.

    Parameters
    ----------
    paths : sequence of (nodes, edges)
        Nodes as (label, kind), and the edges between them as (remark, whether it is a weak one).

    Examples
    --------
    >>> found = chains([([("a", "process"), ("b", "file")], [("once", True)])], "one path")
    >>> [(b.label, b.x) for b in found.boxes], found.arrows[0].strong
    ([('a', 10), ('b', 270)], True)
    """
    boxes: list[Box] = []
    arrows: list[Arrow] = []
    longest = 0
    for row, (nodes, edges) in enumerate(paths):
        top = _MARGIN + row * _ROW
        longest = max(longest, len(nodes))
        for place, (label, kind) in enumerate(nodes):
            boxes.append(Box(_MARGIN + place * (_BOX + _GAP), top, label, kind))
        middle = top + _HIGH // 2
        for place, (remark, weak) in enumerate(edges):
            left = _MARGIN + place * (_BOX + _GAP) + _BOX
            arrows.append(Arrow(left, middle, left + _GAP - 4, middle, remark, weak))
    width = 2 * _MARGIN + longest * _BOX + max(0, longest - 1) * _GAP
    return Diagram(boxes, arrows, width, 2 * _MARGIN + len(paths) * _ROW - (_ROW - _HIGH) + 14, says, caption)
