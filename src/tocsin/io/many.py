"""`read_many`: files, patterns and folders, where one bad file does not stop the rest."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tocsin.core.errors import InputError, TocsinError
from tocsin.io.options import Gaps, Modality, OnBad, Options
from tocsin.io.reading import read_all

if TYPE_CHECKING:
    from tocsin.core.samples import Events, Image, Series

SUFFIXES = (
    *(".csv", ".tsv", ".txt", ".dat", ".out", ".json", ".jsonl", ".ndjson", ".parquet", ".pq"),
    *(".arrow", ".arrows", ".feather", ".ipc", ".npy", ".npz", ".log", ".evtx", ".strace"),
)
_PACKED = (".gz", ".zst", ".zstd")
_PROSE = ("readme", "license", "licence", "copying", "changelog")


@dataclass(frozen=True)
class Reading:
    """What became of one file, or of one series in it.

    Parameters
    ----------
    path : str
        The file.
    sample : Series, Events, Image or None
        What was read.
    error : TocsinError or None
        Why nothing was.
    """

    path: str
    sample: Series | Events | Image | None = None
    error: TocsinError | None = None


def read_many(
    sources: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    time: str | None = None,
    channels: Sequence[str] | str | None = None,
    unit: str | None = None,
    zone: str | None = None,
    on_bad: OnBad = "raise",
    series: str | None = None,
    gaps: Gaps = "insert",
    limit: float | None = None,
    modality: Modality | None = None,
    entities: Sequence[str] | str | None = None,
    numbers: Sequence[str] | str | None = None,
    trace: str | None = None,
    links: bool = False,
    templates: Any = None,
) -> Iterator[Reading]:
    r"""Read files one after the other; a file that cannot be read is reported and the rest goes on.

    Parameters
    ----------
    sources : path, pattern, folder, "-", or several of these
        Folders are searched for files that `read` may take, at any depth; hidden files, READMEs and licences are left
        out. A name that exists is never taken as a pattern.
    time, channels, unit, zone, on_bad, series, gaps, limit, modality, entities, numbers, trace, links, templates
        As for `tocsin.io.read`, for every file.

    Yields
    ------
    Reading
        One per file; one per series for a table that holds several.

    Raises
    ------
    InputError
        If an option is wrong. Everything that is wrong with a file is in its reading.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "a.csv").write_text("v\n1\n2\n"), (folder / "b.csv").write_text("v\n")
    >>> for reading in read_many(folder):
    ...     print(reading.sample.grid if reading.sample else str(reading.error).replace(str(folder), "..."))
    (2,)
    .../b.csv holds a header (v) and no rows
    """
    options = Options.of(
        time,
        channels,
        unit,
        zone,
        on_bad,
        series=series,
        gaps=gaps,
        limit=limit,
        modality=modality,
        entities=entities,
        numbers=numbers,
        trace=trace,
        links=links,
        templates=templates,
    )
    several = [sources] if isinstance(sources, str | os.PathLike) else list(sources)
    return _read_each(several, options)


def _read_each(sources: list[str | os.PathLike[str]], options: Options) -> Iterator[Reading]:
    for source in sources:
        try:
            paths = list(expand(source))
        except TocsinError as error:
            yield Reading(str(source), error=error)
            continue
        for path in paths:
            try:
                for sample in read_all(path, options):
                    yield Reading(path, sample)
            except TocsinError as error:
                yield Reading(path, error=error)


def expand(source: str | os.PathLike[str]) -> list[str]:
    """Return the files that a path, pattern or folder stands for, sorted.

    Raises
    ------
    InputError
        If it stands for none.
    """
    name = os.fspath(source)
    path = Path(name).expanduser()
    if name == "-" or (path.exists() and not path.is_dir()):
        return [name]
    if path.is_dir():
        found = [str(p) for p in sorted(path.rglob("*")) if p.is_file() and _is_wanted(p.relative_to(path))]
        if not found:
            raise InputError(f"the folder {name} holds no file that can be read ({', '.join(SUFFIXES)})")
        return found
    if any(c in name for c in "*?["):
        matches = sorted(match for match in glob.glob(str(path), recursive=True) if Path(match).is_file())
        if not matches:
            raise InputError(f"no file fits the pattern {name}")
        return matches
    return [name]  # reading it says that it is not there


def _is_wanted(path: Path) -> bool:
    if any(part.startswith((".", "__MACOSX")) for part in path.parts):
        return False
    suffixes = [s.lower() for s in path.suffixes]
    if suffixes and suffixes[-1] in _PACKED:
        suffixes.pop()
    return bool(suffixes) and suffixes[-1] in SUFFIXES and not path.name.lower().startswith(_PROSE)
