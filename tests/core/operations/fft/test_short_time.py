"""Short-time Fourier transforms: reconstruction, real results, warnings, linear time."""

import numpy as np
import pytest

import cnn_physics77 as torch
from cnn_physics77.testing.gradcheck import gradcheck


@pytest.mark.parametrize("window", ["hann_window", "hamming_window", "blackman_window", "kaiser_window"])
@pytest.mark.parametrize("normalized", [False, True])
def test_the_inverse_gives_the_signal(window, normalized):
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 64)))
    w = getattr(torch, window)(16, dtype=torch.float64)
    spectrum = torch.stft(x, 16, 4, window=w, normalized=normalized, return_complex=True)
    found = torch.istft(spectrum, 16, 4, window=w, normalized=normalized, length=64)
    np.testing.assert_allclose(found.numpy(), x.numpy(), atol=1e-12)


def test_a_tone_is_in_its_frequency():
    x = torch.cos(torch.arange(64, dtype=torch.float64) * (2 * torch.pi * 3 / 16))
    spectrum = torch.stft(x, 16, 8, window=torch.hann_window(16, dtype=torch.float64), return_complex=True)
    assert (spectrum.abs()[:, 1:-1].argmax(0) == 3).all()


def test_real_results():
    x = torch.from_numpy(np.random.default_rng(0).normal(size=12))
    found = x.stft(4, return_complex=False)
    assert torch.equal(found, torch.view_as_real(x.stft(4, return_complex=True)))


def test_a_length_beyond_the_pieces_is_filled_with_zeros():
    spectrum = torch.stft(torch.ones(8, dtype=torch.float64), 4, return_complex=True)
    with pytest.warns(UserWarning, match="padded with zeros"):
        found = spectrum.istft(4, length=14)
    np.testing.assert_allclose(found.numpy(), [1.0] * 10 + [0.0] * 4, atol=1e-15)


def test_derivatives():
    x = torch.from_numpy(np.random.default_rng(0).normal(size=10)).requires_grad_(True)
    w = torch.tensor([0.3, 0.9, 1.1, 0.5], dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda x, w: torch.stft(x, 4, 2, window=w, return_complex=True).abs() ** 2, (x, w))
    assert gradcheck(
        lambda x, w: torch.istft(torch.stft(x, 4, 2, window=w, return_complex=True), 4, 2, window=w), (x, w)
    )


def test_the_ends_of_blackmans_window_are_exactly_zero():
    for size in (4, 7, 64):
        window = torch.blackman_window(size, dtype=torch.float64, periodic=False)
        assert window[0] == 0 and abs(window[-1]) < 1e-15
        np.testing.assert_allclose(window.numpy(), np.blackman(size), atol=1e-15)
