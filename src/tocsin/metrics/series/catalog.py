"""Every series metric as a row of data: what it asks for, which way is better, whose definition, and what fools it."""

from __future__ import annotations

from dataclasses import dataclass

from tocsin.metrics.series.affiliation import affiliation
from tocsin.metrics.series.composite import composite_f1, oracle_composite_f1
from tocsin.metrics.series.etapr import etapr
from tocsin.metrics.series.eventwise import event_precision_recall, time_to_detect
from tocsin.metrics.series.nab import nab_score_of_labels
from tocsin.metrics.series.pate import pate, pate_f1
from tocsin.metrics.series.point_adjusted import (
    point_adjusted_area,
    point_adjusted_f1,
    point_adjusted_oracle_f1,
)
from tocsin.metrics.series.pointwise import (
    auc_roc,
    average_precision,
    oracle_f1,
    point_precision_recall,
    pr_auc_trapezoid,
)
from tocsin.metrics.series.range_based import range_precision_recall
from tocsin.metrics.series.ucr import ucr_score
from tocsin.metrics.series.vus import range_auc, vus
from tocsin.metrics.table import Metric


@dataclass(frozen=True)
class SeriesMetric(Metric):
    """One metric of series, and what a reader of its number must know.

    Attributes
    ----------
    needs_threshold : bool
        It takes a binary prediction, so a threshold policy must be named beside it.
    asked_by_name_only : bool
        Left out unless named, and shown only with a random score beside it.
    one_event_only : bool
        Raises on a series with more than one event.
    """

    needs_threshold: bool = False
    asked_by_name_only: bool = False
    one_event_only: bool = False


_TATBUL = "Tatbul et al., NeurIPS 2018"
_HUET = "Huet et al., KDD 2022"
_VUS = "Paparrizos et al., VLDB 2022; TSB-AD, NeurIPS 2024"
_PATE = "Ghorbani et al., KDD 2024"
_ETAPR = "Hwang et al., SAC 2022"
_GARG = "Garg et al., TNNLS 2021"
_SEHILI = "El Amine Sehili and Zhang, 2023"
_RANDOM_FLOOR = "random alarms: precision about 0.5, recall near 1, so 0.66 is worth nothing"
_WINDOW = "a larger window raises it; values compare only at one window"
_ALL_ON = "predicting everything"

_ROWS = (
    SeriesMetric(
        "auc_roc",
        auc_roc,
        None,
        "chance that an anomalous point outranks a normal one, ties counting half",
        "Hanley and McNeil, 1982",
        "rare anomalies: thousands of false alarms hardly move it",
        default=True,
    ),
    SeriesMetric(
        "average_precision",
        average_precision,
        None,
        "precision summed over the rises of recall, threshold by threshold",
        "scikit-learn's average_precision_score",
        "its floor is the share of anomalies, so it does not compare between data sets",
        default=True,
    ),
    SeriesMetric(
        "pr_auc_trapezoid",
        pr_auc_trapezoid,
        None,
        "area under straight lines between precision-recall points",
        "Davis and Goadrich, 2006, who warn of it",
        "a constant score, which gets more than 0.5",
    ),
    SeriesMetric(
        "oracle_f1",
        oracle_f1,
        "value",
        "best point-wise F1 of any threshold",
        "common practice",
        "a threshold that nobody knows in advance; predicting everything on dense anomalies",
        oracle=True,
        default=True,
    ),
    SeriesMetric(
        "precision",
        point_precision_recall,
        "precision",
        "share of predicted points that are anomalous",
        "common practice",
        "a single safe alarm",
        needs_threshold=True,
        default=True,
    ),
    SeriesMetric(
        "recall",
        point_precision_recall,
        "recall",
        "share of anomalous points that are predicted",
        "common practice",
        _ALL_ON,
        needs_threshold=True,
        default=True,
    ),
    SeriesMetric(
        "f1",
        point_precision_recall,
        "f1",
        "harmonic mean of point-wise precision and recall",
        "common practice",
        "long events, which outweigh many short ones",
        needs_threshold=True,
        default=True,
    ),
    SeriesMetric(
        "pate",
        pate,
        None,
        "area under precision-recall with credit near events, mean over buffers",
        _PATE,
        "a constant score, which the trapezoid gives more than 0.5; larger buffers",
        default=True,
    ),
    SeriesMetric(
        "pate_f1",
        pate_f1,
        None,
        "F1 with credit near events, mean over buffers",
        _PATE,
        "larger buffers; alarms that come late",
        needs_threshold=True,
    ),
    SeriesMetric(
        "vus_pr",
        vus,
        "pr",
        "range-based precision-recall area, mean over buffer windows 0 to max_window",
        _VUS,
        _WINDOW,
        default=True,
    ),
    SeriesMetric(
        "vus_roc",
        vus,
        "roc",
        "range-based ROC area, mean over buffer windows 0 to max_window",
        _VUS,
        _WINDOW,
        default=True,
    ),
    SeriesMetric(
        "range_auc_pr", range_auc, "pr", "range-based precision-recall area at one buffer window", _VUS, _WINDOW
    ),
    SeriesMetric("range_auc_roc", range_auc, "roc", "range-based ROC area at one buffer window", _VUS, _WINDOW),
    SeriesMetric(
        "range_precision",
        range_precision_recall,
        "precision",
        "mean over predicted ranges of the share that lies in events",
        _TATBUL,
        "one short safe alarm beside which long false ones count as one range",
        needs_threshold=True,
    ),
    SeriesMetric(
        "range_recall",
        range_precision_recall,
        "recall",
        "mean over events of the share that is predicted, plus a reward for being touched",
        _TATBUL,
        _ALL_ON,
        needs_threshold=True,
    ),
    SeriesMetric(
        "range_f1",
        range_precision_recall,
        "f1",
        "harmonic mean of range-based precision and recall",
        _TATBUL,
        "breaking a long false alarm up beside many short true ones",
        needs_threshold=True,
    ),
    SeriesMetric(
        "affiliation_precision",
        affiliation,
        "precision",
        "how near predictions lie to the event of their zone, against random ones",
        _HUET,
        _RANDOM_FLOOR,
        needs_threshold=True,
    ),
    SeriesMetric(
        "affiliation_recall",
        affiliation,
        "recall",
        "how near events lie to a prediction in their zone, against random ones",
        _HUET,
        _RANDOM_FLOOR,
        needs_threshold=True,
    ),
    SeriesMetric(
        "affiliation_f1",
        affiliation,
        "f1",
        "harmonic mean of affiliation precision and recall",
        _HUET,
        _RANDOM_FLOOR,
        needs_threshold=True,
        default=True,
    ),
    SeriesMetric(
        "etap",
        etapr,
        "precision",
        "predicted ranges that lie in events well enough, weighed by the root of their length",
        _ETAPR,
        "theta_p: slightly too long alarms drop from partly right to wrong",
        needs_threshold=True,
    ),
    SeriesMetric(
        "etar",
        etapr,
        "recall",
        "events that good enough predictions cover well enough",
        _ETAPR,
        "theta_r: one short overlap can be all or nothing",
        needs_threshold=True,
    ),
    SeriesMetric(
        "etapr_f1",
        etapr,
        "f1",
        "harmonic mean of eTaP and eTaR",
        _ETAPR,
        "its two bars, which differ between papers",
        needs_threshold=True,
    ),
    SeriesMetric(
        "composite_f1",
        composite_f1,
        "f1",
        "harmonic mean of point precision and event recall",
        _GARG,
        "one point for each event is enough",
        needs_threshold=True,
        default=True,
    ),
    SeriesMetric(
        "oracle_composite_f1",
        oracle_composite_f1,
        "value",
        "best composite F1 of any threshold",
        _GARG,
        "a threshold that nobody knows in advance",
        oracle=True,
    ),
    SeriesMetric(
        "event_precision",
        event_precision_recall,
        "precision",
        "true alarms over all alarms, times the share of normal points left in peace",
        _SEHILI,
        "one endless alarm, but for its last factor",
        needs_threshold=True,
    ),
    SeriesMetric(
        "event_recall",
        event_precision_recall,
        "recall",
        "share of events with a predicted point",
        _SEHILI,
        _ALL_ON,
        needs_threshold=True,
        default=True,
    ),
    SeriesMetric(
        "event_f1",
        event_precision_recall,
        "f1",
        "harmonic mean of event-wise precision and recall",
        _SEHILI,
        "one point for each event is enough",
        needs_threshold=True,
    ),
    SeriesMetric(
        "delay_median",
        time_to_detect,
        "median",
        "median samples from the start of an event to its first predicted point, over found events",
        "common practice",
        "missing the hard events; read it with missed_events",
        needs_threshold=True,
        higher_is_better=False,
        default=True,
    ),
    SeriesMetric(
        "missed_events",
        time_to_detect,
        "missed",
        "share of events without a predicted point",
        "common practice",
        _ALL_ON,
        needs_threshold=True,
        higher_is_better=False,
    ),
    SeriesMetric(
        "nab_score",
        nab_score_of_labels,
        "score",
        "alarms weighed by how early they come in a window; silence is 0, perfection 100",
        "Lavin and Ahmad, ICMLA 2015",
        "windows that begin before the event; a threshold chosen on the labels",
        oracle=True,
    ),
    SeriesMetric(
        "ucr_score",
        ucr_score,
        None,
        "1 if the highest score lies at the one event, else 0",
        "Wu and Keogh, TKDE 2021",
        "one place only: says nothing on false alarms",
        one_event_only=True,
    ),
    SeriesMetric(
        "point_adjusted_f1",
        point_adjusted_f1,
        None,
        "F1 after filling every event that is touched",
        "Xu et al., WWW 2018",
        "random scores, which get 0.9 on long events",
        needs_threshold=True,
        asked_by_name_only=True,
    ),
    SeriesMetric(
        "point_adjusted_oracle_f1",
        point_adjusted_oracle_f1,
        "value",
        "best F1 of any threshold after filling every event of which more than k per cent is predicted",
        "Xu et al., WWW 2018; Kim et al., AAAI 2022",
        "random scores, which get 0.9 on long events",
        oracle=True,
        asked_by_name_only=True,
    ),
    SeriesMetric(
        "point_adjusted_area",
        point_adjusted_area,
        None,
        "best point-adjusted F1, mean over k from 0 to 100",
        "Kim et al., AAAI 2022",
        "random scores, which still gain from small k",
        oracle=True,
        asked_by_name_only=True,
    ),
)

SERIES_METRICS: dict[str, SeriesMetric] = {row.name: row for row in _ROWS}
