"""`tocsin evaluate`: how good scores are, beside what detects nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("evaluate")(evaluate)


def evaluate(
    scores: Annotated[
        str,
        typer.Argument(help="A table with a score column, a folder of them, or a folder of maps.", show_default=False),
    ],
    labels: Annotated[
        str | None,
        typer.Argument(
            help="0/1 per point, intervals (start, stop), NAB windows (json), or a folder of masks; "
            "the label column of SCORES when left out."
        ),
    ] = None,
    metrics: Annotated[
        str | None,
        typer.Option("--metrics", "-m", help='Names with commas: "auc_roc,vus_pr(max_window=50)"; or all.'),
    ] = None,
    threshold: Annotated[
        str | None,
        typer.Option("--threshold", help="For metrics of alarms: 3.5, quantile:0.99, top:0.01, or oracle."),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option("--by", help="A column of SCORES, or folder: break down by it, and resample its groups."),
    ] = None,
    modality: Annotated[
        str | None, typer.Option("--modality", help="series, events, image, video or points; found when left out.")
    ] = None,
    score_column: Annotated[str | None, typer.Option("--score", help="The column of scores.")] = None,
    label_column: Annotated[str | None, typer.Option("--label", help="The column of labels.")] = None,
    time: Annotated[str | None, typer.Option("--time", help="The time column, in scores and labels.")] = None,
    member: Annotated[str | None, typer.Option("--id", help="The column that tells several series apart.")] = None,
    series: Annotated[
        str | None, typer.Option("--series", help="The name under which the labels know these scores.")
    ] = None,
    data: Annotated[
        str | None, typer.Option("--data", help="The data that were scored, for the dummy that looks at them.")
    ] = None,
    missing: Annotated[
        str, typer.Option("--missing", help="Labelled places without a score: error, drop, or lowest.")
    ] = "error",
    reduction: Annotated[
        str,
        typer.Option(
            "--reduction", help="The score of a picture: own (the detector's), or max, mean, top-1% of its map."
        ),
    ] = "own",
    resamples: Annotated[int, typer.Option("--resamples", min=1, help="Of the bootstrap.")] = 1000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the bootstrap and of the random scores.")] = 0,
    html: Annotated[
        Path | None, typer.Option("--html", help="A page with curves and the score over the labels.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, and nothing else.")] = False,
) -> int:
    """Measure scores against labels: the metrics of the kind of data, with intervals and scores that detect nothing.

    Exit codes: 0 done, 2 usage or input, 3 some series could not be evaluated.
    """
    from tocsin.cli.evaluating.job import Request, run

    return run(
        Request(
            scores=scores,
            labels=labels,
            metrics=metrics,
            threshold=threshold,
            by=by,
            modality=modality,
            score_column=score_column,
            label_column=label_column,
            time=time,
            member=member,
            series=series,
            data=data,
            missing=missing,
            reduction=reduction,
            resamples=resamples,
            seed=seed,
            html=html,
            as_json=as_json,
        )
    )
