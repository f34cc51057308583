"""What each modality shows on the page: a file here named after the modality, or the generic view."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from tocsin.core.samples import Bundle, Image
from tocsin.report.views.view import View

if TYPE_CHECKING:
    from tocsin.core.detection import Detection

__all__ = ["View", "view_of"]

# Modules of this package that are no views of a modality.
_PLUMBING = ("view", "blocks", "contact", "diagram", "listing", "series_curves")


def view_of(detection: Detection) -> View:
    """Return how a detection is shown: by `view` of the module named after its modality here, else generically."""
    sample = detection.sample
    pictures = isinstance(sample, Bundle) and isinstance(sample.main, Image)
    modality = "image" if pictures else sample.modality
    if modality.isidentifier() and modality not in _PLUMBING and find_spec(f"{__name__}.{modality}"):
        kind: type[View] = import_module(f"{__name__}.{modality}").view
        assert issubclass(kind, View)
        return kind(detection)
    return View(detection)
