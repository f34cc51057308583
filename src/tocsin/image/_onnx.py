"""Export of a fitted picture detector to one ONNX file, its threshold beside it.

A detector that can be exported has `_exportable(size)`, a module from a float32 tensor of shape (1, 3, h, w), RGB from
0 to 1, to the map (1, 1, h, w) and the score (1,), equal to what `score` says of a picture that has that size already.
It may have `_graph_size(size)` to say at which size it judges pictures of a given size (else `size_` or `side` tell),
and `score_unit`, a clause about what its scores mean. The threshold stays outside of the graph: it depends on the
budget of false alarms, and a file that holds it would have to be made again for another one.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import logging
import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.extras import need
from tocsin.core.samples import Image
from tocsin.image._preparation import fitting

if TYPE_CHECKING:
    from tocsin.core.detector import Detector
    from tocsin.core.types import FloatArray

EXTRA, WANTED_BY = "onnx", "exporting a detector"
OPSET = 18
# How far the file may be from the detector, as a share of the largest score (of 1, if scores are smaller).
LOOSE = 1e-4
TRIED = 3
MULTIPLE, SETTLING = 16, 8
RESIZING = "area (each pixel the mean of what it covers) when shrinking, bilinear when growing"


@dataclass(frozen=True)
class Export:
    """What was written.

    Parameters
    ----------
    file, description : Path
        The graph, and the JSON beside it: level, budget, promise, unit, and how pictures are prepared.
    size : (int, int)
        Height and width of pictures that the graph takes.
    level : float
        A picture with a higher score is an alarm.
    apart : float
        Largest difference from the detector on the pictures that were tried, as a share of the largest score.
    """

    file: Path
    description: Path
    size: tuple[int, int]
    level: float
    apart: float


def export(
    detector: Detector, file: str | Path, *, size: tuple[int, int] | None = None, false_alarms: str = "1%"
) -> Export:
    """Write a fitted detector as ONNX, and compare the file with the detector before it is put in its place.

    Parameters
    ----------
    detector : Detector
    file : path
        Ends in ``.onnx``; the description gets the same name with ``.json`` added.
    size : (int, int), optional
        Height and width of the pictures to be judged; the graph is made for the size that the detector brings them
        to. A square of the detector's own when left out.
    false_alarms : str
        Budget that sets the level in the description.

    Returns
    -------
    Export

    Raises
    ------
    InputError
        If the detector cannot be exported, not for that size, or the file would not say what the detector says.
    NotFittedError
        If nothing has been learned yet.
    MissingExtra
        If onnx, onnxscript or onnxruntime is not installed.
    """
    for module in ("onnx", "onnxscript", "onnxruntime"):
        need(module, EXTRA, WANTED_BY)
    detector._check_fitted()
    target = Path(file)
    if target.suffix != ".onnx":
        raise InputError(f"the file of an export ends in .onnx, not {target.name!r}")
    level = _level(detector, false_alarms)
    graph_size = size_for(detector, size)
    written = _written(detector, target, graph_size)
    try:
        apart = difference(detector, written, graph_size)
        if not apart <= LOOSE:
            raise InputError(
                f"{detector.card.name} cannot be exported: the file's scores are {apart:.2g} (as a share of the "
                f"largest) from the detector's, more than {LOOSE:g}; please report it"
            )
        digest = hashlib.sha256(written.read_bytes()).hexdigest()
        described = _description(detector, graph_size, level, false_alarms) | {
            "file": {"name": target.name, "sha256": digest, "opset": OPSET, "largest_difference": apart}
        }
        written.replace(target)
    finally:
        written.unlink(missing_ok=True)
    beside = target.with_name(target.name + ".json")
    beside.write_text(json.dumps(described, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return Export(target, beside, graph_size, float(level.value), apart)


def size_for(detector: Any, size: tuple[int, int] | None = None) -> tuple[int, int]:
    """Return the size at which a detector judges pictures of a size, or of its usual one.

    Raises
    ------
    InputError
        If it is no picture detector that can be exported, or a side is too small.
    """
    name = detector.card.name
    if not hasattr(detector, "_exportable"):
        raise InputError(f"{name} cannot be exported to ONNX: its scores are not one graph from a picture to a map")
    if size is not None and min(size) < 8:
        raise InputError(f"pictures of {size[0]} x {size[1]} are too small: at least 8 pixels on a side")
    if hasattr(detector, "_graph_size"):
        high, wide = detector._graph_size(size)
        return int(high), int(wide)
    if hasattr(detector, "size_"):
        high, wide = detector.size_
        return int(high), int(wide)
    side, multiple = int(getattr(detector, "side", 256)), _multiple(detector)
    # A detector that also looks closely takes pictures at twice the side, and makes the smaller look from them.
    scale = 2 if "fine" in getattr(detector, "views", ()) else 1

    def brought(given: tuple[int, int]) -> tuple[int, int]:
        high, wide = fitting(given, side, multiple)
        return scale * high, scale * wide

    return settled(size or (side, side), brought)


def settled(size: tuple[int, int], brought: Callable[[tuple[int, int]], tuple[int, int]]) -> tuple[int, int]:
    """Return the size near another one that is left as it is where pictures are brought to a common area.

    Rounding the sides to multiples changes the area, so that a size that came out need not be one that stays.

    Parameters
    ----------
    size : (int, int)
    brought : callable of (int, int)
        Says what a size is brought to.
    """
    for _ in range(SETTLING):
        before, size = size, brought(size)
        if size == before:
            break
    return size


def check_size(size: tuple[int, int], judged: tuple[int, int]) -> None:
    """Check that pictures of a size are judged at that very size.

    Raises
    ------
    InputError
        If they would be brought to another one first, which a graph does not do.
    """
    if tuple(size) != tuple(judged):
        raise InputError(
            f"pictures of {size[0]} x {size[1]} (height x width) are judged at {judged[0]} x {judged[1]}: export for "
            "that size"
        )


def _multiple(detector: Any) -> int:
    """Of how many pixels the sides of pictures are multiples, by the detector's encoder."""
    from tocsin.nn.encoders import shared_encoder

    if not isinstance(getattr(detector, "encoder", None), str):
        return MULTIPLE
    layers = getattr(detector, "layers", None)
    return shared_encoder(detector.encoder, None if layers is None else tuple(layers)).multiple


def difference(detector: Detector, file: str | Path, size: tuple[int, int]) -> float:
    """Return how far a file's maps and scores are from a detector's, as a share of the largest score (or of 1).

    Parameters
    ----------
    detector : Detector
    file : path
    size : (int, int)
        Height and width of pictures that the file takes.

    Returns
    -------
    float
        The largest difference over three made-up pictures, one of them noise.

    Raises
    ------
    InputError
        If the file cannot be run.
    """
    session = _session(file)
    worst = 0.0
    for number in range(TRIED):
        picture = _trial(number, size)
        expected = detector.score(Image(picture))
        assert expected.local is not None
        found, score = session.run(None, {"picture": picture.transpose(2, 0, 1)[None]})
        largest = max(1.0, float(np.abs(expected.local).max()), abs(expected.overall))
        apart = max(float(np.abs(found[0, 0] - expected.local).max()), abs(float(score[0]) - expected.overall))
        worst = max(worst, apart / largest if np.isfinite(apart) else np.inf)
    return worst


def _trial(number: int, size: tuple[int, int]) -> FloatArray:
    """A picture to try, RGB from 0 to 1; the first is noise."""
    from tocsin.synthesis.image.procedural import picture

    if number == 0:
        return np.random.default_rng(0).random((*size, 3), dtype=np.float32)
    drawn = picture(number, max(size))[: size[0], : size[1]]
    return np.ascontiguousarray(drawn, dtype=np.float32) / np.float32(255)


def _session(file: str | Path) -> Any:
    runtime = need("onnxruntime", EXTRA, WANTED_BY)
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    try:
        return runtime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime raises kinds of its own, none of them public
        raise InputError(f"{file} cannot be run: {str(error).splitlines()[0]}") from None


def _written(detector: Any, target: Path, size: tuple[int, int]) -> Path:
    """Write the graph beside its place."""
    import torch

    module = detector._exportable(size)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with quiet(), torch.no_grad():
            torch.onnx.export(
                module.eval(), (torch.zeros(1, 3, *size),), str(temporary), input_names=["picture"],
                output_names=["map", "score"], opset_version=OPSET, dynamo=True, external_data=False, verbose=False,
            )  # fmt: skip
    except OSError as error:
        raise InputError(f"{target} cannot be written: {error.strerror or error}") from None
    except Exception as error:  # whatever a step of some net is that the exporter does not know
        temporary.unlink(missing_ok=True)
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise InputError(f"{detector.card.name} cannot be exported with these parameters: {said[0]}") from None
    return temporary


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep to itself what the exporter says about itself, which is a lot."""
    levels = {name: logging.getLogger(name).level for name in ("torch.onnx", "onnxscript", "onnx_ir")}
    for name in levels:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def _level(detector: Detector, false_alarms: str) -> Any:
    from tocsin.core.decide import default_rules
    from tocsin.core.thresholds import Budget

    level = Budget(false_alarms, default_rules(detector)).fit(detector.calibration_)
    if not np.isfinite(level.value):
        raise InputError(f"a budget of {false_alarms!r} has no level of its own: give a share, such as 1%")
    return level


def _description(detector: Any, size: tuple[int, int], level: Any, false_alarms: str) -> dict[str, Any]:
    from tocsin import __version__

    return {
        "detector": detector.card.name,
        "picture": {
            "input": "picture", "height": size[0], "width": size[1], "layout": "1 x 3 x height x width, float32",
            "colours": "RGB from 0 to 1", "resizing": RESIZING,
        },
        "outputs": {
            "map": "1 x 1 x height x width, how strange each place of the prepared picture is",
            "score": "1, how strange the picture is",
        },
        "threshold": {
            "level": float(level.value), "applies_to": "score, strictly above", "budget": false_alarms,
            "promise": level.promise, "support": level.support,
            "unit": getattr(detector, "score_unit", f"the own unit of {detector.card.name}; higher is stranger"),
        },
        "written_with": {"tocsin": __version__},
    }  # fmt: skip
