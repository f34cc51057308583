"""The job behind `tocsin export`."""

from __future__ import annotations

import re
from pathlib import Path

from tocsin.cli.codes import NOTHING
from tocsin.cli.printing import say
from tocsin.core.errors import InputError
from tocsin.core.words import number

SIZE = re.compile(r"(\d{1,5})\s*[xX×]\s*(\d{1,5})")


def run(model: Path, out: Path, size: str | None, false_alarms: str, quiet: bool) -> int:
    """Read a model, export it, and say what was written."""
    from tocsin.core.detector import Detector

    asked = None if size is None else parsed_size(size)
    detector = Detector.load(model)
    if "image" not in detector.card.modality:
        raise InputError(
            f"{detector.card.name} looks at {' and '.join(detector.card.modality)}: only detectors of pictures can be "
            f"exported"
        )
    from tocsin.image._onnx import export

    done = export(detector, out, size=asked, false_alarms=false_alarms)
    if not quiet:
        megabytes = done.file.stat().st_size / 1e6
        say(f"{done.file}: {detector.card.name} for pictures of {done.size[0]} x {done.size[1]} (height x width)")
        say(f"  {megabytes:.1f} MB, scores within {done.apart:.1g} of the detector's on pictures that were tried")
        say(f"  level {number(done.level)} for {false_alarms} false alarms")
        say(f"  {done.description} says how to prepare pictures, and holds the level")
    return NOTHING


def parsed_size(text: str) -> tuple[int, int]:
    """Return height and width from text.

    Raises
    ------
    InputError
        If it is not of that form.

    Examples
    --------
    >>> parsed_size("480x640")
    (480, 640)
    """
    found = SIZE.fullmatch(text.strip())
    if not found:
        raise InputError(f"a size is written as height x width, such as 480x640, not {text!r}")
    return int(found[1]), int(found[2])
