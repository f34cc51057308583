"""The tables, from what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from series_choice.measures import Results, mean
from series_choice.rows import AUTOMATIC, COMBINED, LENGTHS, on_part
from series_choice.tasks import MANY, ONE, half, series_of
from tocsin.core.decide import unusual
from tocsin.core.profile import ChannelProfile
from tocsin.core.samples import Series
from tocsin.io.datasets import read_dataset
from tocsin.metrics.bootstrap import mean_interval, paired_bootstrap
from tocsin.metrics.series import auc_roc
from tocsin.metrics.severity import spearman

Table = list[list[str]]
Ids = set[tuple[str, str]]
DEFAULT = "window-neighbours"
HALVES = ("validation", "other")
DRAWS = 1000
RESAMPLES = 2000
VALUES_OF_A_HOST = 47_400 * 38
SEVEN = ("smd AP", "asd AP", "smap_msl AP", "skab AUROC", "hpc AUROC", "hpc after 60", "rosa")


# ------------------------------------------------------------------------------------------------------ one channel


def one_channel(results: Results, asked: Sequence[str]) -> Table:
    head = ["row", *HALVES, "all", "95 %", *ONE, "PATE", "AP", "AUROC", "UCR hits", "s per 10⁵ rows"]
    out = []
    for row in asked:
        lines = results.of(row, *ONE)
        if not lines:
            continue
        interval = mean_interval([line["vus_pr"] for line in lines], n_resamples=5000)
        cost = sum(line["seconds"] for line in lines) / sum(line["rows"] for line in lines) * 1e5
        cells = [mean(results.of(row, *ONE, half=h), "vus_pr") for h in HALVES]
        cells.append(mean(lines, "vus_pr"))
        sets = [mean(results.of(row, s), "vus_pr") for s in ONE]
        hits = sum(line.get("ucr", 0.0) for line in lines)
        out.append([
            row + (f" ({len(lines)} series)" if len(lines) != 48 else ""), *map(short, cells),
            between(interval.low, interval.high), *map(short, sets),
            *(short(mean(lines, k)) for k in ("pate", "ap", "auroc")), f"{hits:.1f}", f"{cost:.2g}",
        ])  # fmt: skip
    return [head, *sorted(out, key=lambda cells: cells[1], reverse=True)]


def differences(results: Results, first: str, asked: Sequence[str]) -> Table:
    """One row less every other, series by series: on both halves with its interval, and on each."""
    out = [["against", "difference in VUS-PR", "95 %", *HALVES, "series won"]]
    mine = by_series(results, first)
    halves = {key: results.lines[first, *key]["half"] for key in mine}
    for row in asked:
        theirs = by_series(results, row)
        both = sorted(set(mine) & set(theirs))
        if row == first or not both:
            continue
        a, b = np.array([mine[k] for k in both]), np.array([theirs[k] for k in both])
        found = paired_bootstrap(lambda i, a=a: float(a[i].mean()), lambda i, b=b: float(b[i].mean()), len(both))
        gap = found.difference
        apart = [float(np.mean([mine[k] - theirs[k] for k in both if halves[k] == h])) for h in HALVES]
        won = f"{int((a > b).sum())} of {len(both)}"
        out.append([row, f"{gap.value:+.3f}", between(gap.low, gap.high, "+.3f"), *(f"{x:+.3f}" for x in apart), won])
    return out


def combinations(results: Results) -> Table:
    """Each combination against the default, decided as the rule says: by the validation half and its standard error."""
    head = ["row", *HALVES, "less the default: validation", "standard error", "all", "95 %", "series won", "by sets"]
    out = []
    default = by_series(results, "window-neighbours")
    for row in (DEFAULT, "timercd", "subsequence-pca", *(r for r in COMBINED if r.startswith("ensemble"))):
        mine = by_series(results, row)
        keys = sorted(set(mine) & set(default))
        if not keys:
            continue
        gaps = np.array([mine[k] - default[k] for k in keys])
        decides = np.array([results.lines[row, *k]["half"] == "validation" for k in keys])
        found = mean_interval(gaps, n_resamples=5000)
        error = gaps[decides].std(ddof=1) / np.sqrt(decides.sum())
        cells = [short(mean(results.of(row, *ONE, half=h), "vus_pr")) for h in HALVES]
        sets = float(np.mean([mean(results.of(row, s), "vus_pr") for s in ONE]))
        more = ["", "", "", "", ""]
        if row != "window-neighbours":
            more = [f"{gaps[decides].mean():+.3f}", f"{error:.3f}", f"{gaps.mean():+.3f}",
                    between(found.low, found.high, "+.3f"), f"{int((gaps > 0).sum())} of {len(keys)}"]  # fmt: skip
        out.append([row, *cells, *more, short(sets)])
    return [head, *out]


def windows(results: Results) -> Table:
    """One length for all series, a random one, the automatic one, several joined, and the best of each series."""
    out = [["detector", *map(str, LENGTHS), "random", "automatic", "32, 64, 256 joined", "best of each series", "worst",
            "automatic less random", "95 %", "of the gap to the best", "joined less random", "95 %",
            "of the gap to the best"]]  # fmt: skip
    others = {
        "window-neighbours": (f"window-neighbours, {AUTOMATIC}", "window-neighbours"),
        "subsequence-pca": ("subsequence-pca", "subsequence-pca, 32/64/256"),
    }
    for name, rows in others.items():
        lengths = [by_series(results, f"{name}, {w} only") for w in LENGTHS]
        found = [by_series(results, row) for row in rows]
        keys = sorted(set(found[0]).intersection(found[1], *lengths))
        if not keys:
            continue
        grid = np.array([[one[k] for one in lengths] for k in keys])
        # A window drawn anew for each series: its mean, and how far such a mean strays.
        drawn = [
            grid[np.arange(len(keys)), np.random.default_rng(s).integers(len(LENGTHS), size=len(keys))].mean()
            for s in range(DRAWS)
        ]
        best = grid.max(axis=1).mean()
        chosen = [np.array([one[k] for k in keys]) for one in found]
        compared = []
        for one in chosen:
            gap = mean_interval(one - grid.mean(axis=1), n_resamples=5000)
            share = (one.mean() - grid.mean()) / (best - grid.mean())
            compared += [f"{one.mean() - grid.mean():+.3f}", between(gap.low, gap.high, "+.3f"), f"{share:.0%}"]
        out.append([
            name, *map(short, grid.mean(axis=0)), f"{short(grid.mean())} ± {short(float(np.std(drawn)))}",
            *(short(one.mean()) for one in chosen), short(best), short(grid.min(axis=1).mean()), *compared,
        ])  # fmt: skip
    return out


def by_series(results: Results, row: str) -> dict[tuple[str, str], float]:
    return {(line["set"], line["id"]): line["vus_pr"] for line in results.of(row, *ONE)}


# -------------------------------------------------------------------------------------------------- several channels


def rosa_modes(data: Path) -> dict[str, np.ndarray]:
    """At every row of a run, which fault was on."""
    rosa = [entry for entry in read_dataset(data / "rosa") if entry.split == "test"]
    return {entry.id: np.asarray(series_of(entry).meta["modes"]) for entry in rosa}


def rosa_loads(data: Path) -> dict[str, np.ndarray]:
    """At every row of a run, its lateral load; the reader gives a run's mean only."""
    with np.load(data / "rosa" / "rosa.npz", allow_pickle=False) as archive:
        return {name[:-2]: archive[name][:, 1] for name in archive.files if name.endswith(".y")}


def rosa_measures(lines: Sequence[dict[str, Any]], modes: dict[str, np.ndarray]) -> dict[str, float]:
    """AUROC of the rows of one fault, or all, against the healthy rows of all runs, pooled; and Spearman by fault.

    Spearman is between a run's mean score over its faulty rows and its fault's attribute: load, frequency, resistance
    (15 is healthy, so there a negative correlation is the right one).
    """
    mode = np.concatenate([modes[line["id"]] for line in lines])
    scores = np.concatenate([line["scores"] for line in lines])
    found = {"all": auc_roc(mode > 0, scores)}
    for number, kind in enumerate("NVD", start=1):
        wanted = (mode == 0) | (mode == number)
        found[kind] = auc_roc(mode[wanted] > 0, scores[wanted])
        graded = [line for line in lines if line["kind"] == kind and line["severity"] is not None]
        found[f"rho {kind}"] = spearman([line["severity"] for line in graded], [line["mean"] for line in graded])
    return found


def seven(results: Results, row: str, modes: dict[str, np.ndarray], ids: Ids, part: str = "") -> list[float]:
    """The seven means of a row over some series, of one half or of both."""
    rosa = rosa_measures(results.of(row, "rosa", half=part, ids=ids), modes)
    return [
        *(mean(results.of(row, s, half=part, ids=ids), "ap") for s in ("smd", "asd", "smap_msl")),
        mean(results.of(row, "skab", half=part, ids=ids), "auroc"),
        *(mean(results.of(row, "hpc_ldms", half=part, ids=ids), k) for k in ("auroc", "auroc_late")),
        rosa["all"],
    ]


def whole(results: Results) -> Ids:
    """All series with several channels."""
    return {(line["set"], line["id"]) for line in results.of("random", *MANY)}


def the_part(results: Results) -> Ids:
    """Those of them on which slow detectors are measured."""
    found, positions = set(), {}
    for line in results.of("random", *MANY):
        group = (line["set"], line["id"].split("/")[0] if line["set"] == "rosa" else "")
        position = positions.get(group, 0)
        positions[group] = position + 1
        if on_part(line["set"], position):
            found.add((line["set"], line["id"]))
    return found


def complete(results: Results, row: str, ids: Ids) -> bool:
    return all((row, *key) in results.lines for key in ids)


def several_channels(results: Results, asked: Sequence[str], modes: dict[str, np.ndarray], ids: Ids) -> Table:
    """Rows measured on all of `ids`, by means over these."""
    head = ["row", *HALVES, "all", "95 %", *SEVEN, "N", "V", "D", "rho N", "rho V", "rho D", "s per 10⁵ values"]
    out = []
    for row in asked:
        if not complete(results, row, ids):
            continue
        ranked, rng = Ranked(results, row, modes, ids), np.random.default_rng(0)
        low, high = np.quantile([ranked.mean(ranked.draw(rng)) for _ in range(RESAMPLES)], [0.025, 0.975])
        overall = [float(np.mean(seven(results, row, modes, ids, part))) for part in HALVES]
        means, rosa = seven(results, row, modes, ids), rosa_measures(results.of(row, "rosa", ids=ids), modes)
        columns = [*means, *(rosa[k] for k in ("N", "V", "D", "rho N", "rho V", "rho D"))]
        seconds = mean(results.of(row, "smd", ids=ids), "seconds")
        out.append([row, *map(short, overall), short(float(np.mean(means))), between(low, high), *map(short, columns),
                    f"{seconds / VALUES_OF_A_HOST * 1e5:.2g}"])  # fmt: skip
    return [head, *sorted(out, key=lambda cells: cells[1], reverse=True)]


def intervals(results: Results, asked: Sequence[str], modes: dict[str, np.ndarray], part: Ids) -> Table:
    """The mean of seven means of the default less that of other rows, series drawn anew within each set.

    Rows that were measured on a part only are compared there.
    """
    out = [["against", "on", "difference, mean of seven", "95 %", "validation alone", "its standard error"]]
    everything = whole(results)
    for ids, called in ((everything, "all series"), (part, "the part")):
        default = Ranked(results, DEFAULT, modes, ids)
        rng = np.random.default_rng(0)
        draws = [default.draw(rng) for _ in range(RESAMPLES)]
        early = [default.draw(rng, "validation") for _ in range(RESAMPLES)]
        for row in asked:
            if row == DEFAULT or not complete(results, row, ids):
                continue
            if called == "the part" and complete(results, row, everything):
                continue
            other = Ranked(results, row, modes, ids)
            gaps = [default.mean(d) - other.mean(d) for d in draws]
            first = np.std([default.mean(d) - other.mean(d) for d in early])
            low, high = np.quantile(gaps, [0.025, 0.975])
            value, alone = (
                default.mean(default.everything(half)) - other.mean(other.everything(half))
                for half in ("", "validation")
            )
            out.append([row, called, f"{value:+.3f}", between(low, high, "+.3f"), f"{alone:+.3f}", f"{first:.3f}"])
    return out


class Ranked:
    """What a row reached, in a form from which means over drawn series are quick.

    The pooled AUROC of RoSA is that of the share of pairs, run against run, that are in the right order.
    """

    COLUMNS = (("smd", "ap"), ("asd", "ap"), ("smap_msl", "ap"), ("skab", "auroc"), ("hpc_ldms", "auroc"),
               ("hpc_ldms", "auroc_late"))  # fmt: skip

    def __init__(self, results: Results, row: str, modes: dict[str, np.ndarray], ids: Ids) -> None:
        self.lines = {s: results.of(row, s, ids=ids) for s in MANY}
        self.values = [np.array([line[key] for line in self.lines[s]]) for s, key in self.COLUMNS]
        runs = [(np.asarray(line["scores"]), modes[line["id"]] > 0) for line in self.lines["rosa"]]
        healthy = [np.sort(scores[~faulty]) for scores, faulty in runs]
        self.pairs = np.array([[_wins(scores[faulty], other) for other in healthy] for scores, faulty in runs])
        self.faulty = np.array([faulty.sum() for _, faulty in runs], dtype=float)
        self.healthy = np.array([len(h) for h in healthy], dtype=float)

    def draw(self, rng: np.random.Generator, part: str = "") -> dict[str, np.ndarray]:
        """How often each series is drawn, by set."""
        found = {}
        for s, count in self.everything(part).items():
            places = np.flatnonzero(count)
            found[s] = np.bincount(rng.choice(places, len(places)), minlength=len(count)).astype(float)
        return found

    def everything(self, part: str = "") -> dict[str, np.ndarray]:
        return {s: np.array([float(part in ("", line["half"])) for line in lines]) for s, lines in self.lines.items()}

    def mean(self, drawn: dict[str, np.ndarray]) -> float:
        six = [values @ drawn[s] / drawn[s].sum() for values, (s, _) in zip(self.values, self.COLUMNS, strict=True)]
        w = drawn["rosa"]
        rosa = (w @ self.pairs @ w) / ((w @ self.faulty) * (w @ self.healthy))
        return float(np.mean([*six, rosa]))


def _wins(faulty: np.ndarray, healthy: np.ndarray) -> float:
    """Pairs in which the faulty row scores higher; ties count half."""
    below, not_above = (np.searchsorted(healthy, faulty, side=side) for side in ("left", "right"))
    return float((below + not_above).sum() / 2)


def severity(results: Results, asked: Sequence[str], modes: dict[str, np.ndarray], loads: Any) -> Table:
    """How scores under a lateral load follow the load: of runs by their means, and of rows, for it changes in a run.

    Intervals draw runs anew.
    """
    out = [["row", "runs: rho", "95 %", *HALVES, "rows: rho", "95 %", *HALVES, "rows of one run, mean rho"]]
    for row in asked:
        lines = [line for line in results.of(row, "rosa") if line["kind"] == "N"]
        if len(lines) < len([line for line in results.of("random", "rosa") if line["kind"] == "N"]):
            continue
        on = [modes[line["id"]] == 1 for line in lines]
        scores = [np.asarray(line["scores"])[o] for line, o in zip(lines, on, strict=True)]
        load = [loads[line["id"]][o] for line, o in zip(lines, on, strict=True)]
        if np.ptp(np.concatenate(scores)) == 0:
            continue
        means = np.array([[line["severity"], line["mean"]] for line in lines]).T
        # By ranks over all rows, a drawn sample's correlation is close to its own Spearman and quick.
        ranks = np.split(_ranks(np.concatenate(scores)), np.cumsum([len(x) for x in scores])[:-1])
        heights = np.split(_ranks(np.concatenate(load)), np.cumsum([len(x) for x in load])[:-1])

        def runs(i: Any, means: np.ndarray = means) -> float:
            return spearman(means[0, i], means[1, i])

        def rows(i: Any, ranks: Any = ranks, heights: Any = heights) -> float:
            return float(
                np.corrcoef(np.concatenate([heights[k] for k in i]), np.concatenate([ranks[k] for k in i]))[0, 1]
            )

        halves = [np.flatnonzero([line["half"] == h for line in lines]) for h in HALVES]
        cells = []
        for measure in (runs, rows):
            rng = np.random.default_rng(0)
            drawn = [measure(rng.integers(len(lines), size=len(lines))) for _ in range(RESAMPLES)]
            low, high = np.nanquantile(drawn, [0.025, 0.975])
            cells += [short(measure(np.arange(len(lines)))), between(low, high), *(short(measure(h)) for h in halves)]
        inside = [spearman(a, b) for a, b in zip(load, scores, strict=True) if np.ptp(b) > 0]
        out.append([row, *cells, short(float(np.mean(inside)))])
    return out


def _ranks(values: np.ndarray) -> np.ndarray:
    from scipy.stats import rankdata

    return np.asarray(rankdata(values))


# --------------------------------------------------------------------------------------------------- channels to blame


def causes(data: Path) -> Table:
    """Share of the channels to blame among as many (150 %: half as many more) named first, mean over events."""
    out = [["explanation", "set", "events", *HALVES, "all", "95 %", "150 %"]]
    for name in ("smd", "asd"):
        entries = list(read_dataset(data / name))
        hits: dict[str, list[tuple[str, float, float]]] = {"shipped": [], "plain abs z": [], "random": []}
        for position, entry in enumerate(sorted((e for e in entries if e.split == "test"), key=lambda e: e.id)):
            train = series_of(next(e for e in entries if e.group == entry.group and e.split == "train"))
            profile = ChannelProfile.fit([train.values])
            sample, truth = entry.load()
            assert isinstance(sample, Series)
            assert truth is not None
            rng = np.random.default_rng(position)
            centre, deviation = train.values.mean(axis=0), train.values.std(axis=0)
            for (start, stop), blame in zip(truth.intervals or (), truth.causes, strict=True):
                blamed = [sample.channels.index(c) for c in blame]
                if not blamed:
                    continue
                z = np.abs(sample.values[start:stop] - centre) / np.where(deviation > 0, deviation, 1.0)
                ranked = {
                    "shipped": unusual(profile, sample, start, stop).max(axis=0),
                    "plain abs z": z.max(axis=0),
                    "random": rng.random(len(sample.channels)),
                }
                for row, strangeness in ranked.items():
                    order = np.argsort(-strangeness, kind="stable")
                    share = [len({*order[: int(m * len(blamed))]} & {*blamed}) / len(blamed) for m in (1.0, 1.5)]
                    hits[row].append((half(position), *share))
        for row, found in hits.items():
            means = [float(np.mean([h for part, h, _ in found if part == wanted])) for wanted in HALVES]
            both = [float(np.mean([f[i] for f in found])) for i in (1, 2)]
            spread = mean_interval([f[1] for f in found], n_resamples=5000)
            out.append([row, name, str(len(found)), *map(short, means), short(both[0]),
                        between(spread.low, spread.high), short(both[1])])  # fmt: skip
    return out


def short(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.3f}".replace("0.", ".", 1)


def between(low: float, high: float, form: str = "") -> str:
    return f"{low:{form}} to {high:{form}}" if form else f"{short(low)} to {short(high)}"
