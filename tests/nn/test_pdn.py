from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tocsin.core.errors import ArtifactError, InputError  # noqa: E402
from tocsin.nn.pdn import LEAST_SIDE, PDN, cells, read_pdn, write_pdn  # noqa: E402


def filled(net, size=0.05):
    """Weights that anyone can write down: size * sin(k + 1) in the order of memory, biases zero."""
    with torch.no_grad():
        for value in net.parameters():
            fill = size * np.sin(np.arange(value.numel()) + 1.0) if value.ndim > 1 else np.zeros(value.numel())
            value.copy_(torch.from_numpy(fill).float().view(value.shape))
    return net.eval()


def test_parameters_are_as_many_as_published():
    counts = {(384, "small"): 2_694_144, (768, "small"): 4_267_392, (384, "medium"): 8_026_624}
    counts[(768, "medium")] = 11_615_488
    for (outputs, size), wanted in counts.items():
        assert sum(p.numel() for p in PDN(outputs, size).parameters()) == wanted


def test_descriptions_of_known_weights():
    picture = torch.from_numpy(np.cos(0.01 * np.arange(3 * 64 * 64))).float().view(1, 3, 64, 64)
    with torch.inference_mode():
        found = filled(PDN(8))(picture).double()
    assert tuple(found.shape) == (1, 8, 8, 8)
    assert float(found.sum()) == pytest.approx(0.00430998, abs=2e-8)
    np.testing.assert_allclose(found[0, :3, 0, 0], [-1.01842e-4, -4.29014e-5, 3.28569e-5], rtol=2e-5)
    assert float(found[0, 7, 7, 7]) == pytest.approx(-8.25022e-5, rel=2e-5)


@pytest.mark.parametrize("size", ["small", "medium"])
def test_a_cell_sees_33_pixels_and_no_other(size):
    picture = torch.randn(1, 3, 256, 256, requires_grad=True)
    PDN(3, size, width=8)(picture)[0, :, 28, 28].sum().backward()
    seen = picture.grad.abs().sum((0, 1))
    for axis in (0, 1):
        touched = seen.sum(axis).nonzero().ravel()
        assert (int(touched.min()), int(touched.max())) == (112, 144)


@pytest.mark.parametrize("size", ["small", "medium"])
def test_grids(size):
    net = PDN(2, size, width=2)
    for side, wanted in ((64, 8), (96, 16), (128, 24), (200, 42), (256, 56), (320, 72), (512, 120)):
        assert tuple(net(torch.zeros(1, 3, side, 64)).shape) == (1, 2, wanted, 8)
        assert cells(side) == wanted
    assert cells(LEAST_SIDE) == 1
    assert tuple(PDN(2, size, width=2, padded=True)(torch.zeros(1, 3, 256, 256)).shape) == (1, 2, 64, 64)


@pytest.mark.parametrize("size", ["small", "medium"])
def test_four_pixels_further_is_one_cell_further(size):
    picture = torch.randn(1, 3, 80, 80)
    net = PDN(4, size, width=4)
    whole = net(picture)
    np.testing.assert_allclose(
        net(picture[:, :, 4:, 4:])[0, :, :8, :8].detach(), whole[0, :, 1:9, 1:9].detach(), atol=1e-6
    )


@pytest.mark.parametrize("size", ["small", "medium"])
def test_a_file_tells_which_network_it_is(tmp_path, size):
    net = PDN(6, size, width=4)
    again = read_pdn(write_pdn(net, tmp_path / "teacher.safetensors"))
    picture = torch.randn(1, 3, 64, 48)
    assert torch.equal(net(picture), again(picture))


def test_other_files_are_refused_in_a_sentence(tmp_path):
    from safetensors.torch import save_file

    with pytest.raises(ArtifactError, match="cannot be read"):
        read_pdn(tmp_path / "absent.safetensors")
    other = tmp_path / "other.safetensors"
    save_file({"0.weight": torch.zeros(3, 3)}, other)
    with pytest.raises(ArtifactError, match="holds no patch description network"):
        read_pdn(other)
    state = PDN(6, width=4).state_dict()
    save_file({**state, "3.weight": torch.zeros(8, 4, 3, 3)}, other)
    with pytest.raises(ArtifactError, match="other weights"):
        read_pdn(other)
    with pytest.raises(InputError, match="'small' or 'medium'"):
        PDN(6, "large")
