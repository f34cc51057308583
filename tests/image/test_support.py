from __future__ import annotations

import numpy as np
import pytest

from tocsin.core.errors import InputError
from tocsin.image import _support
from tocsin.image._support import support_distances, supported


def naive(cells, owners, pictures):
    """Each patch against each picture."""
    found = []
    for cell, owner in zip(cells, owners, strict=True):
        others = sorted({*owners.tolist()} - {int(owner)})
        nearest = sorted(min(np.linalg.norm(cell - c) for c in cells[owners == other]) for other in others)
        found.append(nearest[min(pictures, len(others)) - 1])
    return np.array(found)


def some(seed=0, count=70, pictures=6):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, 5)), rng.integers(0, pictures, count) * 3 + 1


@pytest.mark.parametrize("pictures", [1, 2, 4, 99])
def test_distances_are_those_of_the_definition(pictures, monkeypatch):
    cells, owners = some()
    wanted = naive(cells, owners, pictures)
    np.testing.assert_allclose(support_distances(cells, owners, pictures), wanted, rtol=1e-4, atol=1e-4)
    monkeypatch.setattr(_support, "HELD", 5 * len(cells))  # in chunks of five
    np.testing.assert_allclose(support_distances(cells, owners, pictures), wanted, rtol=1e-4, atol=1e-4)


def test_neither_order_nor_names_of_pictures_matter():
    cells, owners = some(1)
    before = support_distances(cells, owners, 2)
    order = np.random.default_rng(2).permutation(len(cells))
    np.testing.assert_allclose(support_distances(cells[order], 100 - owners[order], 2), before[order], rtol=1e-5)


def test_the_share_asked_for_is_left_out_and_it_is_the_least_supported():
    cells, owners = some(3)
    far = naive(cells, owners, 2)
    kept = supported(cells, owners, 0.2)
    assert (~kept).sum() == 14
    assert far[~kept].min() >= far[kept].max() - 1e-4
    assert supported(cells, owners, 0.0).all()


def surface(rng, defects):
    """Patches of one picture: many of what every picture shows, perhaps ten alike of one of several kinds of defect."""
    normal = rng.normal(scale=0.3, size=(50, 6)) + np.eye(6)[rng.integers(0, 6, 50)] * 3
    if not defects:
        return normal
    kind = np.random.default_rng(rng.integers(8)).normal(size=6)
    return np.concatenate([normal[10:], 6 * kind / np.linalg.norm(kind) + rng.normal(scale=0.2, size=(10, 6))])


def test_a_memory_that_doubts_loses_less_to_unmarked_defects():
    """Over five seeds: plain nearest neighbours get worse with every defect among the training pictures."""
    from tocsin.metrics.ranks import Ranking

    shares, plain, careful = (0.0, 0.1, 0.3), [], []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        test = [surface(rng, number >= 40) for number in range(80)]
        for share in shares:
            train = [surface(rng, number < round(share * 30)) for number in range(30)]
            cells, owners = np.concatenate(train), np.repeat(np.arange(30), 50)
            for out, keep in ((plain, np.ones(len(cells), bool)), (careful, supported(cells, owners, 0.1))):
                bank = cells[keep]
                far = [np.sort(np.linalg.norm(t[:, None] - bank[None], axis=2).min(axis=1))[-3:].mean() for t in test]
                out.append(Ranking.from_scores(np.arange(80) >= 40, np.array(far)).auroc())
    plain, careful = (np.reshape(found, (5, 3)).mean(axis=0) for found in (plain, careful))
    assert plain[0] > plain[1] > plain[2]
    assert careful[1] > plain[1] + 0.05
    assert careful[2] > plain[2] + 0.05
    assert careful[0] > 0.95


def test_what_cannot_be_counted_is_refused():
    with pytest.raises(InputError, match="all patches are of one"):
        support_distances(np.zeros((4, 2)), np.zeros(4, dtype=int), 1)
    with pytest.raises(InputError, match="an owner per patch"):
        support_distances(np.zeros((4, 2)), np.zeros(3, dtype=int), 1)
    with pytest.raises(InputError, match="is no share of the patches"):
        supported(np.zeros((4, 2)), np.arange(4), 1.0)
