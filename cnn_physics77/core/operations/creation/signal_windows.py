"""Window functions of the names of ``torch.signal.windows``. What they have in common is in :mod:`.windows`.

Nuttall's is of A. H. Nuttall, "Some windows with very good sidelobe behavior", IEEE Trans. ASSP 29, 1981.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable

import numpy as np

from cnn_physics77.core.errors import ArgumentError
from cnn_physics77.core.operations.creation.creation import floating_or, made
from cnn_physics77.core.operations.creation.windows import cosines, kaiser_of, triangle
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.tensor import Tensor


def _window(function: str, M: int, sym: bool, formula, dtype, device, requires_grad) -> Tensor:
    """The window of :mod:`torch.signal.windows`; the formula is of k and the number of intervals."""
    if operator.index(M) < 0:
        raise ArgumentError(f"{function}: requires non-negative window length, got M={M}")
    dtype = floating_or(function, dtype)
    if dtype not in (np.float32, np.float64):
        raise ArgumentError(f"{function}: expects float32 or float64 dtypes, got: torch.{dtype}")
    y = np.ones(M) if M <= 1 else formula(np.arange(M), M - 1 if sym else M)
    return made(function, y.astype(dtype), device, requires_grad)


def general_cosine(
    M: int, *, a: Iterable[float], sym: bool = True, dtype=None, device=None, requires_grad: bool = False
) -> Tensor:
    r"""A sum of cosines: :math:`w_k = \sum_i (-1)^i a_i \cos(2 \pi i k / D)`, with D = M - 1 for a symmetric
    window, M for a periodic one (``sym=False``).

    Raises:
        ValueError: M is negative, a is empty, or the dtype is not float32 or float64.

    >>> import cnn_physics77 as torch
    >>> torch.signal.windows.general_cosine(3, a=[0.5, 0.5])
    tensor([0., 1., 0.])
    """
    a = list(a)
    if not a:
        raise ArgumentError("general_cosine: Coefficients cannot be empty")

    def formula(k, intervals):
        return cosines(k, intervals, a)

    return _window("general_cosine", M, sym, formula, dtype, device, requires_grad)


def general_hamming(
    M: int, *, alpha: float = 0.54, sym: bool = True, dtype=None, device=None, requires_grad: bool = False
) -> Tensor:
    r"""Hamming's window with a parameter: :math:`w_k = \alpha - (1 - \alpha) \cos(2 \pi k / D)`; see
    :func:`general_cosine`.

    >>> import cnn_physics77 as torch
    >>> torch.signal.windows.general_hamming(3, alpha=0.6)
    tensor([0.2000, 1.0000, 0.2000])
    """
    a = (alpha, 1 - alpha)
    return general_cosine(M, a=a, sym=sym, dtype=dtype, device=device, requires_grad=requires_grad)


def hamming(M: int, *, sym: bool = True, dtype=None, device=None, requires_grad: bool = False) -> Tensor:
    """Hamming's window, :func:`general_hamming` of 0.54.

    >>> import cnn_physics77 as torch
    >>> torch.signal.windows.hamming(3)
    tensor([0.0800, 1.0000, 0.0800])
    """
    return general_hamming(M, sym=sym, dtype=dtype, device=device, requires_grad=requires_grad)


def hann(M: int, *, sym: bool = True, dtype=None, device=None, requires_grad: bool = False) -> Tensor:
    """Hann's window, :func:`general_hamming` of 0.5.

    >>> import cnn_physics77 as torch
    >>> torch.signal.windows.hann(3)
    tensor([0., 1., 0.])
    """
    return general_hamming(M, alpha=0.5, sym=sym, dtype=dtype, device=device, requires_grad=requires_grad)


def blackman(M: int, *, sym: bool = True, dtype=None, device=None, requires_grad: bool = False) -> Tensor:
    """Blackman's window, :func:`general_cosine` of (0.42, 0.5, 0.08).

    >>> import cnn_physics77 as torch
    >>> torch.signal.windows.blackman(3).round(decimals=4).abs()
    tensor([0., 1., 0.])
    """
    a = (0.42, 0.5, 0.08)
    return general_cosine(M, a=a, sym=sym, dtype=dtype, device=device, requires_grad=requires_grad)


def nuttall(M: int, *, sym: bool = True, dtype=None, device=None, requires_grad: bool = False) -> Tensor:
    """Nuttall's window of four terms, :func:`general_cosine` of (0.3635819, 0.4891775, 0.1365995, 0.0106411).

    >>> import cnn_physics77 as torch
    >>> torch.signal.windows.nuttall(3)
    tensor([3.6280e-04, 1.0000e+00, 3.6280e-04])
    """
    a = (0.3635819, 0.4891775, 0.1365995, 0.0106411)
    return general_cosine(M, a=a, sym=sym, dtype=dtype, device=device, requires_grad=requires_grad)


def bartlett(M: int, *, sym: bool = True, dtype=None, device=None, requires_grad: bool = False) -> Tensor:
    r"""Bartlett's triangle, :math:`w_k = 1 - |2k/D - 1|`; see :func:`general_cosine`.

    >>> import cnn_physics77 as torch
    >>> torch.signal.windows.bartlett(5)
    tensor([0.0000, 0.5000, 1.0000, 0.5000, 0.0000])
    """
    return _window("bartlett", M, sym, triangle, dtype, device, requires_grad)


def cosine(M: int, *, sym: bool = True, dtype=None, device=None, requires_grad: bool = False) -> Tensor:
    r"""Half a wave: :math:`w_k = \sin(\pi (k + \tfrac12) / (D + 1))`; see :func:`general_cosine`.

    >>> import cnn_physics77 as torch
    >>> torch.signal.windows.cosine(3)
    tensor([0.5000, 1.0000, 0.5000])
    """

    def formula(k, intervals):
        return np.sin(np.pi / (intervals + 1) * (k + 0.5))

    return _window("cosine", M, sym, formula, dtype, device, requires_grad)


def exponential(
    M: int,
    *,
    center: float | None = None,
    tau: float = 1.0,
    sym: bool = True,
    dtype=None,
    device=None,
    requires_grad: bool = False,
) -> Tensor:
    r"""Exponential decay at both sides: :math:`w_k = e^{-|k - c| / \tau}`, with c = D/2 unless ``center`` is
    given, for a periodic window; see :func:`general_cosine`.

    Raises:
        ValueError: ``tau`` is not positive, or a center of a symmetric window is given.

    >>> import cnn_physics77 as torch
    >>> torch.signal.windows.exponential(3)
    tensor([0.3679, 1.0000, 0.3679])
    """
    if not tau > 0:
        raise ArgumentError(f"exponential: Tau must be positive, got: {tau} instead.")
    if sym and center is not None:
        raise ArgumentError("exponential: Center must be None for symmetric windows; give sym=False")

    def formula(k, intervals):
        return np.exp(-np.abs(k - (intervals / 2 if center is None else center)) / tau)

    return _window("exponential", M, sym, formula, dtype, device, requires_grad)


def gaussian(
    M: int, *, std: float = 1.0, sym: bool = True, dtype=None, device=None, requires_grad: bool = False
) -> Tensor:
    r"""Gauss's bell: :math:`w_k = e^{-(k - D/2)^2 / 2 \sigma^2}`; see :func:`general_cosine`.

    Raises:
        ValueError: the standard deviation is not positive.

    >>> import cnn_physics77 as torch
    >>> torch.signal.windows.gaussian(3)
    tensor([0.6065, 1.0000, 0.6065])
    """
    if not std > 0:
        raise ArgumentError(f"gaussian: Standard deviation must be positive, got: {std} instead.")

    def formula(k, intervals):
        return np.exp(-0.5 * ((k - intervals / 2) / std) ** 2)

    return _window("gaussian", M, sym, formula, dtype, device, requires_grad)


def kaiser(
    M: int, *, beta: float = 12.0, sym: bool = True, dtype=None, device=None, requires_grad: bool = False
) -> Tensor:
    r"""Kaiser's window: :math:`w_k = I_0(\beta \sqrt{1 - (2k/D - 1)^2}) / I_0(\beta)`; see
    :func:`general_cosine`.

    Raises:
        ValueError: beta is negative.

    >>> import cnn_physics77 as torch
    >>> torch.signal.windows.kaiser(5, beta=5.0)
    tensor([0.0367, 0.5529, 1.0000, 0.5529, 0.0367])
    """
    if beta < 0:
        raise ArgumentError(f"kaiser: beta must be non-negative, got: {beta} instead.")

    def formula(k, intervals):
        return kaiser_of(k, intervals, beta)

    return _window("kaiser", M, sym, formula, dtype, device, requires_grad)


__all__ = [
    *("bartlett", "blackman", "cosine", "exponential", "gaussian", "general_cosine", "general_hamming"),
    *("hamming", "hann", "kaiser", "nuttall"),
]

complete_late(__name__)
