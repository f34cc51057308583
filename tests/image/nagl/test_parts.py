"""The parts of NAGL against published numbers, slow twins and invariances."""

from __future__ import annotations

import numpy as np
import pytest

from tocsin.core.errors import ArtifactError, InputError

torch = pytest.importorskip("torch")
pytest.importorskip("cv2")

from torch import nn  # noqa: E402

from tocsin.image.nagl.comparing import fused, top_mean, with_normals, with_proxies  # noqa: E402
from tocsin.image.nagl.episodes import cell_mask, draw, made_source, textures  # noqa: E402
from tocsin.image.nagl.families import KINDS, Family  # noqa: E402
from tocsin.image.nagl.grouping import grouped  # noqa: E402
from tocsin.image.nagl.learning import judged, learn, loss_of, mined_from  # noqa: E402
from tocsin.image.nagl.losses import map_losses, picture_loss, ranking_loss  # noqa: E402
from tocsin.image.nagl.net import NAGLNet, built, positions  # noqa: E402

SIZES = {"channels": 16, "proxies": 5, "heads": 4}


def cosfill(shape, step):
    return torch.from_numpy(np.cos(step * np.arange(np.prod(shape))).reshape(shape))


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# ------------------------------------------------------------- published numbers


def test_the_published_similarities_and_residuals():
    similar, left = with_normals(cosfill((4, 384), 0.3), cosfill((4, 384), 0.31), "dot")
    assert np.allclose(similar, [0.6563172, 0.7368170, 0.3383487, 0.6610621], atol=1e-6)
    assert np.allclose(left.norm(dim=1), [16.249846, 14.235029, 22.499142, 16.135813], atol=1e-5)


def test_the_published_number_of_parameters():
    net = NAGLNet(384, 25)
    assert sum(p.numel() for p in net.parameters()) == 2_378_112
    with pytest.raises(InputError, match="multiple of 4"):
        NAGLNet(30)


def test_perfect_maps_have_the_published_losses_and_not_zero():
    masks = torch.zeros(2, 4, 4)
    masks[0, 0] = 1
    focal, overlap = map_losses(1 - masks, masks, masks)
    assert (float(focal), float(overlap)) == pytest.approx((0.0678146, 0.7677903), abs=1e-6)
    # Worse maps cost more, which is all that can be said.
    worse = map_losses(0.5 + 0 * masks, 0.5 + 0 * masks, masks)
    assert worse[0] > focal
    assert worse[1] > overlap
    logits = torch.tensor([[0.8, 0.2], [0.3, 0.7]])
    assert float(picture_loss(torch.tensor([0.2, 0.7]), torch.tensor([0, 1]))) == pytest.approx(
        float(-logits.log_softmax(1)[[0, 1], [0, 1]].mean()), abs=1e-6
    )


def test_a_marked_corner_marks_its_own_patch_and_as_published_the_next():
    mask = np.zeros((28, 28), dtype=bool)
    mask[13, 13] = True
    assert cell_mask(mask, (2, 2)).tolist() == [[True, False], [False, False]]
    assert cell_mask(mask, (2, 2), faithful=True).tolist() == [[False, False], [False, True]]
    rng = np.random.default_rng(0)
    mask = rng.random((30, 44)) < 0.01
    blocks = mask.reshape(6, 5, 11, 4).any(axis=(1, 3))
    assert (cell_mask(mask, (6, 11)).numpy() == blocks).all()


# ------------------------------------------------------------------- comparing


def test_a_normal_patch_is_wholly_similar_and_leaves_nothing():
    bank = noise(9, 16)
    similar, left = with_normals(bank[[4, 2]], bank)
    assert np.allclose(similar, 1, atol=1e-6)
    assert float(left.abs().max()) < 1e-6
    # By the raw product a long patch is nearest to everything that points a little its way.
    long = torch.cat([bank, 50 * bank[:1]])
    patch = bank[4:5] + bank[:1]
    assert float(with_normals(patch, long, "dot")[1].norm()) > 10 * float(with_normals(patch, long)[1].norm())


def test_similarity_is_that_of_the_slow_twin():
    query, bank, proxies = noise(5, 16), noise(7, 16, seed=1), noise(3, 16, seed=2)

    def cosine(a, b):
        return float((a * b).sum() / (a.norm() * b.norm()))

    similar, _ = with_normals(query, bank)
    slow = [max((1 + cosine(q, b)) / 2 for b in bank) for q in query]
    assert np.allclose(similar, slow, atol=1e-6)
    slow_like = [np.mean([(1 + cosine(q, p)) / 2 for p in proxies]) for q in query]
    assert np.allclose(with_proxies(query, proxies), slow_like, atol=1e-6)
    assert np.allclose(fused(similar, with_proxies(query, proxies)), (np.array(slow_like) + 1 - slow) / 2, atol=1e-6)
    assert top_mean(torch.arange(100.0)[None], 0.02).tolist() == [98.5]


# ------------------------------------------------------------------------- net


def test_the_layers_are_attention_and_normalisation_in_the_published_order():
    net = built(SIZES, 0, random=True).eval()
    keys, values = noise(1, 6, 16, seed=1), noise(1, 6, 16, seed=2)
    hidden = torch.tensor([[True, False, False, True, False, False]])

    def attention(layer, query, key, value, mask):
        weight, bias = layer.in_proj_weight, layer.in_proj_bias
        q, k, v = (
            x @ weight[16 * n : 16 * n + 16].T + bias[16 * n : 16 * n + 16] for n, x in enumerate((query, key, value))
        )
        heads = []
        for h in range(4):
            part = slice(4 * h, 4 * h + 4)
            logits = q[..., part] @ k[..., part].transpose(1, 2) / 2
            logits = logits + (0 if mask is None else -1e9 * mask[:, None].float())
            heads.append(logits.softmax(-1) @ v[..., part])
        return torch.cat(heads, -1) @ layer.out_proj.weight.T + layer.out_proj.bias

    def normal(x):
        return nn.functional.layer_norm(x, (16,))

    with torch.no_grad():
        proxies = net.proxies.weight[None]
        first = normal(proxies + attention(net.mining.cross, proxies, keys + 0.1, values, hidden))
        slow = normal(first + attention(net.mining.own, first, first, first, None))
        found = net.mine(keys, values, torch.full((1, 6, 16), 0.1), hidden)
    assert torch.allclose(found, slow, atol=1e-5)


def test_hidden_patches_are_as_good_as_absent_and_order_does_not_matter():
    net = built(SIZES, 3, random=True).eval()
    features, residuals, places = noise(1, 8, 16), noise(1, 8, 16, seed=1), positions(2, 4, 16)[None]
    hidden = torch.tensor([[False, True, True, False, False, True, False, False]])
    kept = ~hidden[0]
    with torch.no_grad():
        whole = net.mine(features, residuals, places, hidden)
        alone = net.mine(features[:, kept], residuals[:, kept], places[:, kept])
        order = torch.tensor([3, 0, 4, 1, 2])
        turned = [t[:, kept][:, order] for t in (features, residuals, places)]
        assert torch.allclose(whole, alone, atol=1e-6)
        assert torch.allclose(alone, net.mine(*turned), atol=1e-6)
        # Episodes of a batch never meet each other's masks.
        both = net.mine(features.expand(2, -1, -1), residuals.expand(2, -1, -1), places.expand(2, -1, -1),
                        torch.cat([hidden, ~hidden]))  # fmt: skip
        assert torch.allclose(both[:1], whole, atol=1e-6)
        # Proxies in another order give the same proxies in that order.
        swapped = built(SIZES, 3, random=True).eval()
        swapped.proxies.weight.copy_(net.proxies.weight[[4, 2, 0, 1, 3]])
        assert torch.allclose(swapped.mine(features, residuals, places, hidden), whole[:, [4, 2, 0, 1, 3]], atol=1e-6)


def test_places_are_told_apart_by_row_and_column():
    found = positions(3, 5, 16).view(3, 5, 16)
    assert torch.allclose(found[0, :, :8], found[0, :1, :8].expand(5, -1))  # a row has one row
    assert torch.allclose(found[:, 2, 8:], found[:1, 2, 8:].expand(3, -1))
    assert torch.pdist(found.flatten(0, 1)).min() > 0.05
    # The last row lies at a whole turn, which the first wave cannot tell from none.
    assert found[2, 0, 0].abs() < 1e-4
    assert float(found[0, 0, 1]) == pytest.approx(np.cos(2 * np.pi / 3), abs=1e-4)


def test_plain_attention_gathers_what_differs_alike():
    """Without any training, proxies become the patches of the query whose residual points the way of the mined one."""
    rng = torch.Generator().manual_seed(0)
    normal = torch.randn(40, 64, generator=rng)
    way, other = torch.randn(2, 64, generator=rng) * 4
    reference = normal[:6] + way
    query = normal[6:36].clone()
    query[:5] += way
    query[5:10] += other
    net = built({"channels": 64, "proxies": 8, "heads": 4}, 0).eval()
    still = torch.zeros(1, 1, 64)
    with torch.no_grad():
        mined = net.mine(reference[None], with_normals(reference, normal)[1][None], still)
        proxies = net.learn(mined, query[None], with_normals(query, normal)[1][None], still)
        like = with_proxies(query, proxies[0])
    assert like[:5].min() > like[5:].max()


# -------------------------------------------------------------------- learning


def test_families_look_alike_and_leave_the_rest_alone():
    pixels = textures(1, 48, 1)[0]
    for kind in KINDS:
        family = Family.drawn(np.random.default_rng(3), 96, kind)
        changed, mask = family.applied(pixels, np.random.default_rng(4))
        assert mask.any()
        assert mask.mean() < 0.3
        near = np.pad(mask, 4)
        near = np.any([np.roll(near, (dy, dx), (0, 1)) for dy in range(-4, 5) for dx in range(-4, 5)], axis=0)
        assert np.abs(changed - pixels)[~near[4:-4, 4:-4]].max() < 1e-6
        assert np.abs(changed - pixels)[mask].mean() > 0.005
        again, _ = family.applied(pixels, np.random.default_rng(4))
        assert (again == changed).all()


def _means(pixels):
    """Mean and spread of colours in cells of 8: descriptors that need no net."""
    cells = torch.from_numpy(pixels[:48, :48].reshape(6, 8, 6, 8, 3))
    found = torch.cat(
        [cells.mean(dim=(1, 3)), cells.std(dim=(1, 3)), cells.amax(dim=(1, 3)), cells.amin(dim=(1, 3))], -1
    )
    return (found - 0.4) * 5


def _sources(count, seed=0):
    rng = np.random.default_rng(seed)
    return [made_source(textures(100 * seed + n, 48), _means, rng) for n in range(count)]


def test_no_episode_shows_the_query_among_its_references():
    rng, anomalous = np.random.default_rng(0), 0
    for source in _sources(2):
        for _ in range(60):
            episode = draw(source, rng)
            assert all(episode.query is not other for other in episode.normals)
            assert all(episode.query is not other for other, _ in episode.marked)
            assert all(mask.any() for _, mask in episode.marked)
            anomalous += bool(episode.mask.any())
    assert 40 < anomalous < 80


def test_training_lowers_the_loss_and_is_the_same_again():
    sources = _sources(6)
    net = built({"channels": 12, "proxies": 4, "heads": 4}, 0, random=True)
    rng = np.random.default_rng(9)
    others = [draw(s, rng) for s in sources[:4] for _ in range(6)]
    with torch.no_grad():
        before = float(loss_of(net.eval(), others))
    report = learn(net, sources, steps=40, rate=3e-3, seed=0)
    with torch.no_grad():
        assert float(loss_of(net.eval(), others)) < 0.97 * before
    assert report.steps == 40
    twins = [built({"channels": 12, "proxies": 4, "heads": 4}, 0, random=True) for _ in range(2)]
    for twin in twins:
        learn(twin, sources, steps=3, rate=6e-3, seed=0)
    assert all(torch.equal(a, b) for a, b in zip(*(t.parameters() for t in twins), strict=True))


def test_losses_put_pictures_and_patches_in_order():
    masks = torch.zeros(2, 3, 3)
    masks[0, 1, 1] = 1
    good = 0.2 + 0.5 * masks
    bad = 0.2 + 0.5 * masks.flip(0)
    labels = torch.tensor([True, False])
    right, wrong = (ranking_loss(m.amax(dim=(1, 2)), labels, m, masks) for m in (good, bad))
    assert right < 0.2 * wrong
    assert torch.isfinite(ranking_loss(torch.tensor([0.3]), torch.tensor([False]), good[1:], masks[1:]))
    episode = draw(_sources(1)[0], np.random.default_rng(1))
    net = built({"channels": 12, "proxies": 4, "heads": 4}, 0)
    assert torch.isfinite(loss_of(net, [episode], "dot", faithful=True))


def test_judging_leaves_no_trace_of_other_episodes():
    source = _sources(1)[0]
    net = built({"channels": 12, "proxies": 4, "heads": 4}, 0).eval()
    rng = np.random.default_rng(0)
    episodes = [draw(source, rng) for _ in range(3)]
    with torch.no_grad():
        alone = [float(judged(net, e).score) for e in episodes]
        assert alone == [float(judged(net, e).score) for e in reversed(episodes)][::-1]
        # References in another order are the same references.
        both = source.families[0][:2]
        bank = torch.cat([n.flatten(0, 1) for n in source.normals])
        mined = [net.mine(*(t[None] for t in mined_from(order, bank))) for order in (both, both[::-1])]
        assert torch.allclose(mined[0], mined[1], atol=1e-6)


# ------------------------------------------------------------------- the rest


def test_references_are_grouped_by_kind_or_by_how_they_differ():
    ways = [np.array(w, dtype=float) for w in ([1, 0], [0.9, 0.1], [0, 1], [0.1, 3], [2, 0.1], [0, 0.5])]
    names = list("abcdef")
    assert [g for _, g in grouped(ways, [""] * 6, names, 2, 6)] == [[0, 1, 4], [2, 3, 5]]
    assert grouped(ways, [""] * 6, names, 1, 6) == [("a, b, c and 3 more", [0, 1, 2, 3, 4, 5])]
    assert [n for n, _ in grouped(ways, list("xyxyxy"), names, 1, 6)] == ["x", "y"]
    assert len(grouped(ways, list("xyxyxy"), names, 1, 1)) == 1
    assert len(grouped([ways[0]] * 6, [""] * 6, names, 3, 6)) == 1


def test_weights_come_back_from_a_file_or_are_refused(tmp_path):
    from tocsin.image._training import stored
    from tocsin.image.nagl.weights import read, write

    net = built(SIZES, 1)
    file = write(tmp_path / "net.safetensors", stored(net), SIZES, "abc")
    weights, sizes = read(file, "abc")
    assert sizes == SIZES
    assert all((weights[k] == v.numpy()).all() for k, v in net.state_dict().items())
    with pytest.raises(ArtifactError, match="another encoder"):
        read(file, "xyz")
    (tmp_path / "broken.safetensors").write_bytes(b"no")
    for name in ("broken.safetensors", "absent.safetensors"):
        with pytest.raises(ArtifactError, match="no trained net"):
            read(tmp_path / name, "abc")


def test_likeness_varies_no_more_over_normal_patches_than_unlikeness_does():
    from tocsin.image.nagl.balance import balanced
    from tocsin.image.nagl.comparing import likeness

    rng = np.random.default_rng(0)
    unlike = rng.normal(0.05, 0.02, 500)
    like = np.stack([rng.normal(0.4, 0.1, 500), rng.normal(0.6, 0.005, 500)], axis=1)
    level, weight = (torch.from_numpy(v).double() for v in balanced(unlike, like))
    found = likeness(torch.from_numpy(like.T) + 10, level, weight).numpy()  # far above 0, where nothing is cut off
    assert found.std(axis=1) == pytest.approx([unlike.std(), like[:, 1].std()], rel=1e-3)
    assert float(likeness(torch.from_numpy(like.T), level, weight).min()) == 0
    # Nothing to weigh by: the scale stays, what is usual is still taken off.
    level, weight = balanced(np.zeros(500), like)
    assert weight.tolist() == [1, 1]
    assert level == pytest.approx(like.mean(axis=0), rel=1e-4)


def test_normal_patches_are_taken_from_beside_defects_and_never_from_them():
    from tocsin.image.nagl.reference_patches import Reference, chosen

    cells = np.ones((8, 10, 4), dtype=np.float32)
    mask = np.zeros((80, 100), dtype=bool)
    mask[33:37, 45:49] = True  # within the cell of row 3, column 4
    cells[2:5, 3:6] = 99
    cells[0] = cells[-1] = cells[:, 0] = cells[:, -1] = 77
    bank, owners = chosen([Reference(cells, 5, mask)], 1000, 1, np.random.default_rng(0))
    assert bank.shape == (6 * 8 - 9, 4)
    assert (bank == 1).all()
    assert set(owners) == {5}
    left, right = Reference(cells, 5, mask).halves(1)
    assert np.concatenate([left.cells, right.cells], axis=1).shape == cells.shape
    assert left.mask.sum() + right.mask.sum() == mask.sum()
    with pytest.raises(InputError, match="nothing but its defect"):
        chosen([Reference(cells, 5, np.ones((80, 100), dtype=bool))], 10, 1, np.random.default_rng(0))
    # Where one half would show nothing, there are no halves.
    mask[:, :60] = True
    assert len(Reference(cells, 5, mask).halves(1)) == 1


def test_few_patches_keep_the_rare_one():
    from tocsin.image.nagl.reference_patches import Reference, chosen

    cells = np.ones((20, 20, 4), dtype=np.float32) + 0.1 * np.random.default_rng(1).random(
        (20, 20, 4), dtype=np.float32
    )
    cells[7, 7] = [1, -1, 1, -1]
    bank, _ = chosen([Reference(cells, 0)], 3, 1, np.random.default_rng(0))
    assert len(bank) == 3
    assert (bank == cells[7, 7]).all(axis=1).any()
