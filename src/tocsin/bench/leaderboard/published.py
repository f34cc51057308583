"""Published rows: what papers and their repositories report, shown beside what was measured and never mixed with it."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from tocsin.core.errors import InputError
from tocsin.core.registry import nearest


@dataclass(frozen=True)
class PublishedRow:
    """One number of a paper.

    Parameters
    ----------
    table : str
        What suites ask for it by.
    dataset, protocol, detector, metric : str
    value : float
        On the scale of our metrics, 0 to 1.
    source : str
    verified : str
        ``repository`` where we read it in the result files of its authors, ``paper``, or ``second hand``.
    """

    table: str
    dataset: str
    protocol: str
    detector: str
    metric: str
    value: float
    source: str
    verified: str


def published_rows(tables: Sequence[str] = ()) -> list[PublishedRow]:
    """Return the rows of some tables, of all when none is named.

    Raises
    ------
    InputError
        If there is no such table.

    Examples
    --------
    >>> next(r.value for r in published_rows(["ader"]) if (r.dataset, r.detector) == ("mvtec-ad", "PatchCore"))
    0.988
    """
    text = files("tocsin.bench.suites").joinpath("published.csv").read_text(encoding="utf-8")
    rows = [PublishedRow(**{**row, "value": float(row["value"])}) for row in csv.DictReader(text.splitlines())]  # type: ignore[arg-type]  # the columns are those of the class
    known = {row.table for row in rows}
    for table in tables:
        if table not in known:
            raise InputError(f"there is no published table {table!r}{nearest(table, sorted(known))}")
    return [row for row in rows if not tables or row.table in tables]
