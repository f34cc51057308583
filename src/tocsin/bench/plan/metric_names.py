"""The metrics of a suite, checked before anything runs."""

from __future__ import annotations

from tocsin.bench.evaluate import choose
from tocsin.bench.evaluate.pictures import picture_metrics
from tocsin.core.errors import InputError
from tocsin.core.registry import nearest

# Of parts that several pictures show, such as the five views of Real-IAD.
PART_METRICS = ("part_auroc", "part_ap")
SEVERITY = ("c_index", "c_index_anomalous", "kendall_tau_b", "spearman", "auroc")


def check_metrics(modality: str, names: str) -> str:
    """Return the names of metrics, with commas.

    Raises
    ------
    InputError
        If one is unknown, or cannot be computed from scores and truth alone.

    Examples
    --------
    >>> check_metrics("series", "auc_roc, pate")
    'auc_roc,pate'
    """
    if modality == "severity":
        found = [name.strip() for name in names.split(",") if name.strip()]
        unknown = next((name for name in found if name not in SEVERITY), None)
        if unknown is not None:
            raise InputError(f"there is no metric {unknown!r} for severity{nearest(unknown, SEVERITY)}")
    else:
        parts = [name.strip() for name in names.split(",") if modality == "image" and name.strip() in PART_METRICS]
        rest = ",".join(name for name in names.split(",") if name.strip() not in parts)
        try:
            found = [chosen.name for chosen in choose(modality, rest)] if rest.strip() or not parts else []
        except InputError as error:
            raise InputError(str(error).replace("--metrics ", "").replace(" with --threshold", "")) from None
        if modality == "image":
            known = picture_metrics()
            unknown = next((name for name in found if name not in known), None)
            if unknown is not None:
                raise InputError(f"{unknown} is not computed in suites{nearest(unknown, (*known, *PART_METRICS))}")
            found += parts
    if not found:
        raise InputError(f"no metric is named for {modality}")
    return ",".join(found)
