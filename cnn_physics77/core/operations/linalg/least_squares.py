"""The pseudoinverse, the rank, and least squares."""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.backend.conversion import as_array
from cnn_physics77.core.errors import ArgumentError, ShapeError
from cnn_physics77.core.kernels.linalg import lapack
from cnn_physics77.core.operations.base import return_types
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.operations.creation.creation import eye, zeros
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.linalg.inputs import matrices, numbers, square_matrices
from cnn_physics77.core.operations.linalg.matmul import of_one_dtype
from cnn_physics77.core.tensor import Tensor, from_array


@operation(name="pinv")
def _pinv(a, atol, rtol, *, hermitian):
    """y = V S⁺ Uᴴ for a = U S Vᴴ, where the reciprocals of small singular values are zero"""
    return lapack.pinv(a, atol, rtol, hermitian)


@_pinv.derivative("a")
def _(g, a, y):
    """−yᴴ g yᴴ + (1 − a y) gᴴ y yᴴ + yᴴ y gᴴ (1 − y a): see :func:`pinv`"""
    yh, gh = y.mH, g.mH
    m, n = a.shape[-2:]
    rows, columns = eye(m, dtype=a.dtype), eye(n, dtype=a.dtype)
    return (rows - a @ y) @ (gh @ y @ yh) - yh @ g @ yh + (yh @ y @ gh) @ (columns - y @ a)


def _tolerances(A: Tensor, atol, rtol) -> tuple[Tensor, Tensor]:
    """The absolute and the relative tolerance, for each matrix or for all.

    The relative one is by default max(M, N) times the precision of the dtype, where no positive absolute one
    is given.
    """
    real = A.array.real.dtype
    absolute = _as_array(0.0 if atol is None else atol, real)
    if rtol is None:
        default = max(A.array.shape[-2:]) * np.finfo(real).eps
        relative = np.where(absolute > 0, real.type(0), real.type(default))
    else:
        relative = _as_array(rtol, real)
    return from_array(absolute), from_array(as_array(relative))


def _as_array(tolerance, dtype: np.dtype) -> np.ndarray:
    return (tolerance.array if isinstance(tolerance, Tensor) else np.asarray(tolerance)).astype(dtype)


def pinv(input: Tensor, rcond=None, hermitian: bool = False, *, atol=None, rtol=None) -> Tensor:
    r"""The pseudoinverse of Moore and Penrose.

    .. math:: A^+ = V S^+ U^H \text{ for } A = U S V^H, \qquad s^+ = \begin{cases} 1/s & s >
        \max(\mathtt{atol}, \mathtt{rtol} \cdot s_1) \\ 0 & \text{else} \end{cases}

    .. math:: \bar A = -Y^H \bar Y Y^H + (1 - A Y) \bar Y^H Y Y^H + Y^H Y \bar Y^H (1 - Y A)

    Args:
        input: A, (..., M, N), floating or complex.
        rcond: the same as ``rtol``.
        hermitian: whether A is Hermitian; then only its lower triangle is read, and eigenvalues are used.
        atol: the absolute tolerance: a number, or a tensor with one for each matrix. 0 by default.
        rtol: the relative tolerance. By default 0 if a positive ``atol`` is given, else max(M, N) times the
            precision of the dtype.

    Returns:
        (..., N, M). The gradient is that for a constant rank.

    Raises:
        ShapeError: there are fewer than 2 dimensions, or the matrices are not square but ``hermitian``.
        DtypeError: the input is neither floating nor complex, or float16.
        LinAlgError: the input has infinite or NaN elements.

    Source of the derivative: G. Golub, V. Pereyra, "The differentiation of pseudo-inverses and nonlinear
    least squares problems whose variables separate" (1973).

    >>> import cnn_physics77 as torch
    >>> torch.linalg.pinv(torch.tensor([[2.0, 0.0], [0.0, 0.0]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.0000]])
    """
    A = (square_matrices if hermitian else matrices)("linalg.pinv", input)
    if rcond is not None:
        atol, rtol = None, rcond
    return _pinv(A, *_tolerances(A, atol, rtol), hermitian=bool(hermitian))


def matrix_rank(input: Tensor, tol=None, hermitian: bool = False, *, atol=None, rtol=None) -> Tensor:
    """The number of singular values above max(atol, rtol s₁), where s₁ is the largest one: int64.

    Args:
        input: (..., M, N), floating or complex.
        tol: the same as ``atol``, with ``rtol`` 0.
        hermitian, atol, rtol: as for :func:`pinv`.

    Returns:
        (...), int64; without derivative.

    >>> import cnn_physics77 as torch
    >>> torch.linalg.matrix_rank(torch.tensor([[1.0, 2.0], [2.0, 4.0]]))
    tensor(1)
    """
    A = (square_matrices if hermitian else matrices)("linalg.matrix_rank", input)
    if tol is not None:
        atol, rtol = tol, 0.0
    absolute, relative = _tolerances(A, atol, rtol)
    return from_array(lapack.matrix_rank(A.array, absolute.array, relative.array, bool(hermitian)))


_DRIVERS = ("gels", "gelsy", "gelsd", "gelss")


def lstsq(
    input: Tensor, b: Tensor, rcond: float | None = None, *, driver: str | None = None
) -> return_types.linalg_lstsq:
    r"""The solution X of least norm among those that minimize ‖AX − B‖: a named tuple (solution, residuals,
    rank, singular_values).

    .. math:: X = A^+ B

    Args:
        input: A, (..., M, N), floating or complex.
        b: B of the same dtype: (..., M, K), or vectors (..., M) with the batch of A, or one vector (M).
            Leading dimensions broadcast.
        rcond: the relative tolerance, as ``rtol`` of :func:`pinv`.
        driver: the routine of LAPACK that PyTorch would use, "gelsy" by default, "gels", "gelsd" or "gelss".
            It decides which of the other results are given; empty tensors stand for the rest.

    Returns:
        solution: (..., N, K), or (..., N) for vectors; with the derivative of the pseudoinverse.
        residuals: (..., K): ‖AX − B‖² of each column, if M > N, all ranks are N, and the driver is not
            "gelsy".
        rank: (...), int64; not for "gels".
        singular_values: (..., min(M, N)); for "gelsd" and "gelss".

    Raises:
        ShapeError: the sizes do not fit.
        DtypeError: the dtypes differ, or are neither floating nor complex.
        ArgumentError: ``driver`` is something else.

    >>> import cnn_physics77 as torch
    >>> X = torch.linalg.lstsq(torch.tensor([[1.0], [1.0]]), torch.tensor([[1.0], [3.0]])).solution
    >>> torch.allclose(X, torch.tensor([[2.0]]))
    True
    """
    name = "linalg.lstsq"
    driver = "gelsy" if driver is None else driver
    if driver not in _DRIVERS:
        raise ArgumentError(f"{name}: expected driver to be one of {', '.join(_DRIVERS)}, found {driver!r}")
    A, B = of_one_dtype(name, matrices(name, input), numbers(name, b))
    *batch, m, n = A.array.shape
    vectors = B.array.ndim == 1 or B.array.shape == (*batch, m)
    B = B.unsqueeze(-1) if vectors else matrices(name, B, "B")
    if B.array.shape[-2] != m:
        raise ShapeError(
            f"{name}: expected A and B with the same number of rows, found {m} and {B.array.shape[-2]}; "
            "transpose one of them"
        )
    tolerances = _tolerances(A, None, rcond)
    X = _pinv(A, *tolerances, hermitian=False) @ B
    residuals = singular_values = zeros(0, dtype=A.array.real.dtype)
    rank = from_array(lapack.matrix_rank(A.array, tolerances[0].array, tolerances[1].array, False))
    if m > n and driver != "gelsy" and (driver == "gels" or bool((rank.array == n).all())):
        difference = A @ X - B
        residuals = (difference * difference.conj()).sum(-2).real
    if driver in ("gelsd", "gelss"):
        singular_values = from_array(lapack.svdvals(A.array))
    if driver == "gels":
        rank = zeros(0, dtype=np.int64)
    return return_types.linalg_lstsq(X.squeeze(-1) if vectors else X, residuals, rank, singular_values)


__all__ = ["lstsq", "matrix_rank", "pinv"]

complete_late(__name__)
