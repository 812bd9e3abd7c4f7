"""Products of two or more tensors, beyond that of matrices."""

from __future__ import annotations

import operator

from cnn_physics77.core.errors import ArgumentError, ShapeError
from cnn_physics77.core.operations.base.operation import as_tensor_input
from cnn_physics77.core.operations.base.own_name import in_own_name
from cnn_physics77.core.operations.indexing.cat_split import cat
from cnn_physics77.core.operations.indexing.flip_roll import flip
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.linalg import vectors
from cnn_physics77.core.operations.linalg.einsum import tensordot
from cnn_physics77.core.operations.linalg.matmul import dot, of_one_dtype
from cnn_physics77.core.operations.linalg.matrix_functions import multi_dot
from cnn_physics77.core.operations.pointwise.arithmetic import conj, mul
from cnn_physics77.core.operations.reduction.cumsum_prod import cumprod
from cnn_physics77.core.tensor import Tensor, method


@method("kron")
def kron(input: Tensor, other: Tensor) -> Tensor:
    """The Kronecker product: each element of a times all of b, y_(i B + k, j D + l) = a_ij b_kl.

    Args:
        input, other: a and b, of any shape; that of fewer dimensions gets sizes 1 in front.

    Returns:
        Of the promoted dtype; each size is the product of the two.

    >>> import cnn_physics77 as torch
    >>> torch.kron(torch.eye(2), torch.tensor([[1.0, 2.0]]))
    tensor([[1., 2., 0., 0.],
            [0., 0., 1., 2.]])
    """
    a, b = as_tensor_input("kron", input), as_tensor_input("kron", other)
    ndim = max(a.array.ndim, b.array.ndim)
    rows = (1,) * (ndim - a.array.ndim) + a.array.shape
    columns = (1,) * (ndim - b.array.ndim) + b.array.shape
    a = a.reshape(tuple(n for size in rows for n in (size, 1)))
    b = b.reshape(tuple(n for size in columns for n in (1, size)))
    return mul(a, b).reshape(tuple(m * n for m, n in zip(rows, columns)))


@method("inner")
def inner(input: Tensor, other: Tensor) -> Tensor:
    """The products of the last dimensions: y_(i, j) = Σ_k a_(i, k) b_(j, k), without conjugation; with a 0-d
    tensor, the elementwise product.

    Raises:
        ShapeError: the last sizes differ.
        DtypeError: the dtypes differ.

    >>> import cnn_physics77 as torch
    >>> torch.inner(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0]))
    tensor(11.)
    """
    if not (input.array.ndim and other.array.ndim):
        return mul(input, other)
    a, b = of_one_dtype("inner", input, other)
    if a.array.shape[-1] != b.array.shape[-1]:
        raise ShapeError(
            f"inner: expected tensors with equal last sizes, found {a.array.shape} and {b.array.shape}; "
            "transpose one of them"
        )
    return tensordot(a, b, ([-1], [-1]))


@method("vdot")
@in_own_name
def vdot(input: Tensor, other: Tensor) -> Tensor:
    """The inner product of two vectors, the first one conjugated: y = Σ a_k* b_k.

    >>> import cnn_physics77 as torch
    >>> torch.vdot(torch.tensor([1j, 1.0]), torch.tensor([1j, 2.0]))
    tensor(3.+0.j)
    """
    return dot(conj(as_tensor_input("vdot", input)), other)


@method("cross")
@in_own_name
def cross(input: Tensor, other: Tensor, dim: int | None = None) -> Tensor:
    """:func:`torch.linalg.cross <.vectors.cross>`. ``dim`` None takes the first dimension of size 3.

    >>> import cnn_physics77 as torch
    >>> torch.cross(torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 1.0, 0.0]))
    tensor([0., 0., 1.])
    """
    if dim is None:
        shape = as_tensor_input("cross", input).array.shape
        if 3 not in shape:
            raise ShapeError(
                f"cross: expected a dimension of size 3, found shape {shape}; transform the input"
            )
        dim = shape.index(3)
    return vectors.cross(input, other, dim=dim)


@in_own_name
def chain_matmul(*matrices: Tensor) -> Tensor:
    """The product of matrices: :func:`torch.linalg.multi_dot <.matrix_functions.multi_dot>`. A single one is
    returned as it is.

    >>> import cnn_physics77 as torch
    >>> torch.chain_matmul(torch.ones(2, 3), torch.ones(3, 1))
    tensor([[3.],
            [3.]])
    """
    tensors = [as_tensor_input("chain_matmul", m) for m in matrices]
    if not tensors or any(t.array.ndim != 2 for t in tensors):
        found = ", ".join(str(t.array.shape) for t in tensors) or "none"
        raise ShapeError(f"chain_matmul: expected one or more matrices, found {found}; use matmul")
    return tensors[0] if len(tensors) == 1 else multi_dot(tensors)


def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """The Vandermonde matrix of a vector: its powers N - 1, ..., 1, 0, or 0, 1, ..., N - 1 if ``increasing``.
    See :func:`torch.linalg.vander <.matrix_functions.vander>`.

    Args:
        x: (n), numbers.
        N: the number of powers, not negative; n by default.

    Returns:
        (n, N); int64 for integers.

    Raises:
        ShapeError: x is no vector.
        ArgumentError: N is negative.

    >>> import cnn_physics77 as torch
    >>> torch.vander(torch.tensor([2, 3]), N=3)
    tensor([[4, 2, 1],
            [9, 3, 1]])
    """
    x = as_tensor_input("vander", x)
    if x.array.ndim != 1:
        raise ShapeError(f"vander: expected a vector, found shape {x.array.shape}; use linalg.vander")
    N = len(x.array) if N is None else operator.index(N)
    if N < 0:
        raise ArgumentError(f"vander: expected N of at least 0, found {N}")
    column = x.unsqueeze(1)
    factors = cat([column**0, column.expand((len(x.array), max(N - 1, 0)))], 1)
    powers = cumprod(factors, 1)[:, :N]
    return powers if increasing else flip(powers, (1,))


__all__ = ["chain_matmul", "cross", "inner", "kron", "vander", "vdot"]

complete_late(__name__)
