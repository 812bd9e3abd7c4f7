"""Products of vectors and matrices."""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.backend.conversion import fitted
from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.core.kernels import gemm
from cnn_physics77.core.operations.base.broadcasting import common_shape, expands_to, prepare, sum_to
from cnn_physics77.core.operations.base.constants import constant_in
from cnn_physics77.core.operations.base.names import named
from cnn_physics77.core.operations.base.operation import as_tensor_input, operation
from cnn_physics77.core.operations.base.own_name import in_own_name
from cnn_physics77.core.operations.base.precision import in_float32
from cnn_physics77.core.operations.pointwise.arithmetic import add, conj, mul, operator_of, reflected_of
from cnn_physics77.core.operations.reduction.sum_mean import sum
from cnn_physics77.core.tensor import Tensor, method

# --------------------------------------------------------------------------------------------- the product


@operation(name="matmul")
def _matmul(a, b):
    """y_mn = Σ_k a_mk b_kn for every matrix of the broadcast batch."""
    return gemm.matmul(a, b)


@_matmul.derivative("a")
def _(g, b, a_shape):
    """g bᴴ"""
    return sum_to(_matmul(g, conj(b).mT), a_shape)


@_matmul.derivative("b")
def _(g, a, b_shape):
    """aᴴ g"""
    return sum_to(_matmul(conj(a).mT, g), b_shape)


def of_one_dtype(function: str, *operands) -> list[Tensor]:
    """The operands as tensors of one dtype.

    Raises:
        DtypeError: the dtypes differ.
    """
    tensors = [as_tensor_input(function, o) for o in operands]
    dtype = tensors[0].array.dtype
    for t in tensors[1:]:
        if t.array.dtype != dtype:
            raise DtypeError(
                f"{function}: expected tensors of one dtype, found torch.{dtype} and {t.dtype}; convert one "
                "of them with .to(dtype)"
            )
    return tensors


@method("matmul")
def matmul(input: Tensor, other: Tensor) -> Tensor:
    r"""The product of matrices.

    .. math:: y_{mn} = \sum_k a_{mk} b_{kn} \qquad \bar a = \bar y\, b^H \qquad \bar b = a^H \bar y

    Args:
        input: a, (..., M, K); or (K,) for a row, whose dimension M is removed from the result.
            Or a sparse matrix, with a dense b of one or two dimensions: see :func:`sparse_coo_tensor`.
        other: b, (..., K, N); or (K,) for a column, whose dimension N is removed from the result. Leading
            dimensions broadcast.

    Returns:
        y, (..., M, N), of the common dtype.

    Raises:
        ShapeError: the inner sizes differ, leading ones do not broadcast, or an operand has no dimension.
        DtypeError: the dtypes differ.

    >>> import cnn_physics77 as torch
    >>> torch.matmul(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([1.0, 1.0]))
    tensor([3., 7.])
    """
    if isinstance(input, Tensor) and input.is_sparse:
        return input.matmul(other)
    a, b = of_one_dtype("matmul", input, other)
    x, z = a.array.shape, b.array.shape
    if not x or not z:
        raise ShapeError(
            f"matmul: expected tensors of at least 1 dimension, found {x} @ {z}; multiply by a number with *"
        )
    if x[-1] != (z[-2] if len(z) > 1 else z[0]):
        raise _unequal("matmul", x, z)
    if len(x) == 1:
        a = a.unsqueeze(0)
    if len(z) == 1:
        b = b.unsqueeze(1)
    if len(x) > 2 or len(z) > 2:
        common_shape(f"matmul: leading dimensions of {x} @ {z}", x[:-2], z[:-2])
    y = _matmul(a, b)
    if len(x) == len(z) == 2:
        return y
    if len(z) == 1:
        y = y.squeeze(-1)
    if len(x) == 1:
        y = y.squeeze(-1 if len(z) == 1 else -2)
    names = {(1, 1): "DotBackward0", (2, 1): "MvBackward0", (1, 2): "SqueezeBackward4"}
    return named(y, names.get((len(x), len(z)), "UnsafeViewBackward0"))


def _product(a, b) -> Tensor:
    """The operator @. With an array of NumPy, the dtype is NumPy's."""
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        a, b = prepare("matmul", (a, b), broadcast=False)
    return matmul(a, b)


method("__matmul__")(operator_of(_product))
method("__rmatmul__")(reflected_of(_product))


def _unequal(function: str, x: tuple[int, ...], z: tuple[int, ...]) -> ShapeError:
    """The error for factors of shapes x and z whose inner sizes differ."""
    return ShapeError(
        f"{function}: expected the last size of the first factor to equal the "
        f"{'second-to-last' if len(z) > 1 else 'only'} size of the second, found {x} @ {z}; transpose one "
        "factor or check the layer's in_features"
    )


def _of_dimensions(function: str, what: str, *pairs: tuple[Tensor, int]) -> None:
    for t, ndim in pairs:
        if t.array.ndim != ndim:
            found = " and ".join(str(u.shape) for u, _ in pairs)
            raise ShapeError(f"{function}: expected {what}, found {found}; use matmul, which broadcasts")


@method("mm")
def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """The product of two matrices, (M, K) and (K, N), without broadcasting: see :func:`matmul`.
    The first may be sparse.

    >>> import cnn_physics77 as torch
    >>> torch.mm(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0], [4.0]]))
    tensor([[11.]])
    """
    if isinstance(input, Tensor) and input.is_sparse:
        return input.mm(mat2)
    a, b = of_one_dtype("mm", input, mat2)
    _of_dimensions("mm", "two matrices", (a, 2), (b, 2))
    if a.array.shape[1] != b.array.shape[0]:
        raise _unequal("mm", a.array.shape, b.array.shape)
    return matmul(a, b)


spmm = mm


@method("bmm")
def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """The products of B pairs of matrices, (B, M, K) and (B, K, N), without broadcasting: see :func:`matmul`.

    >>> import cnn_physics77 as torch
    >>> torch.bmm(torch.ones(5, 2, 3), torch.ones(5, 3, 4)).shape
    torch.Size([5, 2, 4])
    """
    a, b = of_one_dtype("bmm", input, mat2)
    _of_dimensions("bmm", "two batches of matrices", (a, 3), (b, 3))
    if len(a.array) != len(b.array):
        raise ShapeError(
            f"bmm: expected batches of one size, found {a.array.shape} and {b.array.shape}; use matmul, "
            "which broadcasts"
        )
    return named(matmul(a, b), "BmmBackward0")


@method("mv")
def mv(input: Tensor, vec: Tensor) -> Tensor:
    """The product of a matrix (M, K) and a vector (K): see :func:`matmul`.

    >>> import cnn_physics77 as torch
    >>> torch.mv(torch.tensor([[1.0, 2.0]]), torch.tensor([3.0, 4.0]))
    tensor([11.])
    """
    if isinstance(input, Tensor) and input.is_sparse:
        return input.mv(vec)
    a, b = of_one_dtype("mv", input, vec)
    _of_dimensions("mv", "a matrix and a vector", (a, 2), (b, 1))
    return matmul(a, b)


@method("dot")
def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """The inner product of two vectors, without conjugation: y = Σ a_k b_k.

    >>> import cnn_physics77 as torch
    >>> torch.dot(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0]))
    tensor(11.)
    """
    a, b = of_one_dtype("dot", input, tensor)
    _of_dimensions("dot", "two vectors", (a, 1), (b, 1))
    if a.array.shape != b.array.shape:
        raise _unequal("dot", a.array.shape, b.array.shape)
    return matmul(a, b)


@method("outer", "ger")
def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """The outer product of two vectors: y_ij = a_i b_j.

    >>> import cnn_physics77 as torch
    >>> torch.outer(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0]))
    tensor([[3., 4.],
            [6., 8.]])
    """
    _of_dimensions("outer", "two vectors", (input, 1), (vec2, 1))
    return mul(input.unsqueeze(1), vec2)


ger = outer


def _plus_product(function: str, input, product: Tensor, beta, alpha) -> Tensor:
    """beta input + alpha product"""
    input, product = of_one_dtype(function, input, product)
    if not expands_to(input.array.shape, product.array.shape):
        raise ShapeError(
            f"{function}: expected an input that expands to {product.array.shape}, found {input.array.shape}"
        )
    kind = product.array.dtype.kind
    if kind != "c" and (isinstance(alpha, complex) or isinstance(beta, complex)):
        raise DtypeError(
            f"{function}: expected real beta and alpha for {product.dtype}, found {beta}, {alpha}; use .real"
        )
    if kind in "iu":
        alpha, beta = (fitted(function, n, product.array.dtype).item() for n in (alpha, beta))
    elif kind == "b":
        if isinstance(alpha, float) or isinstance(beta, float):
            raise DtypeError(f"{function}: expected whole beta and alpha for booleans, found {beta}, {alpha}")
        alpha, beta = bool(alpha), bool(beta)
    if alpha != 1:
        product = mul(product, alpha)
    if beta == 0:  # the input is ignored, even NaN
        return constant_in(product, input)
    return add(product, input if beta == 1 else mul(input, beta))


@method("addmm")
@in_own_name
@in_float32
def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta=1, alpha=1) -> Tensor:
    """y = beta input + alpha (mat1 @ mat2). The input broadcasts; with beta = 0 it is ignored, even NaN, and
    its gradient is 0.

    For integer tensors, beta and alpha are truncated to integers. float16 is rounded once, at the end.

    Raises:
        ShapeError: matrices that cannot be multiplied, or an input that does not expand to the product.
        DtypeError: different dtypes, or complex factors of real tensors.
        RangeError: factors out of the range of an integer dtype.

    >>> import cnn_physics77 as torch
    >>> torch.addmm(torch.tensor([1.0]), torch.ones(2, 3), torch.ones(3, 1), alpha=2)
    tensor([[7.],
            [7.]])
    """
    return _plus_product("addmm", input, mm(mat1, mat2), beta, alpha)


@method("addmv")
@in_own_name
@in_float32
def addmv(input: Tensor, mat: Tensor, vec: Tensor, *, beta=1, alpha=1) -> Tensor:
    """y = beta input + alpha (mat @ vec) for a matrix and a vector. See :func:`addmm`.

    >>> import cnn_physics77 as torch
    >>> torch.addmv(torch.tensor([1.0]), torch.ones(2, 3), torch.ones(3), alpha=2)
    tensor([7., 7.])
    """
    return _plus_product("addmv", input, mv(mat, vec), beta, alpha)


@method("addr")
@in_own_name
@in_float32
def addr(input: Tensor, vec1: Tensor, vec2: Tensor, *, beta=1, alpha=1) -> Tensor:
    """y = beta input + alpha (vec1 ⊗ vec2), the outer product of two vectors. See :func:`addmm`.
    Of booleans the product is "and", the sum "or". The dtypes are promoted.

    >>> import cnn_physics77 as torch
    >>> torch.addr(torch.tensor([1.0]), torch.ones(2), torch.ones(3), alpha=2)
    tensor([[3., 3., 3.],
            [3., 3., 3.]])
    """
    input, vec1, vec2 = prepare("addr", (input, vec1, vec2), broadcast=False)
    return _plus_product("addr", input, outer(vec1, vec2), beta, alpha)


@method("addbmm")
@in_own_name
@in_float32
def addbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta=1, alpha=1) -> Tensor:
    """y = beta input + alpha Σ_b (batch1 @ batch2)_b, the sum of the products of pairs of matrices. See
    :func:`addmm`.

    >>> import cnn_physics77 as torch
    >>> torch.addbmm(torch.tensor([1.0]), torch.ones(2, 1, 3), torch.ones(2, 3, 1))
    tensor([[7.]])
    """
    product = bmm(batch1, batch2)
    return _plus_product("addbmm", input, sum(product, 0, dtype=product.dtype), beta, alpha)


@method("baddbmm")
@in_own_name
@in_float32
def baddbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta=1, alpha=1) -> Tensor:
    """y = beta input + alpha (batch1 @ batch2) for batches of matrices. See :func:`addmm`.

    >>> import cnn_physics77 as torch
    >>> torch.baddbmm(torch.tensor(1.0), torch.ones(1, 2, 3), torch.ones(1, 3, 1))
    tensor([[[4.],
             [4.]]])
    """
    return _plus_product("baddbmm", input, bmm(batch1, batch2), beta, alpha)


__all__ = [
    "addbmm",
    "addmm",
    "addmv",
    "addr",
    "baddbmm",
    "bmm",
    "dot",
    "ger",
    "matmul",
    "mm",
    "mv",
    "outer",
    "spmm",
]
