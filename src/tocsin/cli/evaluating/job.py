"""From the command line to an evaluation: read, align, measure, show."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tocsin.bench.evaluate import Evaluation, Pair, Policy, choose, families, measure, measure_pictures, pair_up
from tocsin.cli.codes import NOTHING, PARTIAL
from tocsin.cli.evaluating.page import write_page
from tocsin.cli.evaluating.showing import print_evaluation, print_json
from tocsin.cli.printing import say, warn
from tocsin.core.errors import InputError, TocsinError
from tocsin.core.registry import nearest
from tocsin.io.columns import read_columns
from tocsin.io.label_book import LabelBook
from tocsin.io.labels import add_table, has_labels, read_labels
from tocsin.io.many import expand
from tocsin.io.maps import find_pictures, is_map_folder
from tocsin.io.names import listed, plain
from tocsin.io.scores import CLOUD, VIDEO, Scored, read_scores

if TYPE_CHECKING:
    from tocsin.bench.evaluate.pictures import RankedPictures
    from tocsin.core.types import FloatArray

MISSING = ("error", "drop", "lowest")
# What other commands leave beside scores.
_NO_SCORES = ("done.ndjson", "anomalies.ndjson", "anomalies.parquet")


@dataclass(frozen=True)
class Request:
    """What was asked for on the command line."""

    scores: str
    labels: str | None = None
    metrics: str | None = None
    threshold: str | None = None
    by: str | None = None
    modality: str | None = None
    score_column: str | None = None
    label_column: str | None = None
    time: str | None = None
    member: str | None = None
    series: str | None = None
    data: str | None = None
    missing: str = "error"
    reduction: str = "own"
    resamples: int = 1000
    seed: int = 0
    html: Path | None = None
    as_json: bool = False


def run(request: Request) -> int:
    """Do the job; return the exit code."""
    if request.missing not in MISSING:
        raise InputError(f"--missing {request.missing} is no choice{nearest(request.missing, MISSING)}")
    if request.modality is not None and request.modality not in families():
        raise InputError(f"--modality {request.modality} is no kind of data{nearest(request.modality, families())}")
    policy = None if request.threshold is None else Policy.parse(request.threshold)
    if request.modality == "image" or (request.modality is None and is_map_folder(request.scores)):
        return _run_pictures(request, policy)
    scored, failed = _read(request)
    modality = request.modality or _modality(scored)
    if modality in ("video", "points", "events") and policy is not None:
        raise InputError(f"--threshold is for metrics of alarms, and those of {modality} all take scores: leave it out")
    chosen = choose(modality, request.metrics, threshold=policy is not None)  # said before the work
    pairs, notes, more = _pair(request, scored)
    failed += more
    for problem in failed:
        warn(str(problem))
    evaluation = measure(
        pairs,
        chosen,
        modality,
        policy=policy,
        resamples=request.resamples,
        seed=request.seed,
        grouped_by=request.by or "",
        notes=[*notes, *_left_out(modality, request, policy)],
    )
    _show(request, evaluation, pairs, failed)
    if failed:
        warn(f"{len(failed)} of {len(pairs) + len(failed)} could not be evaluated, {len(pairs)} are done")
    return PARTIAL if failed else NOTHING


def _run_pictures(request: Request, policy: Policy | None) -> int:
    if policy is not None:
        raise InputError("--threshold is for metrics of alarms, and those of pictures all take scores: leave it out")
    if request.labels is None:
        raise InputError("maps need masks: give the folder of masks as the second argument")
    if request.by not in (None, "defect"):
        raise InputError(f"--by {request.by}: pictures are broken down by defect, the folder that they lie in")
    chosen = choose("image", request.metrics)
    pictures = find_pictures(request.scores, request.labels)
    evaluation, ranked = measure_pictures(
        pictures, chosen, reduction=request.reduction, resamples=request.resamples, seed=request.seed
    )
    _show(request, evaluation, ranked, [])
    return NOTHING


def _show(
    request: Request, evaluation: Evaluation, scored: Sequence[Pair] | RankedPictures, failed: Sequence[TocsinError]
) -> None:
    if request.as_json:
        print_json(evaluation, [str(problem) for problem in failed])
    else:
        print_evaluation(evaluation)
    if request.html is not None:
        write_page(request.html, evaluation, scored, command=_command(request))
        if not request.as_json:
            say(f"curves: {request.html}")


def _read(request: Request) -> tuple[list[Scored], list[TocsinError]]:
    """Read every file of scores; those that fail do not stop the others."""
    scored: list[Scored] = []
    failed: list[TocsinError] = []
    base = _score_folder(Path(request.scores).expanduser())
    files = [file for file in expand(base) if Path(file).name not in _NO_SCORES]
    if not files:
        raise InputError(f"the folder {base} holds no file of scores")
    by = None if request.by == "folder" else request.by
    for file in files:
        try:
            found = list(
                read_scores(file, column=request.score_column, time=request.time, member=request.member, by=by)
            )
        except TocsinError as error:
            if len(files) == 1:
                raise
            failed.append(error)
            continue
        for one in found:
            name = str(Path(file).relative_to(base)) if base.is_dir() and not one.member else one.id
            group = str(Path(file).parent.name) if request.by == "folder" else one.group
            scored.append(replace(one, id=name, group=group))
    if not scored:
        for problem in failed[:-1]:
            warn(str(problem))
        raise failed[-1]
    if by is not None and all(by not in one.table.known for one in scored):
        raise InputError(f"--by {by}: {scored[0].where} has no such column{nearest(by, scored[0].table.known)}")
    if request.series is not None:
        if len(scored) > 1:
            raise InputError(f"--series names one series, but {len(scored)} are scored: leave it out")
        scored = [replace(scored[0], id=request.series)]
    twice = [name for name, count in Counter(one.id for one in scored).items() if count > 1]
    if twice:
        raise InputError(f"{listed(twice, 3)}: scored twice; give each series once")
    return scored, failed


def _score_folder(path: Path) -> Path:
    """Return the folder inside what `tocsin detect -o` leaves that holds the scores."""
    inside = path / "scores"
    return inside if (path / "done.ndjson").is_file() and inside.is_dir() else path


def _modality(scored: Sequence[Scored]) -> str:
    """Tell the kind of data by what tells the members apart, and by whether rows have names of their own."""
    first = scored[0]
    if plain(first.member) in VIDEO:
        return "video"
    if plain(first.member) in CLOUD:
        return "points"
    return "events" if first.items else "series"


def _pair(request: Request, scored: Sequence[Scored]) -> tuple[list[Pair], list[str], list[TocsinError]]:
    pairs: list[Pair] = []
    failed: list[TocsinError] = []
    book = None
    if request.labels is not None:
        book = read_labels(request.labels, column=request.label_column, time=request.time, member=request.member)
    notes: list[str] = list(book.notes) if book is not None else []
    for one in scored:
        try:
            own = book if book is not None else _own_labels(request, one)
            pair = pair_up(one, own, missing=request.missing, alone=len(scored) == 1)
        except TocsinError as error:
            if len(scored) == 1:
                raise
            failed.append(error)
            continue
        pairs.append(_with_data(request, one, pair, len(scored) == 1))
        notes += [note for note in own.notes if note not in notes]
    if not pairs:
        for problem in failed[:-1][:5]:
            warn(str(problem))
        raise failed[-1]
    named = [] if book is None else [key for key in book.found if key]
    if len(named) > len(pairs) + len(failed) > 0 and len(scored) > 1:
        notes.append(
            f"{len(named) - len(pairs) - len(failed)} of {len(named)} labelled series have no scores: left out"
        )
    return pairs, notes, failed


def _own_labels(request: Request, scored: Scored) -> LabelBook:
    """Take the labels that stand beside the scores."""
    if not has_labels(scored.table, request.label_column):
        raise InputError(
            f"{scored.where} has no column of labels (label, anomaly, is_anomaly ...): give a file of labels as the "
            "second "
            "argument, or name the column with --label"
        )
    book = LabelBook()
    add_table(book, scored.table, scored.id, column=request.label_column, time=request.time)
    (labels,) = book.found.values()
    return LabelBook({scored.id: replace(labels, id=scored.id)}, book.notes)


def _with_data(request: Request, scored: Scored, pair: Pair, alone: bool) -> Pair:
    """Put the data beside the scores, where they were given and have the same rows."""
    if request.data is None:
        return pair
    base = Path(request.data).expanduser()
    files = expand(request.data)
    wanted = Path(scored.id).name
    fitting = files if alone and len(files) == 1 else [f for f in files if Path(f).name in (wanted, scored.id)]
    if len(fitting) != 1:
        raise InputError(f"--data {base}: no file for {scored.id!r}{nearest(wanted, [Path(f).name for f in files])}")
    table = read_columns(fitting[0])
    channels: list[FloatArray] = [
        values
        for name, values in table.numbers.items()
        if plain(name) not in ("row", "index") and not name.startswith("label")
    ]
    if table.rows != len(pair.scores) or not channels:
        raise InputError(
            f"--data {fitting[0]} holds {table.rows} rows for {len(pair.scores)} scores: give the data scored"
        )
    return replace(pair, values=np.column_stack(channels))


def _left_out(modality: str, request: Request, policy: Policy | None) -> list[str]:
    """Say which metrics of the usual set were not computed, and how to get them."""
    if policy is not None or request.metrics not in (None, "", "default", "all"):
        return []
    usual = choose(modality, request.metrics, threshold=True)
    names = [c.name for c in usual if c.needs_threshold]
    if not names:
        return []
    return [
        f"{listed(names, 4)} take alarms, not scores: name a threshold with --threshold (a number, quantile:0.99, "
        "top:0.01, or oracle)"
    ]


def _command(request: Request) -> str:
    """Return the command line that repeats the request."""
    words = ["tocsin", "evaluate", request.scores, *([request.labels] if request.labels else [])]
    usual = Request("")
    for option, name in _OPTIONS.items():
        value = getattr(request, name)
        if value != getattr(usual, name):
            words += [option, str(value)]
    return shlex.join(words)


_OPTIONS = {
    "--metrics": "metrics",
    "--threshold": "threshold",
    "--by": "by",
    "--modality": "modality",
    "--score": "score_column",
    "--label": "label_column",
    "--time": "time",
    "--id": "member",
    "--series": "series",
    "--data": "data",
    "--missing": "missing",
    "--reduction": "reduction",
    "--resamples": "resamples",
    "--seed": "seed",
    "--html": "html",
}
