"""Where in a TOML file something stands, so that an error about its meaning can name the line."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from tocsin.core.errors import InputError

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(#.*)?$")
_AT = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
_LONGEST = 100


class TomlLines:
    r"""The content of a TOML file, and the lines of its keys.

    Parameters
    ----------
    path : Path
        What messages call the file.
    text : str

    Raises
    ------
    InputError
        If it is no TOML; with the line.

    Examples
    --------
    >>> lines = TomlLines(Path("s.toml"), 'seeds = [0]\n[[detectors]]\nname = "robst-z"\n')
    >>> str(lines.error("there is no such detector", "detectors", 0, "name"))
    's.toml, line 3: there is no such detector (the line: name = "robst-z")'
    """

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self._rows = text.splitlines()
        try:
            self.content: dict[str, Any] = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            said = str(error)
            match = _AT.search(said)
            number = int(match[1]) if match and match[1] else len(self._rows)
            raise self._at(number, f"this is no TOML: {_AT.sub('', said)}") from None

    def error(self, said: str, table: str = "", index: int = 0, key: str = "") -> InputError:
        """Return an error that names the line of a key.

        Parameters
        ----------
        said : str
            What is wrong.
        table : str
            ``detectors``; empty for keys before the first table.
        index : int
            Which of several tables of that name.
        key : str
            Empty for the table's own line.
        """
        return self._at(self._find(table, index, key), said)

    def _at(self, number: int, said: str) -> InputError:
        line = self._rows[number - 1].strip() if 0 < number <= len(self._rows) else ""
        shown = line if len(line) <= _LONGEST else f"{line[:_LONGEST]} ..."
        return InputError(f"{self.path.name}, line {number}: {said}" + (f" (the line: {shown})" if shown else ""))

    def _find(self, table: str, index: int, key: str) -> int:
        wanted = re.compile(rf'^\s*"?{re.escape(key)}"?\s*[.=]') if key else None
        inside, seen, begun = not table, -1, 1
        for number, row in enumerate(self._rows, 1):
            header = _HEADER.match(row)
            if header is not None:
                name = header[2].replace(" ", "")
                if name == table:
                    seen += 1
                    inside = seen == index
                    begun = number if inside else begun
                elif inside and not (table and name.startswith(f"{table}.")):
                    if not table or seen == index:
                        return begun
                elif inside and key and name == f"{table}.{key}":
                    return number
                continue
            if inside and wanted is not None and wanted.match(row):
                return number
        return begun
