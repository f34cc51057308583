"""The evaluation as one self-contained page: the table, curves, and scores over what is labelled."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tocsin.bench.evaluate.pictures import RankedPictures
from tocsin.cli.evaluating import curves
from tocsin.cli.evaluating.showing import footnotes, headline, in_group, interval, mark, shown
from tocsin.metrics.ranks import Ranking
from tocsin.report.compact import script_json
from tocsin.report.place import place_page
from tocsin.report.plotlyjs import plotly_script, sha256
from tocsin.report.words import visible

if TYPE_CHECKING:
    from tocsin.bench.evaluate import Evaluation, Pair

_MOST_SERIES = 24
_MOST_FIGURES = 3_500_000  # bytes of charts: with the chart library the page stays below 6 MB


def write_page(
    path: Path, evaluation: Evaluation, scored: Sequence[Pair] | RankedPictures, *, command: str = ""
) -> Path:
    """Write the page.

    Parameters
    ----------
    path : Path
        The file; an earlier one is replaced only when the new one is complete.
    evaluation : Evaluation
    scored : sequence of Pair, or RankedPictures
        What the curves are drawn from.
    command : str
        The command line that repeats it.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    figures = _Figures()
    content = {
        "headline": _lede(evaluation),
        "lede": headline(evaluation),
        "facts": [
            (label, text)
            for label, text in (
                ("Values", evaluation.average),
                ("Intervals", evaluation.intervals),
                ("Threshold", evaluation.threshold),
            )
            if text
        ],
        "columns": list(evaluation.dummies),
        "rows": [_row(evaluation, line) for line in evaluation.lines],
        "notes": footnotes(evaluation),
        "grouped_by": evaluation.grouped_by,
        "group_columns": list(next(iter(evaluation.groups.values()), {})),
        "groups": [
            (name or "(none)", evaluation.group_sizes.get(name, ""), [in_group(k, v) for k, v in row.items()])
            for name, row in evaluation.groups.items()
        ],
        "charts": _charts(evaluation, scored, figures),
        "over": _over(evaluation, scored, figures),
        "figures": figures.stored,
        "command": command,
    }
    text = _render(content)
    return place_page(path, text, "page")


class _Figures:
    """The figures of a page, by name, as long as there is room."""

    def __init__(self) -> None:
        self.stored: dict[str, str] = {}
        self.room = _MOST_FIGURES

    def add(self, figure: dict[str, Any], says: str, caption: str = "") -> dict[str, Any]:
        told = {"says": says, "caption": caption, "behind": ""}
        content = script_json(figure)
        if len(content) > self.room:
            return told | {"kind": "left out"}
        self.room -= len(content)
        name = f"figure-{len(self.stored) + 1}"
        self.stored[name] = content
        return told | {"kind": "chart", "name": name, "height": figure["layout"]["height"]}


def _lede(evaluation: Evaluation) -> str:
    beaten = [line for line in evaluation.lines if line.no_better]
    first = evaluation.lines[0]
    told = f"{first.chosen.name} {shown(first.value)}"
    if beaten:
        told += f"; {len(beaten)} of {len(evaluation.lines)} metrics no better than what detects nothing"
    return told


def _row(evaluation: Evaluation, line: Any) -> dict[str, Any]:
    return {
        "name": f"{line.chosen.name}{mark(line)}",
        "value": shown(line.value),
        "interval": interval(line),
        "dummies": [shown(line.dummies.get(name, float("nan"))) for name in evaluation.dummies],
        "definition": line.chosen.metric.definition,
        "fooled_by": line.chosen.metric.fooled_by,
        "weak": bool(line.no_better),
    }


def _charts(evaluation: Evaluation, scored: Sequence[Pair] | RankedPictures, figures: _Figures) -> list[dict[str, Any]]:
    if isinstance(scored, RankedPictures):
        rankings = [
            ("pictures", Ranking.from_scores(scored.labels, scored.scores)),
            ("pixels", scored.pixels.ranking),
        ]
        what = "pictures and pixels"
    else:
        rankings = [(pair.id, Ranking.from_scores(pair.labels, pair.scores)) for pair in scored[:_MOST_SERIES]]
        what = f"each {evaluation.unit}" if len(scored) > 1 else f"the {evaluation.unit}"
    roc, pr = curves.pair_of_curves(rankings)
    return [
        figures.add(roc, f"ROC curve of {what}", "Dashed: what chance alone gives."),
        figures.add(
            pr, f"Precision-recall curve of {what}", "Dashed: the share of anomalies, which random scores get."
        ),
    ]


def _over(
    evaluation: Evaluation, scored: Sequence[Pair] | RankedPictures, figures: _Figures
) -> list[tuple[str, list[dict[str, Any]]]]:
    if isinstance(scored, RankedPictures):
        chart = curves.item_scores(scored.labels, scored.scores)
        return [("Scores of the pictures", [figures.add(chart, "scores of pictures, anomalous ones in red")])]
    if evaluation.modality in ("events", "points"):
        return [
            (
                pair.id,
                [figures.add(curves.item_scores(pair.labels, pair.scores), f"scores of {pair.id}, highest first")],
            )
            for pair in scored[:_MOST_SERIES]
        ]
    return [
        (pair.id, [figures.add(curves.scores_over_labels(pair), f"score of {pair.id}, labelled stretches shaded")])
        for pair in scored[:_MOST_SERIES]
    ]


def _render(content: dict[str, Any]) -> str:
    from jinja2 import ChoiceLoader, Environment, PackageLoader
    from markupsafe import Markup

    loader = ChoiceLoader([PackageLoader("tocsin.cli.evaluating"), PackageLoader("tocsin.report")])
    environment = Environment(
        loader=loader,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: value if isinstance(value, Markup) else visible(value, 2000),
    )
    library = plotly_script()
    style, script = (loader.get_source(environment, name)[0] for name in ("style.css", "page.js"))
    return environment.get_template("evaluation.html").render(
        **content,
        style=Markup(style),
        script=Markup(script),
        library=Markup(library.packed),
        allowed=[sha256(script.encode()), library.sha256],
        written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )
