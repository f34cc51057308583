"""Logs as sequences of template numbers, one line per block, machine or container: HDFS, OpenStack, Hadoop.

A table with an id, the part (train or test), a label and the events; beside it the text of the templates, line n being
that of number n. Labels of Hadoop are those of the job that a container belongs to: most containers of a job that
failed look normal.

References: Xu et al., Detecting Large-Scale System Problems by Mining Console Logs, 2009 (HDFS); Du et al., DeepLog,
2017 (OpenStack); Lin et al., Log Clustering Based Problem Identification for Online Service Systems, 2016 (Hadoop).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tocsin.core.dataset import Dataset, Entry
from tocsin.io.datasets import tables
from tocsin.io.datasets.event_files import LoadedEvents, event_entry, head, text, traces

if TYPE_CHECKING:
    from tocsin.io.datasets.files import Files

SOURCE = "ait-aecid/anomaly-detection-log-datasets, LogHub; research use"
NORMAL = ("0", "normal")


def read_hdfs(files: Files) -> Dataset | None:
    """Return HDFS, or None where the files are laid out otherwise."""
    return _read(files, "block", "hdfs-sequences")


def read_logs(files: Files) -> Dataset | None:
    """Return OpenStack and Hadoop, whichever are there, or None."""
    return _read(files, "id", "log-sequences")


def _read(files: Files, key: str, dataset: str) -> Dataset | None:
    made: list[Entry] = []
    for name in files.names:
        if not name.endswith((".csv", ".csv.gz")) or tables.header(head(files, name)) != [
            key,
            "split",
            "label",
            "events",
        ]:
            continue
        system = name.rpartition("/")[2].partition(".")[0].partition("_")[0]
        for part in ("train", "test"):
            id = f"{system}/{part}"
            made.append(event_entry(id, _load, files, name, key, system, part, dataset, split=part, group=system))
    return Dataset(made, dataset, SOURCE) if made else None


def _load(files: Files, name: str, key: str, system: str, part: str, dataset: str) -> LoadedEvents:
    table = tables.columns(text(files, name), files.where(name))
    rows = [i for i, split in enumerate(table["split"]) if split == part]
    kinds = [table["label"][i] for i in rows]
    sample, truth = traces(
        [table["events"][i] for i in rows],
        [table[key][i] for i in rows],
        [kind not in NORMAL for kind in kinds],
        kinds,
        f"{system}/{part}",
        dataset=dataset,
        templates=_templates(files, name, system),
    )
    return sample, truth if part == "test" else None


def _templates(files: Files, name: str, system: str) -> tuple[str, ...]:
    folder = name.rpartition("/")[0]
    wanted = f"{folder}{'/' if folder else ''}{system}_templates.csv".lower()
    found = next((n for n in files.names if n.lower() == wanted), None)
    return () if found is None else tuple(files.text(found).splitlines())
