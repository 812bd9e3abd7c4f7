"""Determinants and their logarithms."""

from __future__ import annotations

from math import nan

import numpy as np

from cnn_physics77.core.kernels.linalg import lapack
from cnn_physics77.core.operations.base import return_types
from cnn_physics77.core.operations.base.double_backward import vjp
from cnn_physics77.core.operations.base.keywords import completed
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.operations.creation.creation import eye
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.linalg.diagonal import diagonal
from cnn_physics77.core.operations.linalg.inputs import square_matrices
from cnn_physics77.core.operations.linalg.inverse import inverse_and_info
from cnn_physics77.core.operations.pointwise.complex import complex, imag
from cnn_physics77.core.operations.pointwise.exp_log_pow import log
from cnn_physics77.core.operations.pointwise.where_clamp import where
from cnn_physics77.core.tensor import Tensor, from_array, method


def _as_matrix(x: Tensor) -> Tensor:
    """(...) as (..., 1, 1)"""
    return x.unsqueeze(-1).unsqueeze(-1)


# --------------------------------------------------------------------------------------------- det


@operation(name="det")
def _det(a):
    return lapack.det(a)


@_det.derivative("a")
def _(g, a):
    """g times the conjugate cofactors: Jacobi's formula, d det(a) = tr(adj(a) da)"""
    return _as_matrix(g) * _adjugate(a).mH


@operation(name="adjugate")
def _adjugate(a):
    return lapack.adjugate(a)


@_adjugate.derivative("a")
def _(g, a):
    """The derivative of det(a) a⁻¹; where the inverse is inaccurate, of the same polynomial without it."""
    inverse = lapack.inv(a.array)[0]
    condition = np.abs(a.array).sum((-2, -1)) * np.abs(inverse).sum((-2, -1))
    well = from_array((condition < np.finfo(a.array.dtype).eps ** -0.5)[..., None, None])

    def formula(a):
        identity = eye(a.shape[-1], dtype=a.dtype)
        regular = where(well, a, identity)
        by_inverse = _as_matrix(_det(regular)) * inverse_and_info(regular)[0]
        return by_inverse if well.array.all() else where(well, by_inverse, _adjugate_by_traces(a, identity))

    return vjp(formula, (a,), g, (True,))[0]


def _adjugate_by_traces(a: Tensor, identity: Tensor) -> Tensor:
    """The adjugate as a polynomial of a, by the recursion of Faddeev and Le Verrier.

    Source: D. K. Faddeev, V. N. Faddeeva, *Computational Methods of Linear Algebra* (1963), section 47.
    """
    m = identity.expand(a.shape)
    for k in range(1, a.shape[-1]):
        product = a @ m
        m = product - _as_matrix(diagonal(product, dim1=-2, dim2=-1).sum(-1) / k) * identity
    return m if a.shape[-1] % 2 else -m


@completed  # torch.det takes no out, this one does
def det(A: Tensor) -> Tensor:
    r"""The determinant of square matrices.

    .. math:: y = \det A \qquad \bar A = \bar y\, \mathrm{adj}(A)^H, \qquad
        \mathrm{adj}(A) = \det(A) A^{-1} \text{ if A is regular}

    Args:
        A: (..., N, N), floating or complex. N = 0 gives 1.

    Returns:
        y, (...). A large matrix may overflow: see :func:`slogdet`.

    The derivatives are those of the polynomial that the determinant is, also where A is singular.

    Raises:
        ShapeError: the matrices are not square.
        DtypeError: the input is neither floating nor complex, or float16.

    Source of the derivative: C. G. J. Jacobi (1841); J. Magnus, H. Neudecker, *Matrix Differential Calculus*,
    3rd ed. (2019), section 8.3.

    >>> import cnn_physics77 as torch
    >>> torch.linalg.det(torch.tensor([[2.0, 1.0], [0.0, 3.0]]))
    tensor(6.)
    """
    return _det(square_matrices("linalg.det", A))


# --------------------------------------------------------------------------------------------- logarithms


@operation(name="slogdet")
def _slogdet(a):
    return lapack.slogdet(a)


@_slogdet.derivative("a")
def _(g, a, ys):
    """a⁻ᴴ (g_log + i Im(g_sign sign*)): with t = tr(a⁻¹ da), d log|det| = Re t and d sign = i sign Im t"""
    (g_sign, g_log), (sign, _) = g, ys
    if sign.array.dtype.kind == "c":
        g_log = complex(g_log, imag(g_sign * sign.conj()))
    return _as_matrix(g_log) * inverse_and_info(a)[0].mH


def slogdet(A: Tensor) -> return_types.linalg_slogdet:
    r"""Sign and logarithm of the absolute value of the determinant: a named tuple (sign, logabsdet).

    .. math:: \det A = s\, e^{l} \qquad \bar A = \bar l A^{-H} \text{ for real A}

    Args:
        A: (..., N, N), floating or complex.

    Returns:
        sign: (...), of the dtype of A: ±1, or on the unit circle; 0 for a singular matrix.
        logabsdet: (...), real; -inf for a singular matrix, whose gradient is NaN.

    Raises:
        ShapeError: the matrices are not square.
        DtypeError: the input is neither floating nor complex, or float16.

    >>> import cnn_physics77 as torch
    >>> torch.linalg.slogdet(torch.tensor([[-1.0, 0.0], [0.0, 1.0]]))
    torch.return_types.linalg_slogdet(
    sign=tensor(-1.),
    logabsdet=tensor(0.))
    """
    return return_types.linalg_slogdet(*_slogdet(square_matrices("linalg.slogdet", A)))


@method("logdet")
def logdet(input: Tensor) -> Tensor:
    """The logarithm of the determinant of square matrices (..., N, N): NaN if that is negative, -inf if it is
    0. The logarithm of a complex one is the principal one. See :func:`slogdet`.

    >>> import cnn_physics77 as torch
    >>> torch.logdet(torch.eye(2))
    tensor(0.)
    """
    sign, logarithm = _slogdet(square_matrices("logdet", input))
    if sign.array.dtype.kind == "c":
        return log(sign) + logarithm
    return where(from_array(sign.array < 0), nan, logarithm)


__all__ = ["det", "logdet", "slogdet"]

complete_late(__name__)
