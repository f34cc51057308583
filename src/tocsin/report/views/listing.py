"""Listing: the original lines around an anomaly, as they were read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Listing:
    """Lines of a log or rows of a table, some of them marked.

    Parameters
    ----------
    lines : sequence of (number, text, marked)
        Number as the reader of the file counts, the text as it stood there, whether it belongs to the anomaly.
    says : str
        What is to be seen.
    caption : str
        A sentence below it.
    behind : str
        If not empty: the label of a fold that the listing waits behind.
    """

    lines: Sequence[tuple[str, str, bool]]
    says: str
    caption: str = ""
    behind: str = ""
