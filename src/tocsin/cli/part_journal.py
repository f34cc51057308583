"""PartJournal: a journal that notes many inputs at once."""

from __future__ import annotations

from typing import Any

from tocsin.cli.journal import Journal
from tocsin.io.writing import append_ndjson


class PartJournal(Journal):
    """A journal that notes the inputs of a part in one go, for one push to the disk."""

    def record_all(self, results: dict[str, dict[str, Any]]) -> None:
        """Note that inputs are finished, each with its result."""
        rows = [
            {"key": self.key(source), "source": source, "settings": self._settings, **result}
            for source, result in results.items()
        ]
        if rows:
            append_ndjson(self._file, rows)
        self._done |= {row["key"]: row for row in rows}
