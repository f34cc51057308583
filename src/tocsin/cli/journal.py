"""Journal: which inputs an earlier run finished, so that a stopped run goes on where it was."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from tocsin.io.writing import append_ndjson

NAME = "done.ndjson"


class Journal:
    """One line per finished input, pushed to disk after its results are.

    An input counts as finished only if path, size, time of change and all settings are those of then.

    Parameters
    ----------
    folder : Path
        The out folder.
    settings : dict
        Everything that results depend on besides the inputs.
    fresh : bool
        Forget earlier runs.
    """

    def __init__(self, folder: Path, settings: dict[str, Any], fresh: bool = False) -> None:
        self._file = folder / NAME
        text = json.dumps(settings, sort_keys=True, default=str)
        self._settings = hashlib.sha256(text.encode()).hexdigest()[:16]
        if fresh:
            self._file.unlink(missing_ok=True)
        self._done = self._read()

    def _read(self) -> dict[str, dict[str, Any]]:
        if not self._file.is_file():
            return {}
        found: dict[str, dict[str, Any]] = {}
        for line in self._file.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                row = json.loads(line)
                found[str(row["key"])] = row
            except (ValueError, KeyError, TypeError):
                # The line that a kill cut short: its input is simply done again.
                continue
        return found

    @property
    def same_settings(self) -> bool:
        """Whether everything recorded so far was done with these settings."""
        return all(row.get("settings") == self._settings for row in self._done.values())

    def key(self, source: str) -> str:
        """Identify an input as it is now."""
        path = Path(source)
        if not path.exists():
            return f"{source}|{self._settings}"
        stat = path.stat()
        return f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}|{self._settings}"

    def finished(self, source: str) -> dict[str, Any] | None:
        """Return what was recorded when `source`, as it is now, was finished; None if it was not."""
        return self._done.get(self.key(source))

    def record(self, source: str, **result: Any) -> None:
        """Note that `source` is finished."""
        row = {"key": self.key(source), "source": source, "settings": self._settings, **result}
        append_ndjson(self._file, [row])
        self._done[row["key"]] = row
