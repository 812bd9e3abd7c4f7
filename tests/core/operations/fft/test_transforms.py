"""What the rows of the table cannot say of Fourier transforms: a slow sum, empty batches, laws, physics."""

import numpy as np
import pytest

import cnn_physics77 as torch
from cnn_physics77.testing.gradcheck import gradcheck, gradgradcheck


def slow(x, sign):
    n = x.shape[-1]
    k = np.arange(n)
    return (x[..., None, :] * np.exp(sign * 2j * np.pi * k * k[:, None] / n)).sum(-1)


@pytest.mark.parametrize("n", [1, 2, 5, 8, 13])
def test_against_the_sum(n):
    rng = np.random.default_rng(n)
    z = rng.normal(size=(3, n)) + 1j * rng.normal(size=(3, n))
    x = rng.normal(size=(3, n))
    half = n // 2 + 1
    for found, expected in (
        (torch.fft.fft(torch.from_numpy(z)), slow(z, -1)),
        (torch.fft.ifft(torch.from_numpy(z)), slow(z, 1) / n),
        (torch.fft.rfft(torch.from_numpy(x)), slow(x, -1)[:, :half]),
        (torch.fft.ihfft(torch.from_numpy(x)), slow(x, 1)[:, :half] / n),
        (torch.fft.irfft(torch.from_numpy(slow(x, -1)[:, :half]), n), x),
        (torch.fft.hfft(torch.from_numpy(slow(x, 1)[:, :half] / n), n), x),
    ):
        np.testing.assert_allclose(found.numpy(), expected, atol=1e-13)


def test_no_transforms():
    """PyTorch's library raises an error for an empty batch."""
    x = torch.zeros(0, 4, requires_grad=True)
    for function, size, dtype in (
        *((torch.fft.fft, 4, torch.complex64), (torch.fft.rfft, 3, torch.complex64)),
        *((torch.fft.irfft, 6, torch.float32), (torch.fft.hfft, 6, torch.float32)),
    ):
        y = function(x)
        assert (y.shape, y.dtype) == ((0, size), dtype)
        y.abs().sum().backward()
        assert x.grad.shape == (0, 4)


@pytest.mark.parametrize("n", [5, 6])
def test_derivatives(n):
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.normal(size=(2, n))).requires_grad_(True)
    z = torch.from_numpy(rng.normal(size=(2, 4)) + 1j * rng.normal(size=(2, 4))).requires_grad_(True)
    assert gradcheck(lambda x: torch.fft.rfft(x, norm="ortho"), x)
    assert gradgradcheck(lambda x: torch.fft.rfft(x).abs() ** 2, x)
    assert gradcheck(lambda z: torch.fft.irfft(z, n), z)
    assert gradgradcheck(lambda z: torch.fft.irfft(z, n) ** 2, z)
    assert gradcheck(lambda z: torch.fft.hfftn(z, (3, n)), z)
    assert gradgradcheck(lambda z: torch.fft.fftn(z, (3, 3)) ** 3, z)


def test_a_derivative_by_the_spectrum():
    """d/dx of sin(2x) + cos(3x), and the gradient of its energy, by multiplication with ik."""
    x = torch.arange(32, dtype=torch.float64) * (2 * torch.pi / 32)
    u = (torch.sin(2 * x) + torch.cos(3 * x)).requires_grad_(True)
    k = torch.fft.rfftfreq(32, 1 / 32, dtype=torch.float64)
    du = torch.fft.irfft(1j * k * torch.fft.rfft(u), 32)
    np.testing.assert_allclose(
        du.detach().numpy(), (2 * torch.cos(2 * x) - 3 * torch.sin(3 * x)).numpy(), atol=1e-13
    )
    (g,) = torch.autograd.grad((du**2).sum() / 2, u)  # -u''
    np.testing.assert_allclose(g.numpy(), (4 * torch.sin(2 * x) + 9 * torch.cos(3 * x)).numpy(), atol=1e-12)


def test_out():
    y = torch.empty(3, dtype=torch.complex64)
    torch.fft.fft(torch.ones(3), out=y)
    assert y.tolist() == [3, 0, 0]
    assert torch.fft.fft(torch.ones(2, 3), axis=0).tolist() == [[2, 2, 2], [0, 0, 0]]
