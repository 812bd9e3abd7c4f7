"""The frequencies of a discrete Fourier transform, and their order."""

from __future__ import annotations

import operator

import numpy as np

from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.operations.base.dimensions import dimensions
from cnn_physics77.core.operations.base.operation import as_tensor_input
from cnn_physics77.core.operations.creation.creation import floating_or, made
from cnn_physics77.core.operations.indexing.flip_roll import roll
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.tensor import Tensor


def fftfreq(n: int, d: float = 1.0, *, dtype=None, device=None, requires_grad: bool = False) -> Tensor:
    """The frequencies of :func:`fft` of n samples at the distance d: 0, 1, ..., -2, -1, divided by n d. For
    even n, the one in the middle is negative.

    Raises:
        ShapeError: n is negative.

    >>> import cnn_physics77 as torch
    >>> torch.fft.fftfreq(4)
    tensor([ 0.0000,  0.2500, -0.5000, -0.2500])
    """
    n = _number("fftfreq", n)
    k = np.arange(n)
    return _frequencies("fftfreq", np.where(k < (n + 1) // 2, k, k - n), n, d, dtype, device, requires_grad)


def rfftfreq(n: int, d: float = 1.0, *, dtype=None, device=None, requires_grad: bool = False) -> Tensor:
    """The frequencies of :func:`rfft` of n samples at the distance d: 0, 1, ..., n/2, divided by n d.

    Raises:
        ShapeError: n is negative.

    >>> import cnn_physics77 as torch
    >>> torch.fft.rfftfreq(4)
    tensor([0.0000, 0.2500, 0.5000])
    """
    n = _number("rfftfreq", n)
    return _frequencies("rfftfreq", np.arange(n // 2 + 1), n, d, dtype, device, requires_grad)


def _number(function: str, n: int) -> int:
    if operator.index(n) < 0:
        raise ShapeError(f"{function}: expected a number of samples n >= 0, found {n}")
    return operator.index(n)


def _frequencies(function: str, k: np.ndarray, n: int, d: float, dtype, device, requires_grad) -> Tensor:
    with np.errstate(divide="ignore", invalid="ignore"):
        frequencies = k * np.divide(1.0, n * d)
    return made(function, frequencies.astype(floating_or(function, dtype)), device, requires_grad)


def _shifted(function: str, input, dim, halves) -> Tensor:
    input = as_tensor_input(function, input)
    shape = input.array.shape
    if not shape:
        raise ShapeError(f"{function}: expected at least one dimension, found a 0-d tensor")
    axes = dimensions(function, dim, len(shape))
    return roll(input, tuple(halves(shape[axis]) for axis in axes), axes)


def fftshift(input: Tensor, dim=None) -> Tensor:
    """The input with the zero frequency in the middle of each dimension, n/2: its halves are exchanged.

    Args:
        dim: integer, several, or None for all.

    Raises:
        ShapeError: there is no such dimension.

    >>> import cnn_physics77 as torch
    >>> torch.fft.fftshift(torch.fft.fftfreq(4))
    tensor([-0.5000, -0.2500,  0.0000,  0.2500])
    """
    return _shifted("fftshift", input, dim, lambda n: n // 2)


def ifftshift(input: Tensor, dim=None) -> Tensor:
    """The inverse of :func:`fftshift`, which differs from it for odd sizes.

    >>> import cnn_physics77 as torch
    >>> torch.fft.ifftshift(torch.tensor([-2, -1, 0, 1, 2]))
    tensor([ 0,  1,  2, -2, -1])
    """
    return _shifted("ifftshift", input, dim, lambda n: (n + 1) // 2)


__all__ = ["fftfreq", "fftshift", "ifftshift", "rfftfreq"]

complete_late(__name__)
