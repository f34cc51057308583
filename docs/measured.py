"""Find what was measured with a detector: rows of the tables of other pages, and of the leaderboard."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from statistics import fmean

HERE = Path(__file__).resolve().parent
LEADERBOARD = HERE / "leaderboard" / "results.csv"
# What a leaderboard's file must have; it may have more, as the table of results that `tocsin bench` writes has.
COLUMNS = ("detector", "family", "floor", "dataset", "protocol", "group", "half", "metric", "value")
FLOORS = ("random", "constant")


@dataclass
class Table:
    """A table of a page.

    Parameters
    ----------
    page : str
        File name.
    title, anchor : str
        Of the nearest heading above it.
    number : int
        Which of the tables below that heading it is, from 1.
    header : list of str
    rows : list of list of str
        Cells; an empty first cell stands for the one above it.
    """

    page: str
    title: str
    anchor: str
    number: int
    header: list[str]
    rows: list[list[str]] = field(default_factory=list)

    def about(self, name: str) -> list[list[str]]:
        """Return the rows about a detector, with those of random and constant scores; all, if it is in the title."""
        if f"`{name}`" in self.title or f"({name})" in self.title.lower():
            return self.filled()
        if self.header[0] == "against":  # differences of the default to others: they say nothing without it
            return []
        mine = [row for row in self.filled() if any(_names(cell, name) for cell in row[:3])]
        if not mine:
            return []
        firsts = {row[0] for row in mine}
        many = any(cell in FLOORS for row in self.rows for cell in row[1:3])
        floors = [
            row
            for row in self.filled()
            if row not in mine and any(_plain(c) in FLOORS for c in row[:3]) and (not many or row[0] in firsts)
        ]
        return mine + floors

    def filled(self) -> list[list[str]]:
        """Return the rows with nothing left to the row above."""
        done: list[list[str]] = []
        for row in self.rows:
            done.append([row[0] or (done[-1][0] if done else ""), *row[1:]])
        return done


def slug(title: str) -> str:
    """Return a heading's anchor, as Python-Markdown makes it.

    Examples
    --------
    >>> slug("The default: `patch-memory`, and what it costs")
    'the-default-patch-memory-and-what-it-costs'
    """
    plain = unicodedata.normalize("NFKD", title.replace("`", "")).encode("ascii", "ignore").decode()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower())


@cache
def tables(page: str) -> tuple[Table, ...]:
    """Return the tables of a page."""
    found: list[Table] = []
    title, used, fenced = "", dict[str, int](), False
    anchor = ""
    current: Table | None = None
    for line in (HERE / page).read_text(encoding="utf-8").splitlines():
        fenced ^= line.startswith("```")
        if not fenced and line.startswith("#"):
            title = line.lstrip("#").strip()
            again = used.get(slug(title), 0)
            used[slug(title)] = again + 1
            anchor = slug(title) + (f"_{again}" if again else "")
        if fenced or not line.startswith("|"):
            current = None
        elif current is None:
            number = 1 + sum(table.anchor == anchor for table in found)
            current = Table(page, title, anchor, number, _cells(line))
            found.append(current)
        elif not re.fullmatch(r"[\s|:-]+", line):
            current.rows.append(_cells(line))
    return tuple(found)


def measured(name: str, pages: Iterable[str]) -> Iterator[tuple[Table, list[list[str]]]]:
    """Yield the tables that have rows about a detector, with these rows."""
    for page in pages:
        for table in tables(page):
            rows = table.about(name)
            if rows:
                yield table, rows


@cache
def _leaderboard() -> tuple[dict[str, str], ...]:
    if not LEADERBOARD.is_file():
        return ()
    with LEADERBOARD.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    missing = [name for name in COLUMNS if rows and name not in rows[0]]
    if missing:
        raise SystemExit(f"{LEADERBOARD.name} has no column {', '.join(missing)}; it needs {', '.join(COLUMNS)}")
    # Where settings were chosen on one half, only the other half is reported.
    return tuple(row for row in rows if row["half"] != "choose" and row["value"])


def leaderboard(name: str) -> list[list[str]]:
    """Return rows of the leaderboard: data set, protocol, metric, setting, mean, random, constant.

    The metric is the first that the data set was judged by; means are over seeds and units of a group, then over
    groups.
    """
    found = []
    for dataset, protocol in dict.fromkeys((row["dataset"], row["protocol"]) for row in _leaderboard()):
        here = [row for row in _leaderboard() if (row["dataset"], row["protocol"]) == (dataset, protocol)]
        here = [row for row in here if row["metric"] == here[0]["metric"]]
        floors = {
            floor: _mean([row for row in here if _true(row["floor"]) and row["family"] == floor]) for floor in FLOORS
        }
        mine = dict.fromkeys(row["detector"] for row in here if row["family"] == name and not _true(row["floor"]))
        for label in mine:
            mean = _mean([row for row in here if row["detector"] == label])
            found.append([dataset, protocol, here[0]["metric"], label, mean, *(floors[floor] for floor in FLOORS)])
    return found


def _mean(rows: Sequence[dict[str, str]]) -> str:
    groups: dict[str, list[float]] = {}
    for row in rows:
        groups.setdefault(row["group"], []).append(float(row["value"]))
    return f"{fmean(fmean(values) for values in groups.values()):.3f}" if groups else ""


def _true(text: str) -> bool:
    return text.lower() in ("true", "1", "yes")


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().removeprefix("|").removesuffix("|").split("|")]


def _plain(cell: str) -> str:
    return cell.replace("*", "").replace("`", "").strip()


def _names(cell: str, name: str) -> bool:
    """Whether a cell is about a detector: it begins with its name, or with that of others joined with it."""
    return re.match(rf"(?:ensemble of (?:[\w-]+ \+ )*)?{re.escape(name)}(?![\w-])", _plain(cell)) is not None
