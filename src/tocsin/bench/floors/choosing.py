"""Which floors stand beside which data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tocsin.bench.plan.detector_choice import DetectorChoice

if TYPE_CHECKING:
    from tocsin.bench.plan.facts import Facts

_HERE = "tocsin.bench.floors"
_TARGETS = {
    "random": f"{_HERE}.random_scores:RandomScores",
    "constant": f"{_HERE}.constant_scores:ConstantScores",
    "first-difference": f"{_HERE}.first_difference:FirstDifference",
    "frequency-prior": f"{_HERE}.frequency_prior:FrequencyPrior",
    "unseen-bag": f"{_HERE}.unseen_bag:UnseenBag",
    "brightness-and-centre": f"{_HERE}.brightness_and_centre:BrightnessAndCentre",
}
# The cheap tricks: where one of them does as well as the best detector, the data set is trivial.
CHEAP = tuple(name for name in _TARGETS if name not in ("random", "constant"))


def floors_for(facts: Facts) -> list[DetectorChoice]:
    """Return the floors of a kind of data.

    Examples
    --------
    >>> from tocsin.bench.plan.facts import Facts
    >>> [floor.family for floor in floors_for(Facts("events", traces=True))]
    ['random', 'constant', 'unseen-bag']
    """
    tricks = {
        "series": "first-difference",
        "events": "unseen-bag" if facts.traces else "frequency-prior",
        "image": "brightness-and-centre",
    }
    names = ["random", "constant", *([tricks[facts.modality]] if facts.modality in tricks else [])]
    return [DetectorChoice(name, _TARGETS[name], floor=True) for name in names]
