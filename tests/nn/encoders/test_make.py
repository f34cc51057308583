from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tocsin.core.errors import ArtifactError, InputError  # noqa: E402
from tocsin.nn.encoders import descriptor, make_encoder  # noqa: E402
from tocsin.nn.encoders.descriptor_net import DescriptorConfig, DescriptorNet  # noqa: E402
from tocsin.nn.threads import limited  # noqa: E402

RNG = np.random.default_rng(0)
PICTURE = RNG.random((2, 3, 64, 96)).astype(np.float32)


def test_the_descriptor_folds_its_normalisation_away():
    net = DescriptorNet(DescriptorConfig()).train()
    for _ in range(3):
        net(torch.randn(2, 3, 64, 64) * 2 + 1)
    net.eval()
    given = torch.randn(1, 3, 64, 96)
    for own, folded in zip(net(given), net.folded()(given), strict=True):
        torch.testing.assert_close(own, folded, atol=2e-5, rtol=1e-4)


def test_a_written_descriptor_is_read_back_in_half_precision(tmp_path):
    file = descriptor.write(DescriptorNet(DescriptorConfig()), tmp_path / "d.safetensors")
    assert file.stat().st_size < 6e6
    one, two = descriptor.read(file), make_encoder(f"tocsin:{file}")
    for a, b in zip(one.encode(PICTURE), two.encode(PICTURE), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_border_does_not_stand_out_in_an_even_picture():
    """Edges are repeated: what a picture of one colour says is the same everywhere."""
    shallow, deep = make_encoder("random:tocsin").encode(np.full((1, 3, 96, 96), 0.3, dtype=np.float32))
    for grid in (shallow, deep):
        np.testing.assert_allclose(grid, np.broadcast_to(grid[:, :, :1, :1], grid.shape), atol=1e-5)


@pytest.mark.parametrize("name", ["random:tocsin", "random:mobilenet-v1", "random:resnet-tiny", "random:dinov2-tiny"])
def test_every_encoder_gives_grids_of_its_strides_and_the_same_ones_alone(name):
    encoder = make_encoder(name)
    side = 4 * int(np.lcm(encoder.multiple, 1))
    pictures = RNG.random((2, 3, side, 2 * side)).astype(np.float32)
    together = encoder.encode(pictures)
    for grid in together:
        assert grid.shape[3] == 2 * grid.shape[2]
        assert np.isfinite(grid).all()
        assert grid[0].std() > 0
    for number, grid in enumerate(encoder.encode(pictures[1:])):
        np.testing.assert_allclose(grid[0], together[number][1], atol=2e-5)
    assert encoder.fingerprint == make_encoder(name).fingerprint


def test_random_weights_go_by_their_seed():
    assert make_encoder("random:tocsin:1").fingerprint != make_encoder("random:tocsin:2").fingerprint


def test_tokens_of_a_transformer_stand_where_their_patch_is():
    encoder = make_encoder("random:dinov2-tiny", layers=[0])
    empty = np.zeros((1, 3, 56, 84), dtype=np.float32)
    dotted = empty.copy()
    dotted[:, :, 14:28, 42:56] = 1.0  # the patch in row 1, column 3
    change = np.abs(encoder.encode(dotted)[0] - encoder.encode(empty)[0]).sum(axis=1)[0]
    assert np.unravel_index(change.argmax(), change.shape) == (1, 3)


def test_convolutional_nets_are_taken_where_patches_are_8_and_16_pixels():
    shapes = [grid.shape[2:] for grid in make_encoder("random:mobilenet-v2").encode(np.zeros((1, 3, 64, 64)))]
    assert shapes == [(8, 8), (4, 4)]


def test_what_is_not_here_is_said_with_the_way_to_get_it():
    with pytest.raises(InputError, match=r"hf download facebook/dinov2-small.*encoder='tocsin'"):
        make_encoder("facebook/dinov2-small")
    with pytest.raises(InputError, match="resnet-tiny"):
        make_encoder("random:resnet-tinny")
    with pytest.raises(InputError, match="no layer 99"):
        make_encoder("random:dinov2-tiny", layers=[99])
    with pytest.raises(InputError, match="leave layers out"):
        make_encoder("random:tocsin", layers=[1])


def test_weights_of_another_net_are_refused(tmp_path):
    from safetensors.torch import save_file

    file = tmp_path / "w.safetensors"
    save_file({"a": torch.zeros(3)}, file)
    with pytest.raises(ArtifactError, match="other weights"):
        make_encoder(f"mobilenet-v2:{file}")
    with pytest.raises(ArtifactError, match="patch descriptor"):
        make_encoder(f"tocsin:{file}")
    file.write_bytes(b"\x80\x04 no such thing")
    with pytest.raises(ArtifactError):
        make_encoder(f"mobilenet-v2:{file}")


def test_layers_of_real_weights_can_be_chosen(shared):
    encoder = make_encoder(
        f"mobilenet-v2:{shared / 'weights/mobilenet_v2_imagenet_fp16.safetensors'}", layers=[4, 8, 11]
    )
    assert [g.shape[1] for g in encoder.encode(PICTURE)] == [32, 64, 96]


def test_the_descriptor_uses_one_thread_and_leaves_the_others_as_they_were() -> None:
    encoder = make_encoder("random:tocsin")
    seen = []
    encoder.net.register_forward_pre_hook(lambda *_: seen.append(torch.get_num_threads()))
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        encoder.encode(np.zeros((1, 3, 32, 32), dtype=np.float32))
        assert seen == [1]
        assert torch.get_num_threads() == 2
        with pytest.raises(RuntimeError), limited(1):
            raise RuntimeError
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
