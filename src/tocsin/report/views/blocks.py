"""The pieces that a view hands to the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tocsin.report.views.contact import Contact
from tocsin.report.views.diagram import Diagram
from tocsin.report.views.listing import Listing


@dataclass(frozen=True)
class Chart:
    """A chart for plotly.js.

    Parameters
    ----------
    figure : dict
        From `tocsin.report.figure.stack`.
    says : str
        What is to be seen, for those who cannot see it.
    caption : str
        A sentence below it.
    behind : str
        If not empty: the label of a fold that the chart waits behind.
    """

    figure: dict[str, Any]
    says: str
    caption: str = ""
    behind: str = ""


@dataclass(frozen=True)
class Picture:
    """A picture that travels inside the page.

    Parameters
    ----------
    content : bytes
        The encoded file.
    kind : {'png', 'jpeg', 'webp'}
        Its encoding.
    says, caption, behind : str
        As for `Chart`.
    """

    content: bytes
    kind: str
    says: str
    caption: str = ""
    behind: str = ""


@dataclass(frozen=True)
class Table:
    """A small table: headings, rows of texts, and a remark on what is not in it.

    With `words`, the columns hold sentences rather than numbers. The rest is as for `Chart`.
    """

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    remark: str = ""
    says: str = ""
    caption: str = ""
    behind: str = ""
    words: bool = False


Block = Chart | Picture | Table | Listing | Diagram | Contact
