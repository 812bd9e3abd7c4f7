"""Slices scaled down to a largest norm."""

from __future__ import annotations

from cnn_physics77.core.errors import ArgumentError, ShapeError
from cnn_physics77.core.operations.base.dimensions import dimension
from cnn_physics77.core.operations.base.operation import as_tensor_input
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.pointwise.where_clamp import where
from cnn_physics77.core.operations.reduction.var_std_norm import vector_norm
from cnn_physics77.core.tensor import Tensor, from_array, method

EPSILON = 1e-7
"""Added to a norm before the division by it, as in PyTorch."""


@method("renorm")
def renorm(input: Tensor, p: float, dim: int, maxnorm: float) -> Tensor:
    r"""The input with each slice along a dimension scaled so that its p-norm is at most ``maxnorm``.

    .. math:: y = \frac{m}{\|x\|_p + 10^{-7}} x \quad\text{if}\quad \|x\|_p > m, \quad\text{else}\quad y = x

    Args:
        input: floating or complex, of at least two dimensions.
        p: the exponent of the norm, positive or inf.
        dim: each index of this dimension is a slice.
        maxnorm: m, not negative.

    Raises:
        ShapeError: fewer than two dimensions, or no such dimension.
        ArgumentError: p is not positive, or m negative.
        DtypeError: the input is neither floating nor complex.

    >>> import cnn_physics77 as torch
    >>> torch.renorm(torch.tensor([[3.0, 4.0], [0.3, 0.4]]), 2, 0, 1.0)
    tensor([[0.6000, 0.8000],
            [0.3000, 0.4000]])
    """
    input = as_tensor_input("renorm", input)
    if not p > 0:
        raise ArgumentError(f"renorm: non-positive-norm not supported: expected p > 0, found {p}")
    if not maxnorm >= 0:
        raise ArgumentError(f"renorm: expected maxnorm to be >= 0 but got {maxnorm}")
    ndim = input.array.ndim
    if ndim < 2:
        raise ShapeError(f"renorm: input needs at least 2 dimensions, got {ndim} dimensions")
    axis = dimension("renorm", dim, ndim)
    norm = vector_norm(input, p, tuple(i for i in range(ndim) if i != axis), keepdim=True)
    return input * where(from_array(norm.array > maxnorm), maxnorm / (norm + EPSILON), 1.0)


__all__ = ["renorm"]

complete_late(__name__)
