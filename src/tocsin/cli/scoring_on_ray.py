"""`tocsin score --engine ray`: the same files as without it, scored by the workers of a cluster."""

from __future__ import annotations

import json
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tocsin.cli.codes import NOTHING, PARTIAL, USAGE
from tocsin.cli.kept_reading import KeptReading
from tocsin.cli.part_journal import PartJournal
from tocsin.cli.picture_plan import asks_for_pictures
from tocsin.cli.printing import say, warn
from tocsin.cli.request import Request, aligned, make_folder
from tocsin.cli.stems import stem_of
from tocsin.core.errors import InputError, TocsinError

if TYPE_CHECKING:
    from tocsin.core.detector import Detector
    from tocsin.scale.remote import Answer

TARGET = "tocsin.cli.scoring_on_ray:score_part"
# What a worker needs of a request to read its inputs as this process would.
READING = ("time", "on_bad", "entities", "trace", "numbers", "modality", "templates")


def run_score_on_ray(model: Path, request: Request, address: str | None, workers: int | None) -> int:
    """Score every source on a cluster; a part of the inputs is written and noted before the next one is."""
    from tocsin.io import expand
    from tocsin.scale import Cluster, score_sources
    from tocsin.scale.whole_files import write_whole

    out = request.out
    assert out is not None
    if asks_for_pictures(request, request.sources):
        raise InputError("pictures are scored on one machine only: leave --engine ray out")
    if out.suffix == ".parquet" or "-" in request.sources:
        raise InputError("--engine ray takes files and writes into a folder: give one with -o")
    _load(str(model.resolve()), _stamp(model))  # what is wrong with it is told before anything is started
    found = [str(file) for source in request.sources for file in expand(source)]
    make_folder(out)
    settings = {
        "model": str(model.resolve()),
        "stamp": _stamp(model),
        **{name: str(value) for name, value in request.reading().items()},
    }
    journal = PartJournal(out, settings, request.fresh)
    left = [source for source in found if journal.finished(source) is None]
    done = failed = 0

    def commit(rows: list[dict[str, Any]], files: dict[str, bytes]) -> None:
        nonlocal done, failed
        for name, content in files.items():
            write_whole(out / name, content)
        journal.record_all({row["source"]: {"scores": row["files"][-1]} for row in rows if not row["errors"]})
        for row in rows:
            done += len(row["files"])
            failed += len(row["errors"])
            for problem in row["errors"]:
                warn(problem)
        if not request.quiet:
            say(f"{done + failed} of {len(left)} inputs scored")

    order = {
        "model": str(model.resolve()),
        "stamp": _stamp(model),
        "reading": {name: getattr(request, name) for name in READING},
        "start": str(Path.cwd()),
    }
    if left:
        with Cluster(address, workers) as cluster:
            score_sources(cluster, left, TARGET, order, commit)
    skipped = len(found) - len(left)
    if skipped and not request.quiet:
        say(f"{skipped} inputs were finished by an earlier run and are not repeated (--fresh does them again)")
    if done == 0 and skipped == 0:
        return USAGE
    return PARTIAL if failed else NOTHING


def score_part(text: str) -> Answer:
    """Score the inputs of one part in a worker; see `tocsin.scale.score_sources`."""
    from tocsin.cli.results import write_scores
    from tocsin.io import read_many

    order = json.loads(text)
    detector, kept = _load(order["model"], order["stamp"])
    request = Request(sources=[], **order["reading"])
    request = request if kept is None else kept.applied(request)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="tocsin-score-", ignore_cleanup_errors=True) as place:
        for source in order["sources"]:
            row: dict[str, Any] = {"source": source, "files": [], "errors": []}
            rows.append(row)
            # Names stay as they were typed, for results are called after them; only reading needs the whole path.
            for reading in read_many([Path(order["start"], source)], **request.reading()):
                try:
                    if reading.error is not None:
                        raise reading.error
                    assert reading.sample is not None
                    sample = aligned(reading.sample, detector.channels_)
                    name = f"{stem_of(source, sample.id)}.parquet"
                    write_scores(Path(place) / name, sample, detector.score(sample))
                    row["files"].append(name)
                except TocsinError as problem:
                    row["errors"].append(str(problem))
        return json.dumps(rows), {file.name: file.read_bytes() for file in sorted(Path(place).glob("*.parquet"))}


@lru_cache(maxsize=1)
def _load(model: str, stamp: int) -> tuple[Detector, KeptReading | None]:
    from tocsin.core.detector import Detector

    return Detector.load(Path(model)), KeptReading.load(Path(model))


def _stamp(model: Path) -> int:
    try:
        return model.stat().st_mtime_ns
    except OSError:
        return 0  # loading it says what is wrong
