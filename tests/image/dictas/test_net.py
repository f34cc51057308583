"""The nets, lookups and losses of DictAS, by the golden values of its sheet and by what must hold."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tocsin.image.dictas.descriptors import tokens  # noqa: E402
from tocsin.image.dictas.dictionary import Dictionary, PlainDictionary  # noqa: E402
from tocsin.image.dictas.episode import Episode  # noqa: E402
from tocsin.image.dictas.lookup import pooled, retrieve, shares, unlikeness  # noqa: E402
from tocsin.image.dictas.losses import contrast_loss, query_loss, text_loss  # noqa: E402
from tocsin.image.dictas.matcher import Matcher, around  # noqa: E402
from tocsin.image.dictas.text_head import TextHead  # noqa: E402


def cosines(shape, step):
    return torch.from_numpy(np.cos(step * np.arange(np.prod(shape))).reshape(shape)).float()


def filled(net, strength=0.2):
    """The net with weights that anyone can write down: every matrix is strength x sin(1, 2, 3, ...)."""
    for module in net.modules():
        if isinstance(module, torch.nn.Linear) and module.bias is not None:
            torch.nn.init.zeros_(module.bias)
    for parameter in net.requires_grad_(False).parameters():
        if parameter.dim() > 1:
            sines = np.sin(np.arange(parameter.numel()) + 1)
            parameter.copy_(torch.from_numpy(strength * sines).reshape(parameter.shape))
    return net.eval()


@pytest.fixture(scope="module")
def dictionary():
    return filled(Dictionary(8))


@pytest.fixture(scope="module")
def query():
    return cosines((1, 16, 8), 0.3)


@pytest.fixture(scope="module")
def reference():
    return cosines((1, 16, 8), 0.37)


def grid(sequence):
    return sequence.transpose(1, 2).reshape(1, 8, 4, 4)


def near(values, wanted, tolerance=2e-6):
    np.testing.assert_allclose(values.detach().numpy().ravel(), wanted, atol=tolerance)


def test_generators_give_the_sheets_values(dictionary, query, reference):
    near(dictionary.queries(query)[0, 0, :3], [0.0562286, -0.2677875, 0.0216976])
    near(dictionary.keys(reference)[0, 0, :3], [0.0534472, -0.2600440, 0.0222257])
    near(dictionary.values(reference)[0, 0, :3], [1.0534471, 0.6722833, 0.7606943])


def test_the_lookup_gives_the_sheets_values(dictionary, query, reference):
    given = dictionary.queries(query), dictionary.keys(reference)
    found = retrieve(*given, dictionary.values(reference))
    near(found.sum(), [0.1097507], 2e-5)
    near(found[0, 0, :3], [0.6635045, 0.4667995, 0.5707492])
    assert (shares(*given)[0] > 0).sum(dim=1)[:6].tolist() == [12, 14, 16, 15, 12, 13]


def test_maps_and_losses_are_those_of_the_sheet(dictionary, query, reference):
    episode = Episode(dictionary, zeros=True).eval()
    found, _ = episode.unlike([grid(query)], [grid(reference)])
    maps = [d[0] / 2 for d in found]
    near(torch.stack([m.mean() for m in maps]), [0.2251970, 0.4395612])
    near(maps[0][:3], [0.0197425, 0.1163898, 0.7076765])
    near(maps[1][:3], [0.4092160, 0.6182610, 0.4486748])
    strange = torch.zeros(1, 16, dtype=torch.bool)
    strange[0, :2] = True
    near(sum(contrast_loss(d, strange) for d in found), [0.3591560])
    near(sum(query_loss(d, strange) for d in found), [1.3532174], 4e-6)
    masks = torch.zeros(1, 4, 4)
    masks[0, 0, :2] = 1
    near(episode.loss([grid(query)], [grid(reference)], masks), [1.3532174 + 0.1 * 0.3591560], 4e-6)


def test_sizes_at_the_published_width():
    dictionary, head = Dictionary(1024), TextHead(1024, 4, 768)
    counts = [sum(p.numel() for p in net.parameters()) for net in (dictionary.query, dictionary, head)]
    assert counts == [6_297_600, 18_892_800, 2_492_161]
    assert round((counts[1] + counts[2]) / 1e6, 2) == 21.38


def naive_shares(fit):
    """The threshold by trying all sizes of the support, row by row."""
    out = np.zeros_like(fit)
    for row, values in enumerate(fit):
        ordered = np.sort(values)[::-1]
        for count in range(len(values), 0, -1):
            threshold = (ordered[:count].sum() - 1) / count
            if ordered[count - 1] > threshold:
                out[row] = np.maximum(values - threshold, 0)
                break
    return out


@pytest.mark.parametrize("expected", [None, 2, 64])
def test_shares_are_those_of_the_definition(expected):
    rng = np.random.default_rng(0)
    queries, keys = rng.normal(size=(30, 16)) * 3, rng.normal(size=(90, 16))
    found = shares(torch.from_numpy(queries), torch.from_numpy(keys), expected=expected).numpy()
    np.testing.assert_allclose(found, naive_shares(queries @ keys.T / 4), atol=1e-10)
    assert (found == 0).mean() > 0.5


def test_large_fits_tend_to_the_nearest_entry_and_barred_ones_are_left():
    rng = np.random.default_rng(1)
    queries, keys = (torch.from_numpy(rng.normal(size=(n, 8))) for n in (20, 40))
    best = shares(queries, keys, "nearest")
    np.testing.assert_array_equal(shares(1e6 * queries, keys), best)
    found = shares(queries, keys, barred=best.bool())
    assert float((found * best).sum()) == 0
    np.testing.assert_allclose(found.sum(dim=1), 1)


@pytest.mark.parametrize("sharing", ["dense", "nearest"])
def test_copies_of_a_reference_change_nothing_where_shares_are_not_sparse(sharing):
    references, given = [cosines((1, 8, 4, 4), 0.37)], [cosines((1, 8, 4, 4), 0.3)]
    once = Matcher(PlainDictionary(), references, sharing=sharing)(given)
    twice = Matcher(PlainDictionary(), references * 2, sharing=sharing)(given)
    np.testing.assert_allclose(once, twice, atol=1e-6)


def test_copies_of_a_reference_make_sparse_shares_sparser_as_if_fits_were_doubled():
    """The simplex has more corners then: of m copies each takes a part of what sparsemax gives to m times the fit."""
    rng = np.random.default_rng(3)
    queries, keys = (torch.from_numpy(rng.normal(size=(n, 8))) for n in (20, 40))
    twice = shares(queries, torch.cat([keys, keys]))
    np.testing.assert_allclose(twice[:, :40] + twice[:, 40:], shares(2 * queries, keys), atol=1e-12)


def test_a_reference_finds_itself_where_fits_are_sharp():
    rng = np.random.default_rng(0)
    reference = torch.from_numpy(rng.normal(size=(1, 256, 5, 6))).float()
    other = torch.from_numpy(rng.normal(size=(1, 256, 5, 6))).float()
    matcher = Matcher(PlainDictionary(), [reference, other], scales=(1,))
    assert float(matcher([reference]).max()) < 1e-5
    assert float(matcher([torch.roll(reference, 1, dims=1)]).min()) > 0.2


def test_a_trained_matcher_judges_pictures_after_the_values_generator(dictionary, query, reference):
    """At inference patches pass through the generator of values; references enter raw."""
    matcher = Matcher(dictionary, [grid(reference)], zeros=True)
    episode = Episode(dictionary, zeros=True).eval()
    episode.second = True
    found, _ = episode.unlike([grid(query)], [grid(reference)])
    np.testing.assert_allclose(matcher([grid(query)]).flatten(), torch.stack(found).mean(0)[0] / 2, atol=1e-6)


def test_references_of_several_sizes_are_one_sequence(dictionary, query, reference):
    wide = cosines((1, 8, 2, 5), 0.41)
    matcher = Matcher(dictionary, [grid(reference), wide], scales=(1,))
    joined = torch.cat([reference, tokens(wide)], dim=1)
    np.testing.assert_allclose(matcher.get_buffer("keys_0_1"), dictionary.keys(joined)[0], atol=1e-6)


def test_pooling_at_the_edge():
    cells = torch.arange(12.0).reshape(1, 1, 3, 4)
    assert float(pooled(cells, 3, zeros=True)[0, 0, 0, 0]) == pytest.approx((0 + 1 + 4 + 5) / 9)
    assert float(pooled(cells, 3)[0, 0, 0, 0]) == pytest.approx((0 + 1 + 4 + 5) / 4)
    assert float(pooled(cells, 2)[0, 0, 2, 3]) == 11  # an even window reaches right and down
    np.testing.assert_array_equal(pooled(cells, 1), cells)


def test_losses_with_no_defect_and_without_violation():
    unlike = torch.tensor([[0.1, 0.2, 0.9], [0.4, 0.4, 0.4], [0.5, 0.5, 0.2]])
    strange = torch.tensor([[False, False, True], [False, False, False], [False, False, True]])
    assert float(contrast_loss(unlike, strange)) == pytest.approx(0.3, abs=1e-5)  # only the third picture violates
    assert float(contrast_loss(unlike[:2], strange[:2])) == 0
    assert float(query_loss(unlike, strange)) == pytest.approx((0.15 + 0.4 + 0.5) / 3, abs=1e-5)
    assert float(unlikeness(torch.ones(1, 3), -torch.ones(1, 3))) == pytest.approx(2)


def test_words_pull_what_was_found_to_normal_and_what_was_seen_to_its_state():
    words = torch.eye(2)[None]
    normal, damaged = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    marked = torch.tensor([True])
    assert float(text_loss(damaged, normal, words, marked)) < 1e-6
    assert float(text_loss(normal, normal, words, marked)) == pytest.approx(100)
    assert float(text_loss(damaged, damaged, words, marked)) == pytest.approx(100)


def test_around_bars_neighbours_and_never_everything():
    near_by = around(3, 3, 1)
    assert near_by[0].reshape(3, 3).int().tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 0]]
    assert not near_by[4].any()
