"""A copy of a tensor with one of its diagonals replaced."""

from __future__ import annotations

from cnn_physics77.core.operations.base.operation import as_tensor_input
from cnn_physics77.core.operations.indexing.view_scatter import replaced
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.linalg.diagonal import _diagonal, _two_dimensions
from cnn_physics77.core.tensor import Tensor, method


@method("diagonal_scatter")
def diagonal_scatter(input: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """A copy of the input with ``src`` in the view of :func:`diagonal`, whose arguments these are.

    Raises:
        ShapeError: the dimensions do not exist, or are equal; or ``src`` has another shape than the diagonal.

    >>> import cnn_physics77 as torch
    >>> torch.diagonal_scatter(torch.zeros(2, 2), torch.tensor([1.0, 2.0]))
    tensor([[1., 0.],
            [0., 2.]])
    """
    input = as_tensor_input("diagonal_scatter", input)
    dim1, dim2 = _two_dimensions("diagonal_scatter", dim1, dim2, input.array.ndim)
    path = ((_diagonal, {"offset": offset, "dim1": dim1, "dim2": dim2}),)
    return replaced("diagonal_scatter", input, src, path)


__all__ = ["diagonal_scatter"]

complete_late(__name__)
