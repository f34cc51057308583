"""What a run over many pictures is summed up in: a table of kinds and a contact sheet for the report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.report.run import Run
from tocsin.report.views.blocks import Block, Table
from tocsin.report.views.contact import Contact, Thumb
from tocsin.report.words import count, number, share

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray

# Of more pictures than this, the strangest and some of all others are shown.
MOST_THUMBS = 300
KINDS = 60


def picture_run(folder: Path, rows: Sequence[dict[str, Any]]) -> Run:
    """Return what the report says of all pictures done so far."""
    found = [row for row in rows if row.get("anomalous")]
    places = sum(int(row.get("anomalies", 0)) for row in rows)
    headline = (
        f"Something wrong with {len(found)} of {count(len(rows), 'picture')}"
        if found
        else (f"Nothing found in {count(len(rows), 'picture')}")
    )
    if found:
        headline += f": {count(places, 'place')}"
    blocks: list[Block] = []
    if any(row.get("kind") for row in rows):
        blocks.append(kind_table(rows))
    blocks.append(contact_sheet(folder, rows))
    return Run(headline, f"All {count(len(rows), 'picture')}", blocks)


def kind_table(rows: Sequence[dict[str, Any]]) -> Table:
    """Return how the pictures of each kind came out, product by product if there are several.

    The area under the curve compares a kind with the good pictures of its product; it says how well scores separate
    them at any threshold.
    """
    groups = list(dict.fromkeys(str(row.get("group", "")) for row in rows))
    several = len(groups) > 1
    cells = []
    for group in groups:
        own = [row for row in rows if str(row.get("group", "")) == group]
        good = _scores([row for row in own if row.get("kind") == "good"])
        for kind in sorted({str(row.get("kind", "")) for row in own}, key=lambda k: (k != "good", k)):
            of_kind = [row for row in own if str(row.get("kind", "")) == kind]
            hit = sum(bool(row.get("anomalous")) for row in of_kind)
            scores = _scores(of_kind)
            area = "" if kind in ("good", "") or not good.size else number(round(separation(scores, good), 3))
            name = " / ".join(part for part in (group if several else "", kind or "not known") if part)
            cells.append(
                (
                    name,
                    str(len(of_kind)),
                    f"{hit} ({share(hit / len(of_kind))})",
                    number(float(np.median(scores))),
                    area,
                )
            )
    rest = len(cells) - KINDS
    remark = f"{count(rest, 'more kind')} not listed." if rest > 0 else ""
    headings = ("kind", "pictures", "flagged", "median score", "AUROC against good")
    return Table(headings, cells[:KINDS], remark, "How the pictures of each kind came out")


def contact_sheet(folder: Path, rows: Sequence[dict[str, Any]]) -> Contact:
    """Return small copies of the pictures, the strangest first."""
    ranked = sorted(rows, key=lambda row: -_times(row))
    shown = chosen(len(ranked), MOST_THUMBS)
    thumbs = []
    for place in shown:
        row = ranked[place]
        file = folder / str(row.get("thumb", ""))
        if not row.get("thumb") or not file.is_file():
            continue
        threshold = row.get("threshold")
        times = f"{_times(row):.2f}×" if threshold else number(float(row["score"]))
        kind = file.suffix.removeprefix(".")
        name = str(row.get("place") or row["sample"])
        thumbs.append(Thumb(file.read_bytes(), kind, name, times, bool(row.get("anomalous"))))
    caption = "Sorted by score, in multiples of the threshold. Framed: something was found."
    if len(shown) < len(ranked):
        caption += f" Of {len(ranked)} pictures the strangest, and some of the others evenly."
    return Contact(thumbs, f"{len(thumbs)} pictures sorted by score", caption)


def chosen(many: int, most: int) -> list[int]:
    """Return which of so many ranked pictures are shown: the first two thirds of what fits, the rest evenly.

    Examples
    --------
    >>> chosen(4, 6), chosen(12, 6)
    ([0, 1, 2, 3], [0, 1, 2, 3, 8, 11])
    """
    if many <= most:
        return list(range(many))
    first = 2 * most // 3
    return [*range(first), *np.linspace(first, many - 1, most - first + 1).round().astype(int)[1:].tolist()]


def separation(defective: FloatArray, good: FloatArray) -> float:
    """Return the chance that a defective picture scores higher than a good one, ties counted half.

    Examples
    --------
    >>> separation(np.array([2.0, 3.0]), np.array([1.0, 2.0]))
    0.875
    """
    ordered = np.sort(good)
    below = np.searchsorted(ordered, defective, "left") + np.searchsorted(ordered, defective, "right")
    return float(below.mean() / (2 * len(ordered)))


def _scores(rows: Sequence[dict[str, Any]]) -> FloatArray:
    return np.array([float(row["score"]) for row in rows])


def _times(row: dict[str, Any]) -> float:
    """How far above its threshold a picture is: comparable between products, where scores are not."""
    threshold = row.get("threshold")
    return float(row["score"]) / float(threshold) if threshold else float(row["score"])
