"""Numbers written with as few characters as a chart needs, and JSON that cannot break out of its element."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tocsin.core.types import AnyArray, FloatArray, IntArray

# Steps between the 1 % and 99 % quantile of a curve: ten times finer than the pixels of its row.
_FINENESS = 2000


def short(values: FloatArray) -> list[float | int | None]:
    """Return values rounded to what a chart can show; missing ones as None.

    The step is set by the spread of the bulk, so neither a far outlier nor a large offset costs the shape of the curve.

    Examples
    --------
    >>> short(np.array([1000000.123456, 1000000.234567, np.nan, 1000003.0]))
    [1000000.123, 1000000.235, None, 1000003]
    """
    seen = values[np.isfinite(values)].astype(np.float64)
    if not seen.size:
        return [None] * values.size
    low, high = np.quantile(seen, [0.01, 0.99])
    spread = float(high - low) or float(seen.max() - seen.min()) or abs(float(seen[0])) or 1.0
    digits = -math.floor(math.log10(max(spread, 1e-300) / _FINENESS))
    rounded = np.round(values.astype(np.float64), min(digits, 300)).tolist()
    return [None if v != v else int(v) if v == int(v) and abs(v) < 1e15 else v for v in rounded]


def steps(positions: AnyArray) -> dict[str, Any]:
    """Pack sorted positions as a start, a unit and whole steps; the page's script unpacks them.

    Parameters
    ----------
    positions : ndarray of datetime64 or int, shape (n,)
        Time stamps become milliseconds since 1970, whole numbers stay what they are.

    Examples
    --------
    >>> steps(np.array(["2024-01-01T00:00", "2024-01-01T00:05", "2024-01-01T00:15"], "datetime64[ns]"))
    {'start': 1704067200000, 'unit': 300000, 'steps': [0, 1, 2]}
    """
    if positions.dtype.kind != "M":
        return {"start": int(positions[0]), "unit": 1, "steps": _differences(positions.astype(np.int64))}
    stamps = positions.astype("datetime64[ns]").astype(np.int64)
    passed = stamps - stamps[0]
    # Jitter far below a pixel is not worth its digits.
    finest = 10 ** max(0, math.floor(math.log10(max(1, int(passed[-1])) / 1e6)))
    common = int(np.gcd.reduce(passed))
    unit = common if common >= finest else finest
    return {
        "start": _whole(int(stamps[0]) / 1e6),
        "unit": _whole(unit / 1e6),
        "steps": _differences(np.round(passed / unit)),
    }


def script_json(content: Any) -> str:
    r"""Return JSON that is inert inside a script element, whatever text it holds.

    Examples
    --------
    >>> script_json({"name": "</script>\u2028"})
    '{"name":"\\u003c/script\\u003e\\u2028"}'
    """
    text = json.dumps(content, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _differences(whole: FloatArray | IntArray) -> list[int]:
    return [int(step) for step in np.diff(whole, prepend=whole[:1]).tolist()]


def _whole(value: float) -> float | int:
    return int(value) if value == int(value) else value
