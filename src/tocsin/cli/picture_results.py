"""What judged pictures leave in an out folder: maps, masks, small copies and rows as they come; tables at the end."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.cli.results import anomaly_rows
from tocsin.core.errors import InputError
from tocsin.core.extents import Region
from tocsin.core.samples import Bundle, Image
from tocsin.io.writing import append_ndjson, as_line, write_parquet

if TYPE_CHECKING:
    from tocsin.cli.picture_plan import Part
    from tocsin.core.detection import Detection
    from tocsin.core.samples import Sample
    from tocsin.core.scores import Scores
    from tocsin.core.types import BoolArray

ROWS, ANOMALIES = "scores.ndjson", "anomalies.ndjson"
TABLES = ("scores.parquet", "anomalies.parquet", "boxes.csv", "coco.json", "report.html")
# Sixteen bits hold three digits of numbers in this range; whatever leaves it is written in thirty-two.
LEAST_SIXTEEN, MOST_SIXTEEN = 1e-3, 6e4


def store_picture(folder: Path, part: Part, detection: Detection, *, masks: bool) -> dict[str, Any]:
    """Write everything about one picture; return its row of the table of scores."""
    sample = detection.sample
    found = flagged(detection)
    level = detection.level.value
    row = _row(part, sample, detection.scores) | {
        "detector": detection.card.name,
        "threshold": level if np.isfinite(level) else None,
        "anomalous": len(detection) > 0,
        "anomalies": len(detection),
        "largest": max((a.where.size for a in detection.anomalies if isinstance(a.where, Region)), default=0),
    }
    if detection.scores.local is not None:
        row["map"] = _write_map(folder, part.place, detection.scores)
    if masks and detection.scores.local is not None:
        row["mask"] = _write_mask(folder, part.place, found, detection.scores.local.shape)
    row["thumb"] = _write_thumb(folder, part.place, sample, found)
    append_ndjson(folder / ANOMALIES, anomaly_rows(detection, part.path))
    append_ndjson(folder / ROWS, [row])
    return row


def store_scores(folder: Path, part: Part, sample: Sample, scores: Scores) -> dict[str, Any]:
    """Write map and row of a picture that is scored without a verdict."""
    row = _row(part, sample, scores)
    if scores.local is not None:
        row["map"] = _write_map(folder, part.place, scores)
    append_ndjson(folder / ROWS, [row])
    return row


def flagged(detection: Detection) -> BoolArray | None:
    """Return the pixels of all places found; None where there are none."""
    regions = [a.where for a in detection.anomalies if isinstance(a.where, Region)]
    if not regions or detection.scores.local is None:
        return None
    mask = np.zeros(detection.scores.local.shape[:2], dtype=bool)
    for region in regions:
        left, top, right, bottom = region.box
        mask[top:bottom, left:right] |= region.mask
    return mask


def read_rows(folder: Path, name: str = ROWS) -> list[dict[str, Any]]:
    """Return the rows written so far; a line that a kill cut short is left out."""
    file = folder / name
    found = []
    for line in file.read_text(encoding="utf-8").splitlines() if file.is_file() else ():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict):
            found.append(row)
    return found


def keep_finished(folder: Path, finished: Any) -> None:
    """Drop rows of pictures that a killed run did not finish: they are done again."""
    for name in (ROWS, ANOMALIES):
        rows = read_rows(folder, name)
        kept = [row for row in rows if finished(str(row.get("source", ""))) is not None]
        if len(kept) < len(rows):
            _replace(folder / name, "".join(as_line(row) for row in kept))


def clear_pictures(folder: Path) -> None:
    """Remove what an earlier run left: its tables, and the files that its rows name, nothing else."""
    for row in read_rows(folder):
        for key in ("map", "mask", "thumb"):
            path = folder / str(row.get(key, ""))
            inside = path.resolve().is_relative_to(folder.resolve())
            if row.get(key) and inside and path.is_file():
                path.unlink()
    for name in (ROWS, ANOMALIES, *TABLES):
        (folder / name).unlink(missing_ok=True)


def finish_tables(folder: Path, *, boxes: bool = True) -> list[dict[str, Any]]:
    """Write the tables of all pictures done so far; return the rows of the table of scores."""
    rows = read_rows(folder)
    if not rows:
        return rows
    write_parquet(folder / "scores.parquet", _columns(rows))
    if boxes:
        found = [row for row in read_rows(folder, ANOMALIES) if "box" in row.get("where", {})]
        _write_boxes(folder / "boxes.csv", found)
        _write_coco(folder / "coco.json", rows, found)
    return rows


def write_score_table(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Write the table of scores alone."""
    return write_parquet(path, _columns([dict(row) for row in rows]))


def picture_row(part: Part, sample: Sample, scores: Scores) -> dict[str, Any]:
    """Return what the table of scores says of a picture."""
    return _row(part, sample, scores)


def _row(part: Part, sample: Sample, scores: Scores) -> dict[str, Any]:
    height, width = sample.grid[:2]
    known = {"group": part.group, "view": part.view, "kind": part.kind}
    return {
        "source": part.path,
        "sample": sample.id,
        "place": part.place,
        **{key: value for key, value in known.items() if value},
        **({} if part.label is None else {"label": int(part.label)}),
        "height": int(height),
        "width": int(width),
        "score": float(scores.overall),
    }


def _columns(rows: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    """The rows as columns, in the order in which they first appear."""
    names = list(dict.fromkeys(name for row in rows for name in row if name != "thumb"))
    columns = {}
    for name in names:
        values = [row.get(name) for row in rows]
        given = [value for value in values if value is not None]
        if all(isinstance(value, bool) for value in given) and len(given) == len(values):
            columns[name] = np.array(values, dtype=bool)
        elif given and all(isinstance(value, int | float) for value in given):
            whole = len(given) == len(values) and all(isinstance(value, int) for value in given)
            columns[name] = np.array(
                [np.nan if v is None else v for v in values], dtype=np.int64 if whole else np.float64
            )
        else:
            columns[name] = np.array(["" if v is None else str(v) for v in values], dtype=object)
    return columns


def _write_map(folder: Path, place: str, scores: Scores) -> str:
    """A map as a compressed array of 16 bits per pixel where these hold it."""
    local = np.asarray(scores.local, dtype=np.float32)
    largest = float(np.abs(local).max(initial=0.0))
    fits = largest == 0 or LEAST_SIXTEEN < largest < MOST_SIXTEEN
    name = f"maps/{place}.npz"
    path = _made(folder / name)
    try:
        with path.open("wb") as file:
            np.savez_compressed(file, map=local.astype(np.float16) if fits else local)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from None
    return name


def _write_mask(folder: Path, place: str, mask: BoolArray | None, shape: tuple[int, ...]) -> str:
    from PIL import Image as pillow  # noqa: N813

    name = f"masks/{place}.png"
    pixels = np.zeros(shape[:2], dtype=np.uint8) if mask is None else mask.astype(np.uint8) * 255
    pillow.fromarray(pixels).save(_made(folder / name), optimize=True)
    return name


def _write_thumb(folder: Path, place: str, sample: Sample, mask: BoolArray | None) -> str:
    from tocsin.report.drawing import thumbnail

    image = sample.main if isinstance(sample, Bundle) else sample
    assert isinstance(image, Image)
    content, kind = thumbnail(image.pixels, mask)
    name = f"thumbs/{place}.{kind}"
    _made(folder / name).write_bytes(content)
    return name


def _made(path: Path) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path.parent} cannot be made: {error.strerror or error}") from None
    return path


def _write_boxes(path: Path, found: list[dict[str, Any]]) -> None:
    import csv
    import io

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("source", "sample", "left", "top", "right", "bottom", "area", "score", "p_value"))
    for row in found:
        where = row["where"]
        writer.writerow((row["source"], row["sample"], *where["box"], where["area"], row["peak"], row["p_value"]))
    _replace(path, text.getvalue())


def _write_coco(path: Path, rows: list[dict[str, Any]], found: list[dict[str, Any]]) -> None:
    """Pictures and boxes as COCO has them: (x, y, width, height), and masks as uncompressed run lengths."""
    numbers = {row["source"]: number for number, row in enumerate(rows, start=1)}
    sizes = {row["source"]: (row["height"], row["width"]) for row in rows}
    annotations: list[dict[str, Any]] = []
    for row in found:
        left, top, right, bottom = row["where"]["box"]
        height, width = sizes[row["source"]]
        annotations.append(
            {
                "id": len(annotations) + 1,
                "image_id": numbers[row["source"]],
                "category_id": 1,
                "bbox": [left, top, right - left, bottom - top],
                "area": row["where"]["area"],
                "iscrowd": 0,
                "score": row["peak"],
                "segmentation": {
                    "size": [height, width],
                    "counts": whole_run_lengths(row["where"]["rle"], row["where"]["box"], height, width),
                },
            }
        )
    images = [
        {"id": numbers[row["source"]], "file_name": row["source"], "height": row["height"], "width": row["width"]}
        for row in rows
    ]
    tree = {"images": images, "categories": [{"id": 1, "name": "anomaly"}], "annotations": annotations}
    _replace(path, json.dumps(tree, ensure_ascii=False) + "\n")


def whole_run_lengths(inside: list[int], box: list[int], height: int, width: int) -> list[int]:
    """Turn run lengths over a box into those over the whole picture, both column by column, beginning with zeros.

    Examples
    --------
    >>> whole_run_lengths([0, 2], [1, 1, 2, 3], height=4, width=3)
    [5, 2, 5]
    """
    left, top, right, bottom = box
    flat = np.repeat(np.arange(len(inside)) % 2 == 1, inside).reshape(right - left, bottom - top)
    edges_of: list[int] = []
    for column in range(right - left):
        edges = np.flatnonzero(np.diff(flat[column].astype(np.int8), prepend=0, append=0))
        edges_of += (edges + (left + column) * height + top).tolist()
    # Runs that touch from the foot of one column to the head of the next are one.
    merged: list[int] = []
    for start, stop in zip(edges_of[::2], edges_of[1::2], strict=True):
        if merged and merged[-1] == start:
            merged[-1] = stop
        else:
            merged += [start, stop]
    borders = [0, *merged, height * width]
    return [stop - start for start, stop in pairwise(borders)]


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from None
