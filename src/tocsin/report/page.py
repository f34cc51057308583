"""The page: from detections to one HTML file."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tocsin.core.errors import InputError
from tocsin.report.content import page_content
from tocsin.report.place import place_page
from tocsin.report.plotlyjs import PackedScript, plotly_script, sha256
from tocsin.report.words import visible

if TYPE_CHECKING:
    from tocsin.core.detection import Detection
    from tocsin.report.run import Run

MOST_BYTES = 6_000_000
# Style, script and frame of the page.
_FRAME_BYTES = 100_000
_LIBRARIES = ("numpy", "scipy", "scikit-learn", "duckdb", "plotly")
_IF_USED = ("torch", "transformers", "xgboost", "pyod")


def write_report(
    detections: Sequence[Detection],
    path: Path,
    *,
    command: str | None = None,
    title: str | None = None,
    run: Run | None = None,
) -> Path:
    """Write one self-contained page about what was found.

    Parameters
    ----------
    detections : sequence of Detection
        At least one. The strongest 24 get a section of their own, all others a row of the summary.
    path : Path
        The file to write; an earlier one is replaced only when the new one is complete.
    command : str, optional
        The command line that repeats it.
    title : str, optional
        Written above the headline and in the window's title.
    run : Run, optional
        What is said of all inputs, where `detections` are only the strongest of them.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    InputError
        If there is no detection or the file cannot be written.

    Notes
    -----
    The page stays below 6 MB whatever the size of the data: curves keep what can be seen at the width of a screen, and
    when many anomalies share a page the weakest are listed without a chart. It asks for nothing from any network; a
    content security policy inside the page forbids it, and lets only the page's own two scripts run.
    """
    if not detections:
        raise InputError("a report needs at least one detection")
    text = _render(detections, command, title, run)
    return place_page(Path(path), text, "report")


def _render(detections: Sequence[Detection], command: str | None, title: str | None, run: Run | None) -> str:
    from jinja2 import Environment, PackageLoader
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("tocsin.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        # Whatever reaches the page passes here, also what nobody thought of.
        finalize=lambda value: value if isinstance(value, Markup) else visible(value, 2000),
    )
    library = plotly_script()
    own = Markup(_packaged(environment, "page.js"))
    frame = {
        "command": None if command is None else visible(command, 2000),
        "title": title,
        "style": Markup(_packaged(environment, "style.css")),
        "script": own,
        "library": Markup(library.packed),
        "allowed": [sha256(str(own).encode()), library.sha256],
        "versions": _versions(library),
        "written": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }
    template = environment.get_template("page.html")
    room = MOST_BYTES - _FRAME_BYTES - len(library.packed)
    text = template.render(**page_content(detections, room, run), **frame)
    excess = len(text.encode()) - MOST_BYTES
    if excess >= 0:
        # Texts that swell when they are escaped take the room of a few charts.
        text = template.render(**page_content(detections, room - excess - _FRAME_BYTES, run), **frame)
    return text


def _versions(library: PackedScript) -> list[tuple[str, str]]:
    from importlib.metadata import PackageNotFoundError, version

    from tocsin import __version__

    found = [("tocsin", __version__), ("Python", sys.version.split()[0])]
    for name in (*_LIBRARIES, *(n for n in _IF_USED if n in sys.modules)):
        try:
            found.append((name, version(name)))
        except PackageNotFoundError:
            continue  # an optional part of the installation, not used
    return [*found, ("plotly.js", library.version)]


def _packaged(environment: Any, name: str) -> str:
    source: str = environment.loader.get_source(environment, name)[0]
    return source
