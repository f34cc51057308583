"""A detector of a suite, with one set of parameters."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tocsin.core.errors import InputError, TocsinError
from tocsin.core.registry import find, nearest

if TYPE_CHECKING:
    from tocsin.core.detector import Detector


@dataclass(frozen=True)
class DetectorChoice:
    """A detector with one set of parameters.

    Parameters
    ----------
    family : str
        What it is called in the suite: points of one grid share it.
    target : str
        A registered name, or ``module:Class``.
    parameters : dict
        Of its constructor.
    grid : dict
        Those of the parameters that the suite's grid varies.
    floor : bool
        Whether it is there for comparison only: it detects nothing.
    folder : str
        Where ``module`` is looked for besides the usual places; the suite's own folder.
    on : tuple of str
        Run on data sets whose name fits one of these patterns; on all where there is none.
    """

    family: str
    target: str
    parameters: dict[str, Any] = field(default_factory=dict)
    grid: dict[str, Any] = field(default_factory=dict)
    floor: bool = False
    folder: str = ""
    on: tuple[str, ...] = ()

    def wants(self, dataset: str) -> bool:
        """Whether it is to be run on a data set of that name."""
        return not self.on or any(fnmatchcase(dataset, pattern) for pattern in self.on)

    @property
    def label(self) -> str:
        """What it is called in tables: its family, and where it stands in the grid."""
        inside = ",".join(f"{key}={json.dumps(value)}" for key, value in self.grid.items())
        return f"{self.family}({inside})" if inside else self.family

    def cls(self) -> type[Detector]:
        """Return the class.

        Raises
        ------
        InputError
            If there is none of that name.
        """
        return find_class(self.target, self.folder)

    def make(self, seed: int) -> Detector:
        """Return the detector, seeded where it can be and the suite has not done so.

        Raises
        ------
        InputError
            If a parameter is unknown.
        """
        cls = self.cls()
        check_parameters(self.family, cls, self.parameters)
        parameters = {k: tuple(v) if isinstance(v, list) else v for k, v in self.parameters.items()}
        if self.seeded:
            parameters["random_state"] = seed
        return cls(**parameters)

    @property
    def seeded(self) -> bool:
        """Whether another seed can give other scores."""
        return "random_state" in self.cls().parameter_names() and "random_state" not in self.parameters


def check_parameters(called: str, cls: type[Detector], parameters: dict[str, Any]) -> None:
    """Check that a detector has such parameters.

    Raises
    ------
    InputError
        If it has not; with the nearest ones.
    """
    known = cls.parameter_names()
    for name in parameters:
        if name not in known:
            there = nearest(name, known) if known else "; it has none"
            raise InputError(f"{called} has no parameter {name!r}{there}")


def find_class(target: str, folder: str = "") -> type[Detector]:
    """Return a detector's class by its registered name, or by ``module:Class``.

    Raises
    ------
    InputError
        If there is no such thing, or it is no detector.
    """
    from tocsin.core.detector import Detector

    if ":" not in target:
        return find(target)
    module, _, name = target.partition(":")
    if folder and folder not in sys.path and not module.startswith("tocsin."):
        sys.path.append(folder)
    try:
        found: Any = import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except Exception as error:  # a module of the user's may fail in any way when it is imported
        if isinstance(error, TocsinError):
            raise
        near = f" (modules are looked for in {Path(folder)}, too)" if folder else ""
        raise InputError(f"the detector {target!r} cannot be loaded: {error}{near}") from None
    if not (isinstance(found, type) and issubclass(found, Detector)):
        raise InputError(
            f"{target!r} is not a tocsin detector: a detector is a subclass of tocsin.core.detector.Detector"
        )
    return found
