"""Words of a table as small numbers, so that millions of rows never become Python objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.core.errors import InputError
from tocsin.io import database
from tocsin.io.events.lookup import Lookup
from tocsin.io.plan import Role
from tocsin.io.table import Table

if TYPE_CHECKING:
    from tocsin.core.types import IntArray


class Coding:
    """The vocabularies of some columns, the SQL that reads them as numbers, and what turns those into codes.

    All columns are gone through together, once, for their words; a second reading gives a hash of each cell, which is
    looked up among the hashes of the words. That is a third of the work that DuckDB's own ENUM does. Two words of one
    hash, which somebody may craft, are found as soon as the words are known: that column is then read as an ENUM.

    Parameters
    ----------
    table : Table
    roles : sequence of Role
        Columns that hold words, or numbers that are read as words.

    Attributes
    ----------
    vocabularies : tuple of tuple of str
        The words of each column, in the order of their bytes.
    expressions : list of str
        SQL of BIGINT for each column.

    Raises
    ------
    InputError
        If the table cannot be read to its end.
    """

    def __init__(self, table: Table, roles: Sequence[Role]) -> None:
        self._table, self._roles = table, tuple(roles)
        self.vocabularies: list[tuple[str, ...]] = []
        self.expressions: list[str] = []
        self._lookups: list[Lookup | None] = []
        if roles:
            self._number_words()

    def codes(self, column: int, values: IntArray) -> IntArray:
        """Turn what the expression of a column gives into int32 codes, -1 where a cell is empty."""
        lookup = self._lookups[column]
        return np.maximum(values, -1).astype(np.int32) if lookup is None else lookup.codes(values)

    def _number_words(self) -> None:
        import duckdb

        width = range(len(self._roles))
        columns = ", ".join(f"{self._word(role)} AS v{i}" for i, role in enumerate(self._roles))
        each, sets = ", ".join(f"v{i}" for i in width), ", ".join(f"(v{i})" for i in width)
        source = f"(SELECT {columns} FROM {self._table.relation(frozenset())})"
        try:
            self._run(
                f"CREATE OR REPLACE TEMP TABLE words AS SELECT {each} FROM {source} GROUP BY GROUPING SETS ({sets})"
            )
            ((missing,),) = self._run(f"SELECT {_hash('NULL::VARCHAR')}").fetchall()
            for i, role in enumerate(self._roles):
                self._add(i, role, missing)
            self._run("DROP TABLE words")
        except duckdb.Error as error:
            problem = self._table.explain(str(error))
            where = self._table.where
            raise problem or InputError(f"{where} cannot be read: {database.first_line(error)}") from None

    def _add(self, i: int, role: Role, missing: int) -> None:
        held = f"FROM words WHERE v{i} IS NOT NULL ORDER BY v{i}"
        found = self._run(f"SELECT v{i} AS word, {_hash(f'v{i}')} AS hash {held}").fetchnumpy()
        self.vocabularies.append(tuple(map(str, found["word"])))
        hashes = np.append(np.ma.getdata(found["hash"]).astype(np.int64), missing)
        if np.unique(hashes).size == hashes.size:
            self._lookups.append(Lookup(hashes, np.append(np.arange(hashes.size - 1), -1)))
            self.expressions.append(_hash(self._word(role)))
        else:
            self._run(f"CREATE OR REPLACE TYPE words_of_{i} AS ENUM (SELECT v{i} {held})")
            self._lookups.append(None)
            self.expressions.append(f"CAST(enum_code(CAST({self._word(role)} AS words_of_{i})) AS BIGINT)")

    def _word(self, role: Role) -> str:
        # A reader that converts gives NULL for empty cells by itself.
        return word_sql(role, blank=not self._table.converts)

    def _run(self, query: str) -> Any:
        return self._table.connection.execute(query)


def _hash(word: str) -> str:
    return f"CAST(hash({word}) >> 1 AS BIGINT)"


def word_sql(role: Role, *, blank: bool = True) -> str:
    """Return the SQL that reads a column as words, NULL where a cell is empty; empty cells may be `blank`.

    Whole numbers are written without a point, so that a port is one word whether a file says 443 or 443.0.
    """
    column = role.column
    if column.stored == "number" and column.type.upper() in ("FLOAT", "DOUBLE"):
        return f"regexp_replace(CAST({column.sql} AS VARCHAR), '\\.0+$', '')"
    if column.stored != "text":
        return f"CAST({column.sql} AS VARCHAR)"
    if role.kind == "number" and any("." in str(cell) for cell in column.sample if cell is not None):
        return f"NULLIF(regexp_replace(trim({column.sql}), '\\.0+$', ''), '')"
    plain = column.sql if column.type == "VARCHAR" else f"CAST({column.sql} AS VARCHAR)"
    return f"NULLIF({plain}, '')" if blank else plain
