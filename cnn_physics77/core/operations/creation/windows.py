"""Window functions of the names of ``torch``: ``hann_window`` and others.

With the number of intervals D, they are functions of k/D for k = 0 ... M - 1. A *symmetric* window has
D = M - 1, a *periodic* one, for spectra, D = M (F. J. Harris, "On the use of windows for harmonic analysis
with the discrete Fourier transform", Proc. IEEE 66, 1978). A window of one element is 1. They are computed in
double precision.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.core.kernels.special.bessel import i0
from cnn_physics77.core.operations.creation.creation import floating_or, made
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.tensor import Tensor

# ------------------------------------------------------------------------------------------ the formulas


def cosines(k: np.ndarray, intervals: float, a: Iterable[float]) -> np.ndarray:
    """a_0 - a_1 cos(2πk/D) + a_2 cos(4πk/D) - ..."""
    y = np.zeros(k.shape)
    for i, factor in enumerate(a):
        y += (-factor if i % 2 else factor) * np.cos(2 * np.pi * i / intervals * k)
    return y


def triangle(k: np.ndarray, intervals: float) -> np.ndarray:
    return 1 - np.abs(2 * k / intervals - 1)


def kaiser_of(k: np.ndarray, intervals: float, beta: float) -> np.ndarray:
    """I_0(β √(1 - (2k/D - 1)²)) / I_0(β)."""
    t = 2 * k / intervals - 1
    return i0(beta * np.sqrt(np.maximum(1 - t * t, 0))) / i0(np.array([beta]))


# ------------------------------------------------------------------------------------------ torch.*_window


def _root_window(function: str, length: int, periodic: bool, formula, dtype, device, requires_grad) -> Tensor:
    if length < 0:
        raise ShapeError(f"{function}: requires non-negative window_length, got window_length={length}")
    dtype = floating_or(function, dtype)
    if dtype.kind != "f":
        raise DtypeError(f"{function}: expects floating point dtypes, got torch.{dtype}")
    y = np.ones(length) if length <= 1 else formula(np.arange(length), length if periodic else length - 1)
    return made(function, y.astype(dtype), device, requires_grad)


def hann_window(
    window_length: int, periodic: bool = True, *, dtype=None, device=None, requires_grad: bool = False
) -> Tensor:
    r"""Hann's window: :math:`w_k = \tfrac12 - \tfrac12 \cos(2 \pi k / D)`, where D is ``window_length`` for a
    periodic window, and one less for a symmetric one.

    Raises:
        ShapeError: the length is negative.
        DtypeError: the dtype is not floating.

    >>> import cnn_physics77 as torch
    >>> torch.hann_window(4), torch.hann_window(3, periodic=False)
    (tensor([0.0000, 0.5000, 1.0000, 0.5000]), tensor([0., 1., 0.]))
    """

    def formula(k, intervals):
        return cosines(k, intervals, (0.5, 0.5))

    return _root_window("hann_window", window_length, periodic, formula, dtype, device, requires_grad)


def hamming_window(
    window_length: int,
    periodic: bool = True,
    alpha: float = 0.54,
    beta: float = 0.46,
    *,
    dtype=None,
    device=None,
    requires_grad: bool = False,
) -> Tensor:
    r"""Hamming's window: :math:`w_k = \alpha - \beta \cos(2 \pi k / D)`; see :func:`hann_window`.

    >>> import cnn_physics77 as torch
    >>> torch.hamming_window(4)
    tensor([0.0800, 0.5400, 1.0000, 0.5400])
    """

    def formula(k, intervals):
        return cosines(k, intervals, (alpha, beta))

    return _root_window("hamming_window", window_length, periodic, formula, dtype, device, requires_grad)


def blackman_window(
    window_length: int, periodic: bool = True, *, dtype=None, device=None, requires_grad: bool = False
) -> Tensor:
    r"""Blackman's window: :math:`w_k = 0.42 - 0.5 \cos(2 \pi k / D) + 0.08 \cos(4 \pi k / D)`; see
    :func:`hann_window`.

    >>> import cnn_physics77 as torch
    >>> torch.blackman_window(4)
    tensor([0.0000, 0.3400, 1.0000, 0.3400])
    """

    def formula(k, intervals):
        once, twice = np.cos(2 * np.pi / intervals * k), np.cos(4 * np.pi / intervals * k)
        return 0.08 * twice - 0.5 * once + 0.42  # in this order the ends are exactly 0

    return _root_window("blackman_window", window_length, periodic, formula, dtype, device, requires_grad)


def bartlett_window(
    window_length: int, periodic: bool = True, *, dtype=None, device=None, requires_grad: bool = False
) -> Tensor:
    r"""Bartlett's triangle: :math:`w_k = 1 - |2k/D - 1|`; see :func:`hann_window`.

    >>> import cnn_physics77 as torch
    >>> torch.bartlett_window(4)
    tensor([0.0000, 0.5000, 1.0000, 0.5000])
    """
    return _root_window("bartlett_window", window_length, periodic, triangle, dtype, device, requires_grad)


def kaiser_window(
    window_length: int,
    periodic: bool = True,
    beta: float = 12.0,
    *,
    dtype=None,
    device=None,
    requires_grad: bool = False,
) -> Tensor:
    r"""Kaiser's window: :math:`w_k = I_0(\beta \sqrt{1 - (2k/D - 1)^2}) / I_0(\beta)`; see
    :func:`hann_window`.

    >>> import cnn_physics77 as torch
    >>> torch.kaiser_window(4, beta=5.0)
    tensor([0.0367, 0.5529, 1.0000, 0.5529])
    """

    def formula(k, intervals):
        return kaiser_of(k, intervals, beta)

    return _root_window("kaiser_window", window_length, periodic, formula, dtype, device, requires_grad)


__all__ = ["bartlett_window", "blackman_window", "hamming_window", "hann_window", "kaiser_window"]

complete_late(__name__)
