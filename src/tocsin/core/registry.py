"""Names to detectors: a lazy table for our own, entry points for plug-ins."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from tocsin.core.errors import InputError, TocsinError, TocsinWarning

if TYPE_CHECKING:
    from tocsin.core.card import Card
    from tocsin.core.detector import Detector

# One line per detector. A module named here must import with the core installation alone.
TABLE: dict[str, str] = {
    "ape": "tocsin.events.ape.detector:APE",
    "autoencoder": "tocsin.series.autoencoder.detector:AutoencoderFleet",
    "autoregression": "tocsin.series.autoregression:Autoregression",
    "dictas": "tocsin.image.dictas.detector:DictAS",
    "efficient-ad": "tocsin.image.efficient_ad.detector:EfficientAD",
    "ensemble": "tocsin.series.ensemble:Ensemble",
    "event-transformer": "tocsin.events.event_transformer.detector:EventTransformer",
    "fader": "tocsin.image.fader.detector:FADeR",
    "forecast": "tocsin.series.forecast.detector:Forecast",
    "gid": "tocsin.events.gid.detector:Gid",
    "hypad": "tocsin.series.hypad.detector:HypAD",
    "inp-former": "tocsin.image.inp_former.detector:INPFormer",
    "invariants": "tocsin.events.invariants:Invariants",
    "isolation-forest": "tocsin.series.isolation_forest:IsolationForest",
    "k-shapes": "tocsin.series.k_shapes:KShapes",
    "kmeans-windows": "tocsin.series.kmeans_windows:KMeansWindows",
    "markov-backoff": "tocsin.events.markov_backoff:MarkovBackoff",
    "matrix-profile": "tocsin.series.matrix_profile:MatrixProfile",
    "mixed-table": "tocsin.events.mixed_table:MixedTable",
    "nagl": "tocsin.image.nagl.detector:NAGL",
    "ngram-novelty": "tocsin.events.ngram_novelty:NgramNovelty",
    "onenip": "tocsin.image.onenip.detector:OneNIP",
    "patch-memory": "tocsin.image.patch_memory:PatchMemory",
    "reference-comparison": "tocsin.image.reference.detector:ReferenceComparison",
    "robust-z": "tocsin.series.robust_z:RobustZ",
    "seasonal-residual": "tocsin.series.seasonal_residual:SeasonalResidual",
    "spectral-residual": "tocsin.series.spectral_residual:SpectralResidual",
    "sub-knn": "tocsin.series.sub_knn:SubKNN",
    "sub-lof": "tocsin.series.sub_lof:SubLOF",
    "subsequence-pca": "tocsin.series.subsequence_pca:SubsequencePCA",
    "themis": "tocsin.series.themis.detector:Themis",
    "timercd": "tocsin.series.timercd.detector:TimeRCD",
    "trace-neighbours": "tocsin.events.trace_neighbours:TraceNeighbours",
    "unicon-ha": "tocsin.image.unicon_ha.detector:UniConHA",
    "window-neighbours": "tocsin.series.window_neighbours:WindowNeighbours",
    "windowed": "tocsin.series.windowed:Windowed",
}

ENTRY_POINTS = "tocsin.detectors"


def nearest(name: str, options: Iterable[str]) -> str:
    """Return a remark that names the options closest to `name`, ready to end a sentence.

    Examples
    --------
    >>> nearest("robst-z", ["robust-z", "themis"])
    '; did you mean robust-z?'
    """
    from difflib import get_close_matches

    known = list(options)
    close = get_close_matches(str(name), known, n=3, cutoff=0.5)
    if close:
        return f"; did you mean {', '.join(close)}?"
    return f"; there are {', '.join(known[:12])}{' ...' if len(known) > 12 else ''}"


@cache
def _plug_ins() -> dict[str, str]:
    from importlib.metadata import entry_points

    return {point.name: point.value for point in entry_points(group=ENTRY_POINTS)}


def names() -> list[str]:
    """Return the names of all detectors, plug-ins included, sorted."""
    return sorted({**_plug_ins(), **TABLE})


def find(name: str) -> type[Detector]:
    """Return the class behind a name.

    Raises
    ------
    InputError
        If the name is unknown (the nearest ones are given) or a plug-in does not hold a detector.
    """
    target = TABLE.get(name) or _plug_ins().get(name)
    if target is None:
        raise InputError(f"there is no detector {name!r}{nearest(name, names())}")
    module, _, attribute = target.partition(":")
    try:
        found = getattr(import_module(module), attribute)
    except Exception as error:  # a plug-in may fail in any way when it is imported
        if isinstance(error, TocsinError) or name in TABLE:
            raise
        raise InputError(f"the plug-in detector {name!r} ({target}) cannot be loaded: {error}") from None
    from tocsin.core.detector import Detector

    if not (isinstance(found, type) and issubclass(found, Detector)):
        raise InputError(f"{target}, registered as {name!r}, is not a tocsin detector")
    return found


def make(name: str, **parameters: Any) -> Detector:
    """Make a detector by name.

    Parameters
    ----------
    name : str
        A name that `names` lists.
    **parameters
        Its constructor's parameters.

    Raises
    ------
    InputError
        If the name or a parameter is unknown; the nearest ones are given.

    Examples
    --------
    >>> make("robust-z").card.localises
    'time steps'
    """
    found = find(name)
    known = found.parameter_names()
    for parameter in parameters:
        if parameter not in known:
            raise InputError(f"{name} has no parameter {parameter!r}{nearest(parameter, known)}")
    return found(**parameters)


def cards(modality: str | None = None) -> list[Card]:
    """Return the cards of all detectors, or of those that take one modality.

    A plug-in that cannot be loaded is left out with a `TocsinWarning`: it must not hide the others.
    """
    found = []
    for name in names():
        try:
            found.append(find(name).card)
        except TocsinError as error:
            if name in TABLE:
                raise
            warnings.warn(str(error), TocsinWarning, stacklevel=2)
    return [card for card in found if modality is None or modality in card.modality]
