from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tocsin.image.efficient_ad.autoencoder import GlobalAutoencoder, inner_sizes  # noqa: E402
from tocsin.image.efficient_ad.judge import Judge, statistics  # noqa: E402
from tocsin.image.efficient_ad.pupils import Pupils, standardised  # noqa: E402
from tocsin.image.efficient_ad.teachers import EncoderTeacher, PDNTeacher, untrained  # noqa: E402
from tocsin.nn.encoders import make_encoder  # noqa: E402
from tocsin.nn.pdn import PDN  # noqa: E402


def test_the_published_autoencoder():
    net = GlobalAutoencoder((256, 256), (56, 56)).eval()
    assert sum(p.numel() for p in net.parameters()) == 1_096_320
    with torch.inference_mode():
        assert tuple(net(torch.zeros(1, 3, 256, 256)).shape) == (1, 384, 56, 56)
        assert tuple(net.encoder(torch.zeros(1, 3, 256, 256)).shape) == (1, 64, 1, 1)
    assert inner_sizes((256, 256)) == [(n, n) for n in (3, 8, 15, 32, 63, 127)]


@pytest.mark.parametrize("size", [(48, 48), (64, 320), (112, 208)])
def test_the_autoencoder_takes_pictures_of_any_shape(size):
    pupils = Pupils(size, 4, width=2).eval()
    found = pupils(torch.zeros(1, 3, *size))
    assert all(tuple(one.shape) == (1, 4, size[0] // 4 - 8, size[1] // 4 - 8) for one in found)


def test_nothing_but_the_bottleneck_goes_from_picture_to_expectation():
    """Two pictures with the same 64 numbers get the same expectation everywhere."""
    net = GlobalAutoencoder((64, 64), (8, 8), 5, width=8).eval()
    picture = torch.randn(1, 3, 64, 64)
    inside = net.encoder(picture)
    assert tuple(inside.shape) == (1, 8, 1, 1)
    net.encoder = torch.nn.Flatten()  # anything else: what follows is fed by hand
    net.encoder.forward = lambda _: inside
    with torch.inference_mode():
        assert torch.equal(net(picture), net(torch.zeros_like(picture)))


def test_dropout_is_for_training_alone():
    net = GlobalAutoencoder((64, 64), (8, 8), 5, width=8)
    picture = torch.randn(1, 3, 64, 64)
    assert not torch.equal(net.train()(picture), net(picture))
    assert torch.equal(net.eval()(picture), net(picture))


def test_a_channels_shift_and_scale_are_taken_out():
    torch.manual_seed(0)
    shift, scale = torch.randn(6) * 50, torch.rand(6) * 9 + 1
    pictures = [torch.rand(1, 3, 64, 64) for _ in range(3)]
    plain = PDNTeacher(PDN(6, width=4))

    class Moved(torch.nn.Module):
        def forward(self, given):
            return plain(given) * scale.view(1, -1, 1, 1) + shift.view(1, -1, 1, 1)

    targets = []
    for teacher in (plain, Moved()):
        mean, spread = statistics([teacher(p) for p in pictures])
        targets.append(Judge(teacher, Pupils((64, 64), 6, width=4), mean, spread).target(pictures[0]))
    np.testing.assert_allclose(targets[0].detach(), targets[1].detach(), atol=2e-3)


def test_statistics_are_those_of_all_cells_together():
    described = [torch.randn(1, 3, 5, 4) * 2 + 1 for _ in range(4)]
    mean, spread = statistics(described)
    whole = torch.cat([d.flatten(2) for d in described], dim=2)[0]
    np.testing.assert_allclose(mean, whole.mean(dim=1), atol=1e-6)
    np.testing.assert_allclose(spread, whole.std(dim=1, correction=0), rtol=1e-5)
    assert statistics([torch.full((1, 1, 2, 2), 7.0)])[1].tolist() == [1.0]


def test_four_pixels_further_shift_the_structural_map_by_a_cell_and_not_the_logical_one():
    torch.manual_seed(1)
    teacher = PDNTeacher(untrained(6, "small", 4, 0))
    pupils = Pupils((80, 80), 6, width=4).eval()
    judge = Judge(teacher, pupils, torch.zeros(6), torch.ones(6))
    whole = torch.rand(1, 3, 84, 84)
    with torch.inference_mode():
        (here, here_logical), (there, there_logical) = (
            judge(whole[:, :, s : s + 80, s : s + 80].contiguous()) for s in (0, 4)
        )
    np.testing.assert_allclose(here[0, 1:, 1:], there[0, :-1, :-1], rtol=1e-4, atol=1e-6)
    assert float((here_logical[0, 1:, 1:] - there_logical[0, :-1, :-1]).abs().max()) > 1e-5


def test_an_encoder_as_teacher_has_the_students_grid():
    teacher = EncoderTeacher(make_encoder("random:tocsin"))
    assert tuple(teacher(torch.rand(1, 3, 64, 112)).shape) == (1, 192, 8, 20)
    # An encoder of 14 pixels a patch sees the picture at its own size.
    assert EncoderTeacher(make_encoder("random:dinov2-tiny"))(torch.rand(1, 3, 64, 112)).shape[-2:] == (8, 20)


def test_an_encoders_cells_lie_where_the_students_lie():
    """A spot is seen by both at the same place, up to the encoder's stride."""
    pytest.importorskip("cv2")
    teacher = EncoderTeacher(make_encoder("tocsin"))
    plain = torch.full((1, 3, 128, 128), 0.5)
    spotted = plain.clone()
    spotted[:, :, 60:68, 84:92] = torch.tensor([1.0, 0.0, 0.0]).view(3, 1, 1)
    with torch.inference_mode():
        far = ((teacher(spotted) - teacher(plain))[0, :32] ** 2).sum(0)
    weight = far / far.sum()
    rows, columns = torch.arange(24.0) * 4 + 16.5, torch.arange(24.0) * 4 + 16.5
    assert abs(float((weight.sum(1) * rows).sum()) - 64) < 4
    assert abs(float((weight.sum(0) * columns).sum()) - 88) < 4


def test_colours_are_standardised_as_published_networks_want_them():
    grey = standardised(torch.full((1, 3, 1, 1), 0.5))[0, :, 0, 0]
    wanted = [(0.5 - m) / s for m, s in ((0.485, 0.229), (0.456, 0.224), (0.406, 0.225))]
    np.testing.assert_allclose(grey, wanted, rtol=1e-5)


def test_random_teachers_filters_are_orthogonal():
    net = untrained(96, "small", 8, seed=3)
    last = net[8].weight.detach().flatten(1)
    np.testing.assert_allclose(last @ last.T, 2 * torch.eye(96), atol=1e-4)
    assert torch.equal(net[0].weight, untrained(96, "small", 8, seed=3)[0].weight)
