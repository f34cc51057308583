"""tocsin finds what is wrong in any kind of data, says where, how sure and why, and measures how good detectors are."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tocsin.core.alarm_rules import AlarmRules as AlarmRules
    from tocsin.core.anomalies import Anomaly as Anomaly
    from tocsin.core.anomalies import Evidence as Evidence
    from tocsin.core.card import Card as Card
    from tocsin.core.dataset import Dataset as Dataset
    from tocsin.core.detection import Detection as Detection
    from tocsin.core.detector import Detector as Detector
    from tocsin.core.errors import InputError as InputError
    from tocsin.core.errors import MissingExtra as MissingExtra
    from tocsin.core.errors import TocsinError as TocsinError
    from tocsin.core.registry import cards as cards
    from tocsin.core.registry import make as make
    from tocsin.core.registry import names as names
    from tocsin.core.samples import Bundle as Bundle
    from tocsin.core.samples import Events as Events
    from tocsin.core.samples import Image as Image
    from tocsin.core.samples import PointCloud as PointCloud
    from tocsin.core.samples import Sample as Sample
    from tocsin.core.samples import Series as Series
    from tocsin.core.samples import Video as Video
    from tocsin.core.samples import as_sample as as_sample
    from tocsin.core.scores import Scores as Scores
    from tocsin.core.truth import Truth as Truth
    from tocsin.io import read as read

__version__ = "0.1.0"

# Name -> module: `import tocsin` reads nothing but this file.
_FACE = {
    "AlarmRules": "tocsin.core.alarm_rules",
    "Anomaly": "tocsin.core.anomalies",
    "Bundle": "tocsin.core.samples",
    "Card": "tocsin.core.card",
    "Dataset": "tocsin.core.dataset",
    "Detection": "tocsin.core.detection",
    "Detector": "tocsin.core.detector",
    "Events": "tocsin.core.samples",
    "Evidence": "tocsin.core.anomalies",
    "Image": "tocsin.core.samples",
    "InputError": "tocsin.core.errors",
    "MissingExtra": "tocsin.core.errors",
    "PointCloud": "tocsin.core.samples",
    "Sample": "tocsin.core.samples",
    "Scores": "tocsin.core.scores",
    "Series": "tocsin.core.samples",
    "TocsinError": "tocsin.core.errors",
    "Truth": "tocsin.core.truth",
    "Video": "tocsin.core.samples",
    "as_sample": "tocsin.core.samples",
    "cards": "tocsin.core.registry",
    "make": "tocsin.core.registry",
    "names": "tocsin.core.registry",
    "read": "tocsin.io",
}

__all__ = ["__version__", "load", *_FACE]


def load(path: str) -> Any:
    """Read a model that `Detector.save` wrote, whatever detector it is."""
    from tocsin.core.detector import Detector

    return Detector.load(path)


def __getattr__(name: str) -> Any:
    if name in _FACE:
        return getattr(import_module(_FACE[name]), name)
    raise AttributeError(f"module 'tocsin' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
