"""From a detector to what is stored of it, and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tocsin.core import artifacts
from tocsin.core.errors import ArtifactError, InputError

if TYPE_CHECKING:
    from tocsin.core.detector import Detector

D = TypeVar("D", bound="Detector")


def content(detector: Detector) -> dict[str, Any]:
    """Return parameters and learned state as a tree that `artifacts.write` can store."""
    return {
        "parameters": detector._stored_parameters(),
        "calibration": detector.calibration_.to_state(),
        "profile": None if detector.profile_ is None else detector.profile_.to_state(),
        "state": detector._state(),
    }


def load(path: str | Path, expected: type[D]) -> D:
    """Read a model and rebuild its detector.

    Parameters
    ----------
    path : path
        Directory or file.
    expected : type
        `Detector` for any, or the class that it must be.

    Raises
    ------
    ArtifactError
        If the model is not sound, its detector unknown, or not of the expected class.
    """
    return rebuild(artifacts.read(path), expected, str(path))


def rebuild(stored: dict[str, Any], expected: type[D], called: str) -> D:
    """Make the detector whose name and `content` were stored; `called` is what messages call the model.

    Raises
    ------
    ArtifactError
        As `load` does.
    """
    from tocsin.core.calibration import Calibration
    from tocsin.core.profile import ChannelProfile
    from tocsin.core.registry import find

    try:
        name = str(stored["detector"])
        card = getattr(expected, "card", None)
        # A class that nobody has registered can still read its own models.
        found = expected if card is not None and card.name == name else find(name)
        if not issubclass(found, expected):
            raise ArtifactError(f"{called} holds a {found.__name__}, not a {expected.__name__}")
        known = found.parameter_names()
        parameters = {k: tuple(v) if isinstance(v, list) else v for k, v in stored["parameters"].items() if k in known}
        detector = found(**parameters)
        detector._restore(stored["state"])
        detector.profile_ = None if stored["profile"] is None else ChannelProfile.from_state(stored["profile"])
        detector.calibration_ = Calibration.from_state(stored["calibration"])
        _check_channels(called, detector)
    except ArtifactError:
        raise
    except InputError as error:
        raise ArtifactError(f"{called} cannot be used: {error}") from None
    except (KeyError, TypeError, AttributeError, IndexError, ValueError, OverflowError) as error:
        raise ArtifactError(f"{called} is damaged: {type(error).__name__} {error} while rebuilding the model") from None
    return detector


def _check_channels(called: str, detector: Detector) -> None:
    """Without their names, a model would take samples of any channels."""
    names, profile = getattr(detector, "channels_", None), detector.profile_
    if not (isinstance(names, tuple) and all(isinstance(name, str) for name in names)):
        raise ArtifactError(f"{called} is damaged: it does not say which channels it knows")
    if profile is not None and len(profile.scale) != len(names):
        raise ArtifactError(f"{called} is damaged: its profile is of {len(profile.scale)} channels, not {len(names)}")
