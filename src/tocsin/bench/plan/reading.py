"""Reading a suite file; every mistake becomes one sentence with its line.

All keys there are::

    name = "mine"                        # the file's own name when left out
    title = "What it is about"
    data = "sets"                        # where paths of data sets start; from the suite's folder; --data instead
    seeds = [0, 1]
    protocols = ["one-class", "few-shot(k=4)"]
    places = true                        # keep the scores of all rows of series, too
    published = ["ader"]                 # published numbers to set beside

    [limits]                             # of each job
    time = "10 min"
    memory = "4 GB"
    threads = 1

    [metrics]                            # by kind of data; the first decides
    series = "vus_pr,auc_roc(max_fpr=0.1)"

    [[datasets]]
    name = "hosts"                       # the folder's name when left out
    path = "smd"
    layout = "smd"                       # recognised when left out
    groups = ["machine-1-*"]             # and entries: only what fits
    train = 100                          # and test: at most so many samples of each group, evenly spaced
    protocols = ["unsupervised"]         # instead of those above

    [[detectors]]
    name = "sub-knn"                     # or class = "module:Class", from a module beside the suite
    label = "neighbours"                 # what tables call it
    parameters = { neighbours = 5 }
    grid = { window = [50, 100] }        # every combination is run
    on = ["hosts"]                       # only on these data sets; on all when left out
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from tocsin.bench.plan.dataset_choice import DatasetChoice
from tocsin.bench.plan.detector_choice import DetectorChoice, check_parameters, find_class
from tocsin.bench.plan.limits import Limits, bytes_of, seconds_of
from tocsin.bench.plan.metric_names import check_metrics
from tocsin.bench.plan.suite import METRICS, Suite
from tocsin.bench.plan.toml_lines import TomlLines
from tocsin.bench.protocols import Protocol, parse_protocol
from tocsin.core.errors import InputError
from tocsin.core.registry import nearest

TOP = {
    "name": str,
    "title": str,
    "data": str,
    "seeds": list,
    "protocols": list,
    "places": bool,
    "published": list,
    "limits": dict,
    "metrics": dict,
    "datasets": list,
    "detectors": list,
}
LIMITS = {"time": (str, int, float), "memory": (str, int, float), "threads": int}
DATASET = {
    "name": str,
    "path": str,
    "layout": str,
    "entries": list,
    "groups": list,
    "train": int,
    "test": int,
    "protocols": list,
}
DETECTOR = {"name": str, "class": str, "label": str, "parameters": dict, "grid": dict, "on": list}
MOST_GRID = 1000


def read_suite(path: str | os.PathLike[str], *, data: str | None = None, skip_missing: bool = False) -> Suite:
    """Read a suite.

    Parameters
    ----------
    path : path
        A TOML file.
    data : str, optional
        The folder that relative paths of data sets start from, instead of the suite's own ``data``, which starts from
        the suite's folder.
    skip_missing : bool
        Leave out data sets that are not there, instead of refusing the suite.

    Raises
    ------
    InputError
        If the file is missing or no TOML, a key, detector, parameter, metric, protocol or data set is unknown or of
        the wrong kind: one sentence with the line, and the nearest names.

    Notes
    -----
    A detector given as ``class = "module:Class"`` is imported, and so run, with the suite's folder among the places
    where modules are looked for: read a suite of a stranger as you would read a program.
    """
    file = Path(path).expanduser()
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"there is no suite {file}: give a TOML file, or the name of one that comes along") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the suite {file} cannot be read: {error}") from None
    return _Reader(TomlLines(file, text), file.absolute(), data, skip_missing).suite(text)


class _Reader:
    def __init__(self, lines: TomlLines, file: Path, data: str | None, skip_missing: bool) -> None:
        self.lines, self.file, self.skip_missing = lines, file, skip_missing
        self.content = lines.content
        self._check(self.content, TOP, "", 0)
        own = file.parent / Path(self.content.get("data", ".")).expanduser()
        self.root = Path(data).expanduser().absolute() if data is not None else own
        self.missing: dict[str, str] = {}

    def suite(self, text: str) -> Suite:
        for key in ("datasets", "detectors"):
            if not self.content.get(key):
                raise self.lines.error(f"a suite needs at least one [[{key}]]")
        seeds = self.content.get("seeds", [0])
        if not seeds or any(isinstance(s, bool) or not isinstance(s, int) or s < 0 for s in seeds):
            raise self.lines.error("seeds are whole numbers of at least 0", key="seeds")
        usual = self._protocols(self.content.get("protocols", ["one-class"]), "", 0)
        datasets = self._datasets(usual)
        return Suite(
            name=self.content.get("name", self.file.stem),
            title=self.content.get("title", ""),
            datasets=datasets,
            detectors=self._detectors(),
            seeds=tuple(dict.fromkeys(seeds)),
            metrics=self._metrics(),
            limits=self._limits(),
            places=self.content.get("places", False),
            published=tuple(self.content.get("published", ())),
            missing=self.missing,
            text=text,
        )

    def _protocols(self, names: Sequence[Any], table: str, index: int) -> list[Protocol]:
        found = []
        for name in names:
            try:
                found.append(parse_protocol(str(name)))
            except InputError as error:
                raise self.lines.error(str(error), table, index, "protocols") from None
        if not found:
            raise self.lines.error("protocols names none", table, index, "protocols")
        return found

    def _datasets(self, usual: list[Protocol]) -> list[tuple[DatasetChoice, Sequence[Protocol]]]:
        found: list[tuple[DatasetChoice, Sequence[Protocol]]] = []
        for index, row in enumerate(self._tables("datasets")):
            self._check(row, DATASET, "datasets", index)
            if "path" not in row and "name" not in row:
                raise self.lines.error("a data set needs a path", "datasets", index)
            place = row.get("path", row.get("name", ""))
            name = _called(row)
            if any(name == choice.name for choice, _ in found):
                raise self.lines.error(
                    f"two data sets are called {name!r}: give one another name", "datasets", index, "name"
                )
            for key in ("train", "test"):
                if row.get(key, 1) < 1:
                    raise self.lines.error(f"{key} is the most samples to take, at least 1", "datasets", index, key)
            choice = DatasetChoice(
                name,
                str(self.root / Path(place).expanduser()),
                row.get("layout"),
                tuple(map(str, row.get("entries", ()))),
                tuple(map(str, row.get("groups", ()))),
                row.get("train"),
                row.get("test"),
            )
            own = self._protocols(row["protocols"], "datasets", index) if "protocols" in row else usual
            if self._is_there(choice, index):
                found.append((choice, own))
        if not found:
            raise InputError(
                f"{self.file.name}: none of its data sets is in {self.root}: say where they are with --data"
            )
        return found

    def _is_there(self, choice: DatasetChoice, index: int) -> bool:
        if not Path(choice.path).exists():
            said = f"the data set {choice.name!r} is not at {choice.path}{self._beside(choice)}"
            if self.skip_missing:
                self.missing[choice.name] = f"there is nothing at {choice.path}"
                return False
            raise self.lines.error(
                f"{said}: say where data lie with --data, or leave out what is missing with --skip-missing",
                "datasets",
                index,
                "path",
            )
        try:
            choice.open()
        except InputError as error:
            raise self.lines.error(
                f"the data set {choice.name!r} cannot be used: {error}", "datasets", index, "path"
            ) from None
        return True

    def _beside(self, choice: DatasetChoice) -> str:
        place = Path(choice.path)
        try:
            others = sorted(p.name for p in place.parent.iterdir() if not p.name.startswith("."))
        except OSError:
            return ""
        return nearest(place.name, others).rstrip("?") if others else ""

    def _detectors(self) -> list[DetectorChoice]:
        found: list[DetectorChoice] = []
        for index, row in enumerate(self._tables("detectors")):
            self._check(row, DETECTOR, "detectors", index)
            if ("name" in row) == ("class" in row):
                raise self.lines.error("a detector needs a name, or a class", "detectors", index)
            key = "name" if "name" in row else "class"
            target = row[key]
            if key == "class" and ":" not in target:
                raise self.lines.error(
                    f"class is of the form module:Class, not {target!r}", "detectors", index, "class"
                )
            family = row.get("label", target.rpartition(":")[2])
            grid = row.get("grid", {})
            parameters = row.get("parameters", {})
            try:
                cls = find_class(target, str(self.file.parent))
            except InputError as error:
                raise self.lines.error(str(error), "detectors", index, key) from None
            try:
                check_parameters(family, cls, parameters)
                check_parameters(family, cls, grid)
            except InputError as error:
                where = "grid" if set(grid) - set(cls.parameter_names()) else "parameters"
                raise self.lines.error(str(error), "detectors", index, where) from None
            folder = str(self.file.parent) if key == "class" else ""
            on = self._on(row.get("on", []), index)
            for point in self._points(grid, index):
                choice = DetectorChoice(family, target, {**parameters, **point}, point, folder=folder, on=on)
                if any(choice.label == other.label for other in found):
                    raise self.lines.error(
                        f"two detectors are called {choice.label!r}: give one a label of its own",
                        "detectors",
                        index,
                        key,
                    )
                found.append(choice)
        return found

    def _on(self, patterns: list[Any], index: int) -> tuple[str, ...]:
        """Patterns of the names of data sets, each of which fits one of the suite."""
        names = [_called(row) for row in self._tables("datasets")]
        for pattern in patterns:
            if not isinstance(pattern, str) or not any(fnmatchcase(name, pattern) for name in names):
                raise self.lines.error(
                    f"no data set of the suite is called {pattern!r}{nearest(str(pattern), names)}",
                    "detectors",
                    index,
                    "on",
                )
        return tuple(patterns)

    def _points(self, grid: dict[str, Any], index: int) -> list[dict[str, Any]]:
        for name, values in grid.items():
            if not isinstance(values, list) or not values:
                raise self.lines.error(f"the grid of {name!r} is a list of values", "detectors", index, "grid")
        points = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
        if len(points) > MOST_GRID:
            raise self.lines.error(
                f"the grid has {len(points)} points; at most {MOST_GRID} are run", "detectors", index, "grid"
            )
        return points

    def _metrics(self) -> dict[str, str]:
        found = dict(METRICS)
        for modality, names in self.content.get("metrics", {}).items():
            if modality not in METRICS:
                raise self.lines.error(
                    f"there are no metrics of {modality!r}{nearest(modality, METRICS)}", "metrics", 0, modality
                )
            text = ",".join(map(str, names)) if isinstance(names, list) else str(names)
            try:
                found[modality] = check_metrics(modality, text)
            except InputError as error:
                raise self.lines.error(str(error), "metrics", 0, modality) from None
        return found

    def _limits(self) -> Limits:
        row = self.content.get("limits", {})
        self._check(row, LIMITS, "limits", 0)
        usual = Limits()
        try:
            seconds = seconds_of(row["time"], "time") if "time" in row else usual.seconds
            memory = bytes_of(row["memory"], "memory") if "memory" in row else usual.memory
        except InputError as error:
            key = "time" if str(error).startswith("time") else "memory"
            raise self.lines.error(str(error), "limits", 0, key) from None
        threads = row.get("threads", usual.threads)
        if threads < 1:
            raise self.lines.error("threads is at least 1", "limits", 0, "threads")
        return Limits(seconds, memory, threads)

    def _tables(self, key: str) -> list[dict[str, Any]]:
        rows = self.content.get(key, [])
        if not all(isinstance(row, dict) for row in rows):
            raise self.lines.error(f"{key} are tables: write [[{key}]] above each", key=key)
        return rows  # type: ignore[no-any-return]  # checked on the line above

    def _check(self, row: dict[str, Any], known: dict[str, Any], table: str, index: int) -> None:
        for key, value in row.items():
            if key not in known:
                raise self.lines.error(f"a suite has no key {key!r} here{nearest(key, known)}", table, index, key)
            kind = known[key]
            if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
                wanted = " or ".join(k.__name__ for k in (kind if isinstance(kind, tuple) else (kind,)))
                shown = {
                    "str": "text",
                    "list": "a list",
                    "dict": "a table",
                    "int": "a whole number",
                    "bool": "true or false",
                }
                raise self.lines.error(
                    f"{key} is {shown.get(wanted, 'a number or text')}, not {value!r}", table, index, key
                )


def _called(row: dict[str, Any]) -> str:
    """What a data set is called: its name, or that of its folder."""
    return str(row.get("name", Path(str(row.get("path", ""))).name))
