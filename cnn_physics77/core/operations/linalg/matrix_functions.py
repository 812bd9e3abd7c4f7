"""Powers, exponentials and products of matrices, and linear equations of tensors."""

from __future__ import annotations

import operator
from itertools import pairwise
from math import prod

import numpy as np

from cnn_physics77.core.errors import ArgumentError, DtypeError, ShapeError
from cnn_physics77.core.kernels.linalg.expm import expm
from cnn_physics77.core.operations.base.keywords import completed
from cnn_physics77.core.operations.base.operation import as_tensor_input, operation
from cnn_physics77.core.operations.creation.creation import eye, zeros
from cnn_physics77.core.operations.indexing.cat_split import cat
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.linalg import diagonal as _diagonals
from cnn_physics77.core.operations.linalg.inputs import numbers, square_matrices
from cnn_physics77.core.operations.linalg.inverse import inv, solve
from cnn_physics77.core.operations.linalg.matmul import matmul, of_one_dtype
from cnn_physics77.core.operations.pointwise.where_clamp import where
from cnn_physics77.core.operations.reduction.cumsum_prod import cumprod
from cnn_physics77.core.tensor import Tensor, from_array, method

# --------------------------------------------------------------------------------------------- functions


@operation(name="matrix_exp")
def _matrix_exp(a):
    return expm(a)


@_matrix_exp.derivative("a")
def _(g, a):
    """The upper right block of exp ((aᴴ, g), (0, aᴴ))"""
    n, ah = a.shape[-1], a.mH
    above, below = cat([ah, g], -1), cat([zeros(a.shape, dtype=a.dtype), ah], -1)
    return _matrix_exp(cat([above, below], -2))[..., :n, n:]


@completed  # torch.matrix_exp takes no out, this one does
def matrix_exp(input: Tensor) -> Tensor:
    r"""The exponential of square matrices.

    .. math:: Y = \sum_k \frac{1}{k!} A^k \qquad \begin{pmatrix} Y^H & \bar A \\ 0 & Y^H \end{pmatrix} = \exp
        \begin{pmatrix} A^H & \bar Y \\ 0 & A^H \end{pmatrix}

    Args:
        input: A, (..., N, N), floating or complex.

    Returns:
        Y, (..., N, N); NaN if A has infinite or NaN elements.

    Raises:
        ShapeError: the matrices are not square.
        DtypeError: the input is neither floating nor complex, or float16.

    Source of the derivative: R. Mathias, "A chain rule for matrix functions and applications" (1996).

    >>> import cnn_physics77 as torch
    >>> torch.linalg.matrix_exp(torch.tensor([[0.0, 1.0], [0.0, 0.0]]))
    tensor([[1., 1.],
            [0., 1.]])
    """
    return _matrix_exp(square_matrices("linalg.matrix_exp", input))


@method("matrix_power")
def matrix_power(input: Tensor, n: int) -> Tensor:
    """The n-th power of square matrices, by repeated squaring.

    Args:
        input: A, (..., N, N), floating or complex.
        n: the exponent; 0 gives the identity, and a negative one the power of the inverse.

    Raises:
        LinAlgError: n is negative, and a matrix is singular.
        ShapeError: the matrices are not square.
        DtypeError: the input is neither floating nor complex, or float16.

    >>> import cnn_physics77 as torch
    >>> torch.linalg.matrix_power(torch.tensor([[1.0, 1.0], [0.0, 1.0]]), 5)
    tensor([[1., 5.],
            [0., 1.]])
    """
    A, n = square_matrices("linalg.matrix_power", input), operator.index(n)
    if n == 0:
        everywhere = from_array(np.ones((), bool))
        return where(everywhere, eye(A.shape[-1], dtype=A.dtype), A)  # of A it has the graph
    if n < 0:
        A, n = inv(A), -n
    while n % 2 == 0:
        A, n = matmul(A, A), n // 2
    power = A
    while n := n // 2:
        A = matmul(A, A)
        if n % 2:
            power = matmul(power, A)
    return power


def vander(x: Tensor, *, N: int | None = None) -> Tensor:
    """Vandermonde matrices: the powers 0, 1, ..., N - 1 of each element.

    Args:
        x: (..., n), of any dtype but boolean; a 0-d one counts as (1).
        N: the number of powers; n by default.

    Returns:
        (..., n, N): y_ij = x_i^j.

    Raises:
        ShapeError: N is less than 2.

    >>> import cnn_physics77 as torch
    >>> torch.linalg.vander(torch.tensor([2, 3]), N=3)
    tensor([[1, 2, 4],
            [1, 3, 9]])
    """
    x = as_tensor_input("linalg.vander", x)
    if not x.array.ndim:
        x = x.unsqueeze(0)
    N = x.array.shape[-1] if N is None else operator.index(N)
    if N < 2:
        raise ShapeError(f"linalg.vander: expected N of at least 2, found {N}; for N = 1 use ones")
    if x.array.dtype.kind == "b":
        raise DtypeError("linalg.vander: expected numbers, found torch.bool; convert it, e.g. with .long()")
    column = x.unsqueeze(-1)
    factors = cat([column**0, column.expand((*x.shape, N - 1))], -1)
    return cumprod(factors, -1)


# --------------------------------------------------------------------------------------------- products


def multi_dot(tensors) -> Tensor:
    """The product of two or more matrices, in the order that takes the fewest multiplications.

    Args:
        tensors: matrices whose inner sizes fit. The first may be a vector, which counts as a row, and the
            last one a vector, which counts as a column; that dimension is removed from the result.

    Raises:
        ShapeError: there are fewer than 2 tensors, one is no matrix, or the sizes do not fit.
        DtypeError: the dtypes differ.

    Source: T. Cormen et al., *Introduction to Algorithms*, 3rd ed. (2009), section 15.2.

    >>> import cnn_physics77 as torch
    >>> torch.linalg.multi_dot([torch.ones(2, 3), torch.ones(3, 1), torch.ones(1)])
    tensor([3., 3.])
    """
    name = "linalg.multi_dot"
    factors = of_one_dtype(name, *tensors) if tensors else []
    if len(factors) < 2:
        raise ShapeError(f"{name}: expected at least 2 tensors, found {len(factors)}")
    row, column = factors[0].array.ndim == 1, factors[-1].array.ndim == 1
    if row:
        factors[0] = factors[0].unsqueeze(0)
    if column:
        factors[-1] = factors[-1].unsqueeze(-1)
    for index, factor in enumerate(factors):
        if factor.array.ndim != 2:
            raise ShapeError(
                f"{name}: expected matrices, or vectors as the first and the last tensor, found shape "
                f"{tensors[index].array.shape} as number {index}"
            )
    for a, b in pairwise(factors):
        if a.array.shape[1] != b.array.shape[0]:
            raise ShapeError(
                f"{name}: expected matrices whose inner sizes fit, found {a.array.shape} @ {b.array.shape}; "
                "transpose one of them"
            )
    y = product_of_chain(factors)
    if row:
        y = y.squeeze(0)
    return y.squeeze(-1) if column else y


def product_of_chain(factors: list[Tensor]) -> Tensor:
    """The product of matrices whose sizes fit, in the best order."""
    sizes = [factors[0].array.shape[0], *(f.array.shape[1] for f in factors)]
    count = len(factors)
    cost = [[0] * count for _ in range(count)]  # of the product of the factors i, ..., j
    split = [[0] * count for _ in range(count)]  # the last factor of its left part
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            cost[i][j], split[i][j] = min(
                (cost[i][k] + cost[k + 1][j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j)
            )

    def product(i: int, j: int) -> Tensor:
        if i == j:
            return factors[i]
        k = split[i][j]
        return matmul(product(i, k), product(k + 1, j))

    return product(0, count - 1)


def diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """The diagonals of matrices: :func:`torch.diagonal <.diagonal.diagonal>` of the last two dimensions.

    >>> import cnn_physics77 as torch
    >>> torch.linalg.diagonal(torch.tensor([[1, 2], [3, 4]]))
    tensor([1, 4])
    """
    return _diagonals.diagonal(A, offset, dim1, dim2)


# --------------------------------------------------------------------------------------------- tensors


def tensorinv(input: Tensor, ind: int = 2) -> Tensor:
    """The inverse for :func:`tensordot <.einsum.tensordot>` of ``ind`` dimensions: that of the matrix of its
    first ``ind`` dimensions and its others.

    Args:
        input: A, floating or complex; the first ``ind`` sizes have the same product as the others.
        ind: a positive number of dimensions.

    Returns:
        Of shape A.shape[ind:] + A.shape[:ind].

    Raises:
        LinAlgError: there is no inverse.
        ShapeError: the products of the sizes differ.
        ArgumentError: ``ind`` is not positive.

    >>> import cnn_physics77 as torch
    >>> torch.linalg.tensorinv(torch.eye(4).reshape(4, 2, 2), ind=1).shape
    torch.Size([2, 2, 4])
    """
    A, ind = numbers("linalg.tensorinv", input), operator.index(ind)
    if ind < 1:
        raise ArgumentError(f"linalg.tensorinv: expected a positive ind, found {ind}")
    rows, columns = A.array.shape[:ind], A.array.shape[ind:]
    if prod(rows) != prod(columns):
        raise ShapeError(
            f"linalg.tensorinv: expected sizes with equal products before and after dimension {ind}, found "
            f"{rows} and {columns}; choose another ind"
        )
    return inv(A.reshape((prod(rows), prod(columns)))).reshape(columns + rows)


def tensorsolve(input: Tensor, other: Tensor, dims=None) -> Tensor:
    """The tensor X with tensordot(A, X, X.ndim) = B.

    Args:
        input: A, floating or complex, of shape B.shape + X.shape, where B and X have as many elements.
        other: B, of the same dtype.
        dims: dimensions of A that are moved to its end first.

    Raises:
        LinAlgError: the matrix that A stands for is singular.
        ShapeError: the sizes do not fit.
        DtypeError: the dtypes differ, or are neither floating nor complex.

    >>> import cnn_physics77 as torch
    >>> torch.linalg.tensorsolve(2 * torch.eye(4).reshape(4, 2, 2), torch.ones(4))
    tensor([[0.5000, 0.5000],
            [0.5000, 0.5000]])
    """
    name = "linalg.tensorsolve"
    A, B = of_one_dtype(name, numbers(name, input), numbers(name, other))
    if dims is not None:
        last = [d % A.array.ndim for d in dims]
        A = A.permute(*(d for d in range(A.array.ndim) if d not in last), *last)
    shape = A.array.shape[B.array.ndim :]
    if prod(shape) != B.array.size or prod(A.array.shape[: B.array.ndim]) != B.array.size:
        raise ShapeError(
            f"{name}: expected A of shape B.shape + X.shape, with as many elements in B and X, found "
            f"{A.array.shape} and {B.array.shape}; choose dims="
        )
    return solve(A.reshape((B.array.size, B.array.size)), B.reshape(B.array.size)).reshape(shape)


__all__ = ["diagonal", "matrix_exp", "matrix_power", "multi_dot", "tensorinv", "tensorsolve", "vander"]

complete_late(__name__)
