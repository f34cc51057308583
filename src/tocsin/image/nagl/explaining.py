"""Why a picture is strange: which half of the score speaks at its strangest cell, and of which defects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.anomalies import Evidence
from tocsin.image import _maps

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray

PARTS = ("unlike normal", "like a marked defect")


def reasons(
    normal: FloatArray, anomalous: FloatArray, groups: Sequence[str], grid: tuple[int, ...], border: int
) -> list[Evidence]:
    """Say how unlike normal the strangest cell is, and which marked references it resembles most.

    Parameters
    ----------
    normal : ndarray, shape (rows, columns)
        Similarity with normal patches.
    anomalous : ndarray, shape (groups, rows, columns)
        Likeness to each group of marked references.
    groups : sequence of str
        What they are called; empty where nothing was marked.
    grid : (int, int)
        Height and width of the picture.
    border : int
        Cells all round that are not judged.

    Returns
    -------
    list of Evidence
        One or two, the more important one first; their shares add up to 1.
    """
    cells = _maps.without_border((anomalous.max(axis=0) + 1 - normal) / 2, border)
    row, column = (int(n) for n in np.unravel_index(int(cells.argmax()), cells.shape))
    y, x = (int((n + 0.5) / m * k) for n, m, k in zip((row, column), cells.shape, grid, strict=True))
    unlike = float(1 - normal[row, column])
    text = f"at x={x}, y={y}, {1 - unlike:.2f} like the nearest normal patch (1 is equal)"
    if not groups:
        return [Evidence(PARTS[0], 1.0, round(unlike, 4), (0.0,), text)]
    group = int(anomalous[:, row, column].argmax())
    like = float(anomalous[group, row, column])
    share = unlike / ((unlike + like) or 1.0)
    usual = float(np.median(anomalous[group]))
    known = f"{like:.2f} more than normal like the marked {groups[group]}, the whole picture {usual:.2f}"
    found = [
        Evidence(PARTS[0], share, round(unlike, 4), (0.0,), text),
        Evidence(PARTS[1], 1 - share, round(like, 4), (round(usual, 4),), known),
    ]
    return sorted(found, key=lambda evidence: -evidence.share)
