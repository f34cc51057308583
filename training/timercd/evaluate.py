"""Measure TimeRCD on 48 labelled series, beside plain methods under the same post-filters.

    python training/timercd/evaluate.py DATA -o results.json                  # the weights that ship
    python training/timercd/evaluate.py DATA -w runs/out -o results.json      # others
    python training/timercd/evaluate.py DATA --choose                         # settings, on the validation half only

VUS-PR is TSB-AD's (250 thresholds, buffer from the autocorrelation of each series); average precision and AUROC come
without any point adjustment. Rows that stand in the results file already are not measured again. Series are scored
whole; nothing is fitted on labels, and only sub-PCA is fitted on the series at all.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
from labelled import Labelled, read

from tocsin.core.types import FloatArray
from tocsin.core.windows import running_max, running_sum
from tocsin.metrics.bootstrap import paired_bootstrap
from tocsin.metrics.ranks import Ranking
from tocsin.metrics.series import vus_pr
from tocsin.series.spectral_residual import SpectralResidual
from tocsin.series.subsequence_pca import SubsequencePCA
from tocsin.series.timercd import weights

NET, NETS = "timercd", "networks"
MARKS = ("<!-- measured: evaluate.py writes this part -->", "<!-- end of the measured part -->")
GROUPS = ("nab", "kpi_netman", "ecg_sed", "ucr_anomaly")
RIVALS = ("absolute z", "first difference", "spectral residual (paper)", "spectral residual", "sub-PCA")
SCALE_SETS = ((1,), (1, 2), (1, 2, 4), (1, 2, 4, 8), (1, 2, 4, 8, 16), (1, 2, 4, 8, 16, 32), (2, 4, 8), (1, 4, 16))

Scorer = Callable[[Labelled], FloatArray]


def main() -> None:
    """Read the command line, measure and print."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("data", type=Path, help="the folder with nab, kpi_netman, ecg_sed and ucr_anomaly")
    asked.add_argument("-w", "--weights", default="small")
    asked.add_argument("--label", help="the row's name; timercd for the weights that ship")
    asked.add_argument("-o", "--out", type=Path, default=Path("timercd-results.json"))
    asked.add_argument("--card", type=Path, help="a model card whose measured part is written anew")
    asked.add_argument("--choose", action="store_true", help="compare settings on the validation half")
    asked.add_argument("--net-only", action="store_true", help="leave the plain methods out")
    given = asked.parse_args()
    series = read(given.data)
    if given.choose:
        choose(series, given.weights)
        return
    results = json.loads(given.out.read_text()) if given.out.exists() else {}
    measure(series, {} if given.net_only else plain(), results, given.out)
    net, stamp = (
        given.label or (NET if given.weights == "small" else f"{NET} {given.weights}"),
        fingerprint(given.weights),
    )
    if results.setdefault(NETS, {}).get(net) != stamp:
        results = {k: v for k, v in results.items() if not k.startswith(f"{net} |")}
        results[NETS][net] = stamp
    measure(series, {net: network(given.weights)}, results, given.out)
    told = table(series, results) + "\n\n" + comparisons(series, results, net)
    print(told)
    if given.card is not None:
        rewrite(given.card, told)


def rewrite(card: Path, told: str) -> None:
    """Put what was measured between the marks of a model card."""
    before, _, rest = card.read_text().partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    card.write_text(f"{before}{MARKS[0]}\n{told}\n{MARKS[1]}{after}")


# ---------------------------------------------------------------- scorers


def plain() -> dict[str, Scorer]:
    """The rows that any detector has to be held against; seeds are fixed."""
    return {
        "random": lambda s: np.random.default_rng(0).random(len(s.values)),
        "constant": lambda s: np.zeros(len(s.values)),
        "absolute z": lambda s: np.abs(s.values - s.values.mean()),
        "first difference": lambda s: np.abs(np.diff(s.values, prepend=s.values[0])),
        "spectral residual (paper)": lambda s: local(SpectralResidual(faithful=True), s),
        "spectral residual": lambda s: local(SpectralResidual(), s),
        "sub-PCA": lambda s: local(SubsequencePCA(window=int(np.clip(s.buffer, 8, 128))), s),
    }


def local(detector: SpectralResidual | SubsequencePCA, series: Labelled) -> FloatArray:
    """Scores of a detector that looks at the series itself, without labels."""
    found = detector.fit_score(series.values).local
    assert found is not None
    return found


def network(source: str) -> Scorer:
    """The network with given weights."""
    from tocsin.series.timercd.scoring import logits

    read_weights = weights.read(source)
    net = weights.build(read_weights)
    # Logits keep apart what probabilities in single precision would round to one; the order is the same.
    return lambda s: logits(net, s.values[:, None], read_weights.settings)[:, 0]


def fingerprint(source: str) -> str:
    """Say which weights and settings these are, so that old rows are not taken for new ones."""
    found = weights.read(source)
    digest = hashlib.sha256(json.dumps(found.settings.to_dict()).encode())
    for name in sorted(found.arrays):
        digest.update(found.arrays[name].tobytes())
    return digest.hexdigest()[:16]


# ---------------------------------------------------------------- filters


def mean25(scores: FloatArray) -> FloatArray:
    """Mean of 25 places."""
    return centred(scores, 25, lambda x: running_sum(x, 25) / 25)


def wide100(scores: FloatArray) -> FloatArray:
    """Fits windows that cover a tenth of a file whatever happened; a row of its own, never a default."""
    widest = centred(scores, 100, lambda x: running_max(x, 100))
    return centred(widest, 100, lambda x: running_sum(x, 100) / 100)


def centred(scores: FloatArray, width: int, rule: Callable[[FloatArray], FloatArray]) -> FloatArray:
    """A running rule whose result belongs to the middle of each window, ends held."""
    before = width // 2
    return rule(np.pad(np.asarray(scores, dtype=np.float64), (before, width - 1 - before), mode="edge"))


FILTERS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "raw": lambda x: np.asarray(x, dtype=np.float64),
    "mean of 25": mean25,
    "wide 100": wide100,
}


# -------------------------------------------------------------- measuring


def judged(series: Labelled, scores: FloatArray) -> list[float]:
    """VUS-PR, average precision and AUROC."""
    ranking = Ranking.from_scores(series.labels.astype(int), scores)
    volume = vus_pr(series.labels.astype(int), scores, max_window=series.buffer, definition="tsb-ad")
    return [float(volume), float(ranking.average_precision()), float(ranking.auroc())]


def measure(series: list[Labelled], scorers: dict[str, Scorer], results: dict, out: Path) -> None:
    """Add what is missing to `results`, writing after every row."""
    for row, scorer in scorers.items():
        for one in series:
            keys = {f: f"{row} | {f} | {one.group}/{one.name}" for f in FILTERS}
            if all(key in results for key in keys.values()):
                continue
            scores = scorer(one)
            for name, key in keys.items():
                results[key] = judged(one, FILTERS[name](scores))
        out.write_text(json.dumps(results, indent=0))


def column(series: list[Labelled], results: dict, row: str, kind: str, which: int = 0) -> FloatArray:
    """One number of every series: 0 VUS-PR, 1 average precision, 2 AUROC."""
    return np.array([results[f"{row} | {kind} | {s.group}/{s.name}"][which] for s in series])


def table(series: list[Labelled], results: dict) -> str:
    """Markdown: means over series, over each half, over each set, and over the four sets."""
    lines = [
        "| method | filter | VUS-PR | AP | AUROC | validation | test | nab | kpi | ecg | ucr | mean of sets | AP kpi |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    half = np.array([s.half for s in series])
    group = np.array([s.group for s in series])
    for kind in FILTERS:
        for row in [*plain(), *sorted(results[NETS])]:
            try:
                volume, precision, area = (column(series, results, row, kind, i) for i in range(3))
            except KeyError:
                continue
            sets = [volume[group == g].mean() for g in GROUPS]
            numbers = [volume.mean(), precision.mean(), area.mean(), volume[half == "validation"].mean()]
            numbers += [volume[half == "test"].mean(), *sets, np.mean(sets), precision[group == "kpi_netman"].mean()]
            lines.append(f"| {row} | {kind} | " + " | ".join(f"{v:.3f}".lstrip("0") for v in numbers) + " |")
    return "\n".join(lines)


def comparisons(series: list[Labelled], results: dict, net: str) -> str:
    """Paired differences of VUS-PR over series with 95 % intervals, the same filter on both."""
    lines = [f"| {net} against | " + " | ".join(FILTERS) + " |", "|---|" + "---|" * len(FILTERS)]
    for rival in RIVALS:
        cells = []
        for kind in FILTERS:
            try:
                ours, theirs = (column(series, results, row, kind) for row in (net, rival))
            except KeyError:
                break
            told = paired_bootstrap(lambda g, x=ours: x[g].mean(), lambda g, x=theirs: x[g].mean(), len(series))
            cells.append(str(told.difference))
        lines.append(f"| {rival} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


# --------------------------------------------------------------- choosing


def choose(series: list[Labelled], source: str) -> None:
    """Print the mean VUS-PR of every set of scales and filter, on the validation half; overlap a half and a quarter."""
    from dataclasses import replace

    from tocsin.series.timercd.scales import coarsen, refine, usable
    from tocsin.series.timercd.scoring import at_one_scale

    read_weights = weights.read(source)
    net = weights.build(read_weights)
    known = sorted({k for scales in SCALE_SETS for k in scales})
    found: dict[tuple[float, tuple[int, ...], str], list[float]] = {}
    for one in [s for s in series if s.half == "validation"]:
        values, n = one.values[:, None], len(one.values)
        for overlap in (0.5, 0.25):
            settings = replace(read_weights.settings, overlap=overlap)
            at = {k: refine(at_one_scale(net, coarsen(values, k), settings), k, n)[:, 0] for k in usable(n, known)}
            for scales in SCALE_SETS:
                scores = np.mean([at[k] for k in scales if k in at], axis=0)
                for kind in ("raw", "mean of 25"):
                    found.setdefault((overlap, scales, kind), []).append(judged(one, FILTERS[kind](scores))[0])
    for (overlap, scales, kind), values in found.items():
        print(
            f"overlap {overlap}, scales {scales}, {kind}: {np.mean(values):.4f} over {len(values)} series", flush=True
        )


if __name__ == "__main__":
    main()
