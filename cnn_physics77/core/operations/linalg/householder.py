"""Products of Householder's reflections, in which LAPACK stores the Q of a QR decomposition."""

from __future__ import annotations

from cnn_physics77.core.errors import GradientError, ShapeError
from cnn_physics77.core.kernels.linalg import lapack
from cnn_physics77.core.operations.base import return_types
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.operations.creation.creation import eye
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.linalg.diagonal import tril
from cnn_physics77.core.operations.linalg.inputs import matrices, numbers
from cnn_physics77.core.operations.linalg.matmul import of_one_dtype
from cnn_physics77.core.tensor import Tensor, method


@operation(name="geqrf")
def _geqrf(a):
    return lapack.geqrf(a)


@_geqrf.derivative("a")
def _(g):
    raise GradientError(
        "geqrf: expected an input that does not require grad, as it has no derivative; use qr"
    )


@method("geqrf")
def geqrf(input: Tensor) -> return_types.geqrf:
    """The QR decomposition in LAPACK's form: a named tuple (a, tau).

    Args:
        input: (..., M, N), floating or complex. There is no derivative (as in PyTorch): see :func:`.qr.qr`.

    Returns:
        a: (..., M, N): R in the upper triangle, and below it the vectors of the reflections, as
            :func:`householder_product` takes them.
        tau: (..., K), their factors, where K = min(M, N).

    >>> import cnn_physics77 as torch
    >>> torch.geqrf(torch.tensor([[3.0], [4.0]]))
    torch.return_types.geqrf(
    a=tensor([[-5.0000],
            [ 0.5000]]),
    tau=tensor([1.6000]))
    """
    return return_types.geqrf(*_geqrf(matrices("geqrf", input)))


def _reflections(function: str, input: Tensor, tau: Tensor) -> tuple[Tensor, list[Tensor]]:
    """v (..., M, K), and τ (..., 1, 1) of each of the K reflections 1 − τ v vᴴ."""
    v, tau = of_one_dtype(function, matrices(function, input), numbers(function, tau))
    *batch, m, n = v.array.shape
    *of_factors, k = tau.array.shape or (0,)
    if k > min(m, n) or of_factors != batch:
        raise ShapeError(
            f"{function}: expected vectors (..., M, N) and factors (..., K) with K <= min(M, N), found "
            f"{v.array.shape} and {tau.array.shape}; take them from geqrf"
        )
    v = tril(v[..., :k], -1) + eye(m, k, dtype=v.dtype)
    return v, [tau[..., i, None, None] for i in range(k)]


def _reflected(v: Tensor, tau: list[Tensor], x: Tensor, adjoint: bool) -> Tensor:
    """H₁ H₂ ... x, or (H₁ H₂ ...)ᴴ x."""
    for i in range(len(tau)) if adjoint else reversed(range(len(tau))):
        column = v[..., i, None]
        factor = tau[i].conj() if adjoint else tau[i]
        x = x - factor * column @ (column.mH @ x)
    return x


def householder_product(input: Tensor, tau: Tensor) -> Tensor:
    r"""The first N columns of a product of reflections.

    .. math:: Q = H_1 H_2 \dots H_K, \qquad H_i = 1 - \tau_i v_i v_i^H

    Args:
        input: (..., M, N), floating or complex. Column i has v_i below the diagonal; above are zeros, and on
            the diagonal ones, which are not read.
        tau: τ, (..., K), of the same dtype, with K <= N <= M.

    Returns:
        (..., M, N), with orthonormal columns if the input is the result of :func:`geqrf`.

    Raises:
        ShapeError: the sizes do not fit.
        DtypeError: the dtypes differ, or are neither floating nor complex.

    Source: G. Golub, C. Van Loan, *Matrix Computations*, 4th ed. (2013), section 5.1.

    >>> import cnn_physics77 as torch
    >>> torch.linalg.householder_product(torch.tensor([[0.0], [0.5]]), torch.tensor([1.6]))
    tensor([[-0.6000],
            [-0.8000]])
    """
    v, factors = _reflections("linalg.householder_product", input, tau)
    if input.array.shape[-2] < input.array.shape[-1]:
        raise ShapeError(
            "linalg.householder_product: expected at least as many rows as columns, found shape "
            f"{input.array.shape}; leave out the last columns"
        )
    return _reflected(v, factors, eye(*input.shape[-2:], dtype=v.dtype).expand(input.shape), False)


@method("orgqr")
def orgqr(input: Tensor, input2: Tensor) -> Tensor:
    """:func:`householder_product`.

    >>> import cnn_physics77 as torch
    >>> torch.orgqr(torch.tensor([[0.0], [0.5]]), torch.tensor([1.6]))
    tensor([[-0.6000],
            [-0.8000]])
    """
    return householder_product(input, input2)


@method("ormqr")
def ormqr(
    input: Tensor, input2: Tensor, input3: Tensor, left: bool = True, transpose: bool = False
) -> Tensor:
    """The product of a matrix C with the square Q of :func:`householder_product`: QC, or CQ if not ``left``.

    Args:
        input, input2: the reflections, (..., M, N) and τ, (..., K).
        input3: C, (..., M, L), or (..., L, M) if not ``left``, of the same dtype.
        left: whether Q stands to the left of C.
        transpose: whether the conjugate transpose of Q stands for Q.

    Raises:
        ShapeError: the sizes do not fit.
        DtypeError: the dtypes differ, or are neither floating nor complex.

    >>> import cnn_physics77 as torch
    >>> torch.ormqr(torch.tensor([[0.0], [0.5]]), torch.tensor([1.6]), torch.eye(2))
    tensor([[-0.6000, -0.8000],
            [-0.8000,  0.6000]])
    """
    v, factors = _reflections("ormqr", input, input2)
    _, other = of_one_dtype("ormqr", v, matrices("ormqr", input3, "C"))
    size = other.array.shape[-2 if left else -1]
    if size != v.array.shape[-2]:
        raise ShapeError(
            f"ormqr: expected C with {v.array.shape[-2]} {'rows' if left else 'columns'}, found {size}; "
            "transpose it, or choose left="
        )
    if left:
        return _reflected(v, factors, other, transpose)
    return _reflected(v, factors, other.mH, not transpose).mH


__all__ = ["geqrf", "householder_product", "orgqr", "ormqr"]

complete_late(__name__)
