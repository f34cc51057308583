from __future__ import annotations

import numpy as np
import pytest

from tocsin.core.errors import InputError
from tocsin.nn import cosine_neighbours
from tocsin.nn.cosine_neighbours import nearest_by_cosine


def slow(queries, bank, k):
    similar, which = [], []
    for q in queries:
        all_of_them = [float(q @ b) / (np.linalg.norm(q) * np.linalg.norm(b)) for b in bank]
        order = sorted(range(len(bank)), key=lambda i: (-all_of_them[i], i))[:k]
        which.append(order)
        similar.append([all_of_them[i] for i in order])
    return np.array(similar), np.array(which)


@pytest.mark.parametrize("k", [1, 3, 50])
def test_same_as_one_by_one(k, monkeypatch):
    rng = np.random.default_rng(0)
    queries, bank = rng.normal(size=(23, 6)), rng.normal(size=(17, 6)) * 10.0 ** rng.normal(size=(17, 1))
    wanted = slow(queries, bank, k)
    monkeypatch.setattr(cosine_neighbours, "HELD", 40)  # a few queries at a time
    similar, which = nearest_by_cosine(queries, bank, k)
    assert (which == wanted[1]).all()
    np.testing.assert_allclose(similar, wanted[0], atol=1e-5)


def test_length_does_not_matter_and_zeros_have_no_direction():
    bank = np.array([[0.0, 0.0], [1.0, 1.0], [-1.0, 0.0]])
    one, two = (nearest_by_cosine(np.array([[3.0, 3.0]]) * factor, bank, 3) for factor in (1, 1e-6))
    assert one[1].tolist() == two[1].tolist() == [[1, 0, 2]]
    np.testing.assert_allclose(one[0], two[0], atol=1e-6)
    assert one[0][0, 1] == 0
    assert nearest_by_cosine(np.zeros((1, 2)), bank, 1)[0].item() == 0


def test_copies_come_in_the_order_of_the_bank():
    _, which = nearest_by_cosine(np.ones((1, 3)), np.ones((5, 3)), 2)
    assert which.tolist() == [[0, 1]]


def test_what_cannot_be_compared_is_refused():
    for queries, bank, k in ((np.ones((1, 2)), np.ones((1, 3)), 1), (np.ones((1, 2)), np.ones((0, 2)), 1)):
        with pytest.raises(InputError, match="rows of one length"):
            nearest_by_cosine(queries, bank, k)
    with pytest.raises(InputError, match="k=0"):
        nearest_by_cosine(np.ones((1, 2)), np.ones((1, 2)), 0)
