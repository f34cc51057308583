"""Scores on disk: what `tocsin score` and `tocsin detect -o` write, or any table with a column of scores."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.registry import nearest
from tocsin.io import names
from tocsin.io.columns import Columns, read_columns
from tocsin.io.names import listed

if TYPE_CHECKING:
    from tocsin.core.types import AnyArray, FloatArray, IntArray

SCORE = ("score", "scores", "anomalyscore", "anomalyscores", "outlierscore", "yscore", "local")
# What `tocsin score` calls the shares of channels in a score.
PART = "part: "
# Columns that tell several scored things in one table apart, and what kind of things they are.
VIDEO = frozenset(("video", "videoid", "videoname", "clip"))
CLOUD = frozenset(("cloud", "cloudid", "pointcloud", "object", "objectid"))
MEMBER = names.SERIES | VIDEO | CLOUD | frozenset(("series", "sample", "file", "source"))
ROW = frozenset(("row", "frame", "index", "position", "point"))


@dataclass(frozen=True, eq=False)
class Scored:
    """The scores of one series, video, cloud or list of items.

    Parameters
    ----------
    id : str
        Its name: that of the file, or what the id column says.
    where : str
        The file.
    scores : ndarray of float, shape (n,)
        Higher is stranger; NaN where there is none.
    time : ndarray of int64, optional
        Nanoseconds since 1970.
    rows : ndarray of int64, optional
        The number of each row in the data, from 0.
    member : str
        The column that tells several apart; '' where a file holds one.
    table : Columns
        The columns that the scores came with, labels among them; the scores themselves left out.
    group : str
        What the column of ``by`` says.
    items : bool
        Whether rows are items with names of their own, such as clips or log lines, rather than points in order.
    line : ndarray of int64
        The row of the file, from 1, for messages.
    """

    id: str
    where: str
    scores: FloatArray
    time: IntArray | None
    rows: IntArray | None
    member: str
    table: Columns
    group: str = ""
    items: bool = False
    line: IntArray = field(default_factory=lambda: np.empty(0, np.int64))


def read_scores(
    source: str | os.PathLike[str],
    *,
    column: str | None = None,
    time: str | None = None,
    member: str | None = None,
    by: str | None = None,
) -> Iterator[Scored]:
    r"""Yield what one file holds: one thing, or one for each name in its id column.

    Parameters
    ----------
    source : path or "-"
    column : str, optional
        The column of scores; ``score`` or the like, or the only column of numbers.
    time : str, optional
        The time column; found when left out.
    member : str, optional
        The column that tells several series apart; ``id``, ``series``, ``video`` or the like whose names repeat.
    by : str, optional
        A column of groups; it must not change within a series.

    Raises
    ------
    InputError
        If the file is no table, there is no score, or a score is infinite.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp(), "scores.csv")
    >>> _ = file.write_text("id,row,score\na,0,1\na,1,2\nb,0,5\nb,1,3\n")
    >>> [(s.id, s.scores.tolist()) for s in read_scores(file)]
    [('a', [1.0, 2.0]), ('b', [5.0, 3.0])]
    """
    table = read_columns(source, as_text=[name for name in (member, by) if name is not None])
    chosen = column or _score_column(table)
    scores = _checked(table, chosen)
    clock = table.clock(time) if time is not None or table.times else None
    named = member if member is not None else _member_column(table)
    if named is not None and named not in table.known:
        raise InputError(f"{table.where} has no column {named!r}{nearest(named, table.known)}")
    numbered = table.first(lambda n: names.plain(n) in ROW and n not in (named, chosen), table.numbers)
    whole = whole_numbers(table.numbers[numbered]) if numbered is not None else None
    items = clock is None and whole is None and any(_is_unique(words) for words in table.words.values())
    name = os.path.basename(str(source))
    rest = table.without([chosen, *(n for n in table.numbers if n.startswith(PART))])
    for label, rows in split_rows(table, named):
        part = rest.take(rows)
        yield Scored(
            label or name,
            table.where,
            scores[rows],
            None if clock is None else clock[rows],
            None if whole is None else whole[rows],
            named or "",
            part,
            group_of(part, by),
            items,
            rows + 1,
        )


def group_of(table: Columns, by: str | None) -> str:
    """Return what the column of groups says, the same in every row; '' if there is no such column.

    Raises
    ------
    InputError
        If it changes on the way.
    """
    if by is None or by not in table.known:
        return ""
    found = list(dict.fromkeys(table.text(by).tolist()))
    if len(found) > 1:
        raise InputError(
            f"{table.where}: the group column {by!r} changes within one series ({listed(found, 3)}): to score each "
            "value "
            f"apart, name it as the id instead (--id {by})"
        )
    return str(found[0])


def _score_column(table: Columns) -> str:
    plain = {names.plain(name): name for name in reversed(list(table.numbers))}
    for wanted in SCORE:
        if wanted in plain:
            return plain[wanted]
    text = next((name for name in table.words if names.plain(name) in SCORE), None)
    if text is not None:
        table.number(text)  # says what stands there instead
    others = [n for n in table.numbers if not (names.is_label(n) or names.plain(n) in ROW or names.plain(n) in MEMBER)]
    if len(others) == 1:
        return others[0]
    raise InputError(
        f"{table.where} has no column called score, and "
        + (f"several of numbers ({listed(others)}): name it with --score" if others else "no other column of numbers")
    )


def _checked(table: Columns, column: str) -> FloatArray:
    scores = table.number(column)
    infinite = np.flatnonzero(np.isinf(scores))
    if infinite.size:
        raise InputError(
            f"{table.where}: column {column!r} is infinite in row {int(infinite[0]) + 1} ({infinite.size} such rows in "
            "all): write the largest finite score instead"
        )
    if np.isnan(scores).all():
        raise InputError(f"{table.where}: column {column!r} holds no score in any row")
    return scores


def _member_column(table: Columns) -> str | None:
    candidates = [n for n in table.words if names.plain(n) in MEMBER]
    return next((n for n in candidates if not _is_unique(table.words[n])), None)


def _is_unique(words: AnyArray) -> bool:
    """Tell whether every row has a name of its own."""
    return len(words) > 1 and len(set(words.tolist())) == len(words)


def whole_numbers(values: FloatArray) -> IntArray | None:
    """Return row numbers, if these are: whole and none twice."""
    if np.isnan(values).any() or not np.array_equal(values, np.rint(values)):
        return None
    return values.astype(np.int64)


def split_rows(table: Columns, member: str | None) -> Iterator[tuple[str, IntArray]]:
    """Yield each name in a column with its rows, in order of first appearance; all rows under '' without a column.

    Raises
    ------
    InputError
        If the name of a row is missing.
    """
    if member is None:
        yield "", np.arange(table.rows)
        return
    words = table.text(member)
    if "" in words:
        row = int(np.flatnonzero(words == "")[0]) + 1
        raise InputError(f"{table.where}: column {member!r} is empty in row {row}: say to which series the row belongs")
    order: dict[str, list[int]] = {}
    for row, word in enumerate(words.tolist()):
        order.setdefault(word, []).append(row)
    for word, rows in order.items():
        yield word, np.asarray(rows, np.int64)
