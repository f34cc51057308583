"""Batches against what DuckDB itself fetches."""

from __future__ import annotations

import numpy as np
import pytest

from tocsin.io import database
from tocsin.io.arrow_stream import NO_INTEGER, QueryError, batches


@pytest.mark.parametrize("rows", [0, 1, 7, 8, 9, 2048, 2049, 300_001])
@pytest.mark.parametrize("every", [1, 2, 3, 10**9])
def test_against_fetchnumpy(rows: int, every: int) -> None:
    query = (
        f"SELECT CAST(CASE WHEN i % {every} <> 1 THEN i END AS BIGINT) AS a, "
        f"CASE WHEN i % {every} <> 0 THEN i / 3 END::DOUBLE AS b, CAST(i % 5 AS FLOAT) AS c FROM range({rows}) t(i)"
    )
    with database.connect() as connection:
        found = list(batches(connection, query))
        expected = connection.execute(query).fetchnumpy()
    if not rows:
        assert sum(len(batch[0]) for batch in found) == 0
        return
    a, b, c = (np.concatenate(column) for column in zip(*found, strict=True))
    np.testing.assert_array_equal(a, np.ma.filled(expected["a"], NO_INTEGER))
    np.testing.assert_array_equal(b, np.ma.filled(expected["b"], np.nan))
    np.testing.assert_array_equal(c, expected["c"])
    assert (a.dtype, b.dtype, c.dtype) == (np.int64, np.float64, np.float32)


def test_arrays_outlive_the_query() -> None:
    with database.connect() as connection:
        first = next(batches(connection, "SELECT i::DOUBLE FROM range(200000) t(i)"))[0]
    np.testing.assert_array_equal(first[:3], [0, 1, 2])
    assert first.flags.writeable


@pytest.mark.parametrize(
    "query", ["SELECT nonsense", "SELECT CAST(IF(i > 150000, 'x', '1') AS DOUBLE) FROM range(200000) t(i)"]
)
def test_failures(query: str) -> None:
    with database.connect() as connection, pytest.raises(QueryError):
        list(batches(connection, query))


def test_the_database_fetches_nothing_and_its_settings_are_locked() -> None:
    import duckdb

    with database.connect() as connection:
        settings = "current_setting('autoinstall_known_extensions'), current_setting('autoload_known_extensions')"
        assert connection.execute(f"SELECT {settings}").fetchall() == [(False, False)]
        for change in ("SET autoinstall_known_extensions = true", "SET threads = 1", "RESET TimeZone"):
            with pytest.raises(duckdb.Error, match="locked"):
                connection.execute(change)
        assert connection.execute("SELECT current_setting('TimeZone')").fetchall() == [("UTC",)]
