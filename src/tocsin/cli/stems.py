"""File names for results, made from the names of inputs."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path


def stem_of(source: str, sample_id: str = "") -> str:
    """Return a name that is safe on any disk and differs for inputs of the same name in different folders.

    Examples
    --------
    >>> stem_of("data/a b.csv") != stem_of("other/a b.csv")
    True
    """
    base = Path(sample_id or source).name or "input"
    readable = re.sub(r"[^A-Za-z0-9._-]+", "_", base)[:80].strip("._") or "input"
    return f"{readable}-{hashlib.sha256(f'{source}|{sample_id}'.encode()).hexdigest()[:8]}"


def is_stem(name: str) -> bool:
    """Say whether `stem_of` made a name, the number of a chunk behind it or not.

    Examples
    --------
    >>> is_stem(stem_of("data/a.csv")), is_stem(stem_of("data/a.csv") + ".00012"), is_stem("mine")
    (True, True, False)
    """
    return re.fullmatch(r".+-[0-9a-f]{8}(\.\d{5})?", name) is not None
