"""The chart library, taken as a file from the installed plotly package and packed for the page.

The plain file is some 4.8 MB, four fifths of what a page may weigh; compressed and in base64 it is 2 MB, and the page
unpacks it with the browser's own DecompressionStream (Chrome 80, Safari 16.4, Firefox 113; all since May 2023).
Older browsers show everything but the charts, and a sentence that says so.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from tocsin.core.errors import InputError

_LEVEL = 6


@dataclass(frozen=True)
class PackedScript:
    """A script as base64 of gzip, with the SHA-256 (base64) by which the page's security policy lets it run."""

    packed: str
    sha256: str
    version: str


@lru_cache(maxsize=1)
def plotly_script() -> PackedScript:
    """Return the chart library.

    Raises
    ------
    InputError
        If the plotly package is not installed or lacks the file.
    """
    # Finding the package does not import it: its Python side takes long and draws nothing here.
    package = find_spec("plotly")
    folders = [] if package is None else list(package.submodule_search_locations or [])
    for folder in folders:
        path = Path(folder) / "package_data" / "plotly.min.js"
        if path.is_file():
            code = path.read_bytes()
            text = code.decode("utf-8-sig").encode()
            return PackedScript(
                base64.b64encode(gzip.compress(text, _LEVEL, mtime=0)).decode(), sha256(text), _version(text)
            )
    raise InputError('the report needs the chart library of plotly, which is not installed: pip install "plotly>=6"')


def sha256(code: bytes) -> str:
    """Return the digest in the form of a content security policy."""
    return base64.b64encode(hashlib.sha256(code).digest()).decode()


def _version(code: bytes) -> str:
    head = code[:400].decode(errors="replace")
    return head.partition("plotly.js v")[2].split()[0] if "plotly.js v" in head else "unknown"
