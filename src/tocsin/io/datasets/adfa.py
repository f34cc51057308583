"""ADFA-LD: traces of system calls of a Linux host, normal ones and such of five attacks.

Laid out as its authors did (a folder of traces for training, validation and attacks) or as one table of traces. Numbers
are those of 32-bit x86. Many validation traces are copies of training traces, and one occurs hundreds of times: figures
that do not say whether copies count cannot be compared.

Reference: Creech and Hu, Generation of a new IDS test dataset: Time to retire the KDD collection, 2013.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tocsin.core.dataset import Dataset
from tocsin.io.datasets import tables
from tocsin.io.datasets.event_files import LoadedEvents, event_entry, head, text, traces

if TYPE_CHECKING:
    from tocsin.io.datasets.files import Files

SOURCE = "UNSW Canberra; academic use"
COLUMNS = ["trace", "split", "family", "syscalls"]
_PARTS = {"train": ("train_normal",), "test": ("validation_normal", "attack")}
_FOLDERS = {"train": ("Training_Data_Master",), "test": ("Validation_Data_Master", "Attack_Data_Master")}


def read(files: Files) -> Dataset | None:
    """Return the data set, or None where the files are laid out otherwise."""
    for name in files.names:
        if name.endswith((".csv", ".csv.gz")) and tables.header(head(files, name)) == COLUMNS:
            made = [event_entry(part, _from_table, files, name, part, split=part, group=part) for part in _PARTS]
            return Dataset(made, "adfa-ld", SOURCE)
    root = next((n.partition("Training_Data_Master/")[0] for n in files.names if "Training_Data_Master/" in n), None)
    if root is None or not any(n.startswith(f"{root}Attack_Data_Master/") for n in files.names):
        return None
    inside = files.within(root)
    made = [event_entry(part, _from_folders, inside, part, split=part, group=part) for part in _FOLDERS]
    return Dataset(made, "adfa-ld", SOURCE)


def _from_table(files: Files, name: str, part: str) -> LoadedEvents:
    table = tables.columns(text(files, name), files.where(name))
    rows = [i for i, split in enumerate(table["split"]) if split in _PARTS[part]]
    odd = [table["split"][i] == "attack" for i in rows]
    kinds = [table["family"][i] for i in rows]
    sample, truth = traces(
        [table["syscalls"][i] for i in rows], [table["trace"][i] for i in rows], odd, kinds, part, dataset="adfa-ld"
    )
    return sample, truth if part == "test" else None


def _from_folders(files: Files, part: str) -> LoadedEvents:
    names = [n for n in files.names if n.startswith(_FOLDERS[part]) and re.search(r"/U[TVA]D-[^/]*\.txt$", n)]
    odd = [n.startswith("Attack") for n in names]
    kinds = [re.sub(r"_\d+$", "", n.split("/")[1]) if n.startswith("Attack") else "normal" for n in names]
    stems = [n.removesuffix(".txt") if n.startswith("Attack") else n.rpartition("/")[2][:-4] for n in names]
    sample, truth = traces([files.text(n) for n in names], stems, odd, kinds, part, dataset="adfa-ld")
    return sample, truth if part == "test" else None
