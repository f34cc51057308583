"""Which public data set a folder or archive holds, told by its files' names and headers alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TypeAlias

from tocsin.core.dataset import Dataset
from tocsin.core.errors import InputError
from tocsin.io.datasets import (
    adfa,
    beth,
    cwru,
    hpc,
    kpi,
    log_sequences,
    loghub,
    nab,
    netflow,
    nsl_kdd,
    opssat,
    rosa,
    servers,
    skab,
    telemanom,
    tsb,
    ucr,
)
from tocsin.io.datasets.files import Files
from tocsin.io.datasets.image_layouts import IMAGE_LAYOUTS

Reader: TypeAlias = Callable[[Files], Dataset | None]

# In order: what only one set has comes before what several might have. Each with what it is told by.
LAYOUTS: tuple[tuple[str, Reader, str], ...] = (
    ("nab", nab.read, "labels/combined_windows.json and data/<category>/<series>.csv"),
    ("smap-msl", telemanom.read, "labeled_anomalies.csv with train and test arrays"),
    ("smd", servers.read_smd, "train, test and test_label with machine-<g>-<i>.txt, or machine-<g>-<i>.npz"),
    ("asd", servers.read_asd, "an npz with omi-<i>.train, .test, .label and .interpretation"),
    ("tsb-ad", tsb.read_tsb_ad, "<nnn>_<set>_id_<k>_<domain>_tr_<rows>_1st_<row>.csv"),
    ("ucr", ucr.read, "<nnn>_UCR_Anomaly_<name>_<train>_<begin>_<end>.txt"),
    ("hpc-ldms", hpc.read, "an npz of <run>.x, .t, .label beside a json with columns and runs"),
    ("rosa", rosa.read, "an npz of <group>/<run>.x, .t_ms, .y"),
    ("cwru", cwru.read, "an npz of Normal, B_..., IR_..., OR@... with their .scale"),
    ("tsb-uad", tsb.read_tsb_uad, "<name>.out, or an npz of <name>.x and <name>.label"),
    ("opssat", opssat.read, "a csv with segment, anomaly, train, channel, sampling"),
    ("skab", skab.read, "<group>/<n>.csv with datetime;Accelerometer1RMS;..."),
    ("adfa-ld", adfa.read, "Training_Data_Master and Attack_Data_Master, or a csv of trace, split, family, syscalls"),
    ("hdfs-sequences", log_sequences.read_hdfs, "a csv of block, split, label, events"),
    ("log-sequences", log_sequences.read_logs, "csv files of id, split, label, events"),
    ("loghub-2k", loghub.read, "<system>_2k.log_structured.csv"),
    ("nsl-kdd", nsl_kdd.read, "KDDTrain+....txt and KDDTest+....txt"),
    ("netflow-categorical", netflow.read, "csv files with srcIp, dstIp, dstPort, proto and label of 1 and -1"),
    ("beth", beth.read, "csv files with processName, eventName, args, returnValue, sus and evil"),
    ("kpi", kpi.read, "csv files of exactly timestamp, value, label"),
    *((name, reader, told_by) for name, (reader, _, told_by) in IMAGE_LAYOUTS.items()),
)


def layouts() -> dict[str, str]:
    """Return the data sets that can be read, each with the shape that tells it."""
    return {name: told_by for name, _, told_by in LAYOUTS}


def read_dataset(path: str | os.PathLike[str], *, layout: str | None = None) -> Dataset:
    """Read a public data set from a folder or a zip archive; samples are loaded when they are asked for.

    Parameters
    ----------
    path : path
        The folder, the archive, or a folder that holds the archive.
    layout : str, optional
        One of `layouts`; recognised by the files' names and headers when left out.

    Raises
    ------
    InputError
        If there is nothing, nothing known, or something else than `layout`.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "001_UCR_Anomaly_tiny_3_5_6.txt").write_text("1 2 1 2 9 9 1 2")
    >>> found = read_dataset(folder)
    >>> sample, truth = found[0].load()
    >>> found.name, len(sample), truth.intervals
    ('ucr', 8, [(4, 6)])
    """
    known = layouts()
    if layout is not None and layout not in known:
        raise InputError(f"there is no layout {layout!r}; there are {', '.join(known)}")
    places = _places(path)
    for files in places:
        for name, reader, _ in LAYOUTS:
            if layout in (None, name) and (found := reader(files)) is not None:
                # Of a set that comes in several archives, all that lie here belong to it.
                others = [more for rest in places if files.path.is_file() and (more := reader(rest)) is not None]
                entries = [entry for part in (found, *others) for entry in part]
                return Dataset(entries, found.name, found.source) if others else found
    wanted = f"{layout} ({known[layout]})" if layout else "any of: " + "; ".join(f"{n} ({t})" for n, t in known.items())
    raise InputError(f"{path} does not look like {wanted}")


def _places(path: str | os.PathLike[str]) -> Iterator[Files]:
    """The place itself, then the archives in it: many sets are unpacked one folder too deep, or not at all."""
    outside = Files.open(path)
    yield outside
    if outside.path.is_dir():
        for name in outside.names:
            if name.endswith(".zip") and name.count("/") <= 1:
                yield Files.open(outside.path / name)
