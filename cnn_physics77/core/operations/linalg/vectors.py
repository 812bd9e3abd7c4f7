"""Products of vectors along a dimension."""

from __future__ import annotations

from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.operations.base.broadcasting import common_shape, prepare
from cnn_physics77.core.operations.base.dimensions import dimension
from cnn_physics77.core.operations.base.operation import as_tensor_input
from cnn_physics77.core.operations.indexing.flip_roll import roll
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.linalg.matmul import of_one_dtype
from cnn_physics77.core.operations.pointwise.arithmetic import conj
from cnn_physics77.core.operations.reduction.sum_mean import sum
from cnn_physics77.core.tensor import Tensor


def cross(input: Tensor, other: Tensor, *, dim: int = -1) -> Tensor:
    """The cross product of vectors of 3 elements: y₁ = a₂b₃ − a₃b₂, and so on in turn.

    Args:
        input, other: a and b, with as many dimensions; the sizes other than that of ``dim`` broadcast.
        dim: the dimension of the vectors, of size 3.

    Raises:
        ShapeError: the numbers of dimensions differ, the size is not 3, or the others do not broadcast.

    >>> import cnn_physics77 as torch
    >>> torch.linalg.cross(torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 1.0, 0.0]))
    tensor([0., 0., 1.])
    """
    name = "linalg.cross"
    a, b = as_tensor_input(name, input), as_tensor_input(name, other)
    if a.array.ndim != b.array.ndim:
        raise ShapeError(
            f"{name}: expected vectors with as many dimensions, found shapes {a.array.shape} and "
            f"{b.array.shape}; unsqueeze one of them"
        )
    dim = dimension(name, dim, a.array.ndim)
    if not a.array.ndim or a.array.shape[dim] != 3 or b.array.shape[dim] != 3:
        raise ShapeError(
            f"{name}: expected vectors of 3 elements along dim {dim}, found shapes {a.array.shape} and "
            f"{b.array.shape}; choose another dim"
        )
    a, b = prepare(name, (a, b))
    return roll(a, -1, dim) * roll(b, -2, dim) - roll(a, -2, dim) * roll(b, -1, dim)


def vecdot(x: Tensor, y: Tensor, *, dim: int = -1) -> Tensor:
    """The inner product of vectors along a dimension: Σ x* y.

    Args:
        x, y: of one dtype; their shapes broadcast.
        dim: the dimension of the vectors.

    Raises:
        ShapeError: there is no such dimension, or the shapes do not broadcast.
        DtypeError: the dtypes differ.

    >>> import cnn_physics77 as torch
    >>> torch.linalg.vecdot(torch.tensor([1j, 1.0]), torch.tensor([1j, 2.0]))
    tensor(3.+0.j)
    """
    x, y = of_one_dtype("linalg.vecdot", x, y)
    ndim = len(common_shape("linalg.vecdot", x.array.shape, y.array.shape))
    return sum(conj(x) * y, dimension("linalg.vecdot", dim, ndim))


__all__ = ["cross", "vecdot"]

complete_late(__name__)
