"""Run: what is said of all inputs together where a page can show only the strongest of them in detail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tocsin.report.views.blocks import Block


@dataclass(frozen=True)
class Run:
    """What is said of a whole run.

    Parameters
    ----------
    headline : str
        Instead of the one that counts the detections on the page.
    title : str
        What the part of the page about all inputs is called.
    blocks : sequence of Block
        What it shows.
    """

    headline: str
    title: str
    blocks: Sequence[Block] = ()
