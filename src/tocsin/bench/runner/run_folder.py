"""RunFolder: everything that a run wrote, each file whole or not there."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tocsin.core.errors import InputError
from tocsin.io.writing import write_parquet

if TYPE_CHECKING:
    from tocsin.core.types import AnyArray

# With less than this left, whatever failed to be written failed for want of room.
LITTLE = 1 << 20
FULL = (errno.ENOSPC, errno.EDQUOT)


class DiskFullError(InputError):
    """There is no room left where a run writes."""


class RunFolder:
    """The folder of one run.

    ``suite.toml``    the suite as it was last run
    ``plan.json``     the jobs of the last run, with the hashes of what went into them
    ``done/``         one JSON file for each finished job: metrics and costs; there only when all else of it is
    ``failed/``       one JSON file for each job that was given up
    ``scores/``       Parquet, the scores of what was judged, one file for each job
    ``places/``       Parquet, the scores of all rows of series, where the suite asks for them
    ``logs/``         what each job printed
    ``failures/``     small Python files, each of which repeats a job that failed
    ``results.parquet``, ``jobs.parquet``, ``scores.parquet``
                      all of it together: made from the above, and made again whenever a run ends

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def create(self) -> None:
        """Make the folder where there is none.

        Raises
        ------
        InputError
            If it cannot be made, or is a file.
        """
        try:
            for name in ("done", "failed", "logs"):
                (self.path / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(self.path, error) from None

    def check_room(self) -> None:
        """Check that there is room for more results.

        Raises
        ------
        DiskFullError
            If there is not.
        """
        if shutil.disk_usage(self.path).free < LITTLE:
            raise DiskFullError(_no_room(self.path))

    # ------------------------------------------------------------------ jobs

    def commit(self, job: str, text: str) -> None:
        """Note that a job is done, after everything else that it wrote."""
        self.write_text(self._of("done", job, ".json"), text)
        self._of("failed", job, ".json").unlink(missing_ok=True)

    def give_up(self, job: str, content: Mapping[str, Any]) -> None:
        """Note that a job failed."""
        self.write_text(self._of("failed", job, ".json"), json.dumps(content))

    def done(self) -> set[str]:
        """Return the jobs that are done."""
        return {file.stem for file in self.path.glob("done/??/*.json")}

    def failed(self) -> dict[str, dict[str, Any]]:
        """Return what is known of the jobs that failed."""
        return {file.stem: content for file in self.path.glob("failed/??/*.json") if (content := _read(file))}

    def result(self, job: str) -> dict[str, Any] | None:
        """Return what a finished job wrote; None where its file is damaged, which takes it back."""
        file = self._of("done", job, ".json")
        content = _read(file)
        if content is None:
            file.unlink(missing_ok=True)
        return content

    def log(self, job: str) -> Path:
        """Return the file that a job prints into."""
        place = self._of("logs", job, ".log")
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def parquet(self, kind: str, job: str) -> Path:
        """Return where a job's columns are."""
        return self._of(kind, job, ".parquet")

    def write_columns(self, kind: str, job: str, columns: Mapping[str, AnyArray]) -> None:
        """Write columns of a job.

        Raises
        ------
        InputError
            If they cannot be written; DiskFullError where there is no room.
        """
        try:
            write_parquet(self._of(kind, job, ".parquet"), columns)
        except InputError as error:
            self.check_room()
            if os.strerror(errno.ENOSPC).lower() in str(error).lower():
                raise DiskFullError(_no_room(self.path)) from None
            raise

    # ----------------------------------------------------------------- files

    def write_text(self, path: Path, text: str) -> None:
        """Write a file beside its place, push it to the disk, and rename it.

        Raises
        ------
        InputError
            If it cannot be written; DiskFullError where there is no room.
        """
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except OSError as error:
            with suppress(OSError):  # the first error is the one to tell
                temporary.unlink()
            raise _unwritable(self.path, error) from None

    def read_json(self, name: str) -> dict[str, Any]:
        """Return a JSON file of the folder; empty where it is missing or damaged."""
        return _read(self.path / name) or {}

    def leftovers(self) -> Iterator[Path]:
        """Return the unfinished files that a kill left behind."""
        return self.path.glob("*/??/.*.tmp")

    def _of(self, kind: str, job: str, suffix: str) -> Path:
        return self.path / kind / job[:2] / f"{job}{suffix}"


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _unwritable(folder: Path, error: OSError) -> InputError:
    if error.errno in FULL:
        return DiskFullError(_no_room(folder))
    return InputError(f"the run folder {folder} cannot be written: {error.strerror or error}")


def _no_room(folder: Path) -> str:
    return f"the disk that holds {folder} is full: make room and run the same command again; what is done is kept"
