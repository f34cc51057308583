"""Job: one detector on one task, as plain JSON values, with the hash of all that its result depends on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from tocsin.bench.plan.dataset_choice import DatasetChoice
from tocsin.bench.plan.detector_choice import DetectorChoice

# Goes up when results of the same job would differ: protocols, measuring, floors.
FORMAT = 1


@dataclass(frozen=True)
class Job:
    """One detector on one task.

    Parameters
    ----------
    detector : dict
        ``family``, ``target``, ``parameters``, ``grid``, ``floor``, ``folder``, and ``code``, a fingerprint of it.
    dataset : dict
        ``name``, ``path``, ``taken`` (which part), and ``files``, a fingerprint of them.
    protocol, task : str
    seed : int
    metrics : str
        Names with commas.
    version : str
        Of tocsin.
    preload : tuple of str
        Modules that a worker may load before the clock starts; nothing depends on it.
    """

    detector: dict[str, Any]
    dataset: dict[str, Any]
    protocol: str
    task: str
    seed: int
    metrics: str
    version: str
    preload: tuple[str, ...] = field(default=())

    @cached_property
    def id(self) -> str:
        """The hash of everything that the result depends on; where data and code lie plays no part."""
        text = json.dumps([FORMAT, *self.ingredients().values(), self.protocol, self.task, self.seed], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:20]

    def ingredients(self) -> dict[str, Any]:
        """Return what may change while the job keeps its name, by what a person calls it."""
        return {
            "its parameters": [self.detector["target"], self.detector["parameters"]],
            "its code": self.detector["code"],
            "the files of the data set": self.dataset["files"],
            "which part of the data set is taken": self.dataset["taken"],
            "the metrics": self.metrics,
            "the version of tocsin": self.version,
        }

    @property
    def label(self) -> str:
        """The detector as tables call it."""
        return self.detector_choice.label

    @property
    def name(self) -> str:
        """What a person calls it; unique in a suite."""
        return f"{self.label} on {self.dataset['name']}/{self.task} ({self.protocol}, seed {self.seed})"

    @property
    def cell(self) -> tuple[str, str, str]:
        """Detector, data set and protocol: what the jobs are averaged over."""
        return self.label, str(self.dataset["name"]), self.protocol

    @property
    def detector_choice(self) -> DetectorChoice:
        """The detector."""
        known = {key: value for key, value in self.detector.items() if key != "code"}
        return DetectorChoice(**known)

    @property
    def dataset_choice(self) -> DatasetChoice:
        """The data set."""
        return DatasetChoice.of(self.dataset["name"], self.dataset["path"], self.dataset["taken"])

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready values."""
        return {**asdict(self), "preload": list(self.preload)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Job:
        """Return the job that `to_dict` was asked of."""
        return cls(**{**values, "preload": tuple(values.get("preload", ()))})
