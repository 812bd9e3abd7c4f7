r"""Embedding: rows of a table at given indices, and its adjoint, which adds to rows."""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.core.kernels import rows as kernels
from cnn_physics77.core.operations.base.arguments import check_tensors
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.tensor import Tensor, from_array


@operation(name="embedding")
def _lookup(weight, indices, factor):
    """y_i = w[indices_i]; the factor multiplies the gradient"""
    return kernels.take_rows(weight, indices)


@operation(name="embedding_gradient")
def _sum_rows(g, indices, *, rows):
    """w̄_r = Σ g_i over the i with indices_i = r"""
    rest = g.shape[indices.ndim :]
    return kernels.sum_rows(g.reshape(indices.size, *rest), indices.reshape(-1), rows)


@_lookup.derivative("weight")
def _(g, indices, factor, weight_shape):
    return _sum_rows(g if factor is None else g * factor, indices, rows=weight_shape[0])


@_sum_rows.derivative("g")
def _(v, indices):
    return _lookup(v, indices, None)


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    r"""Rows of a table.

    .. math:: y_{i,d} = w_{t_i, d}, \qquad \bar w_r = \sum_{i: \, t_i = r} \bar y_i

    Args:
        input: indices t, integers of any shape.
        weight: the table w, (rows, dimension).
        padding_idx: this row gets no gradient; negative ones count from the end.
        max_norm: used rows with a larger norm are first scaled down to it, in place.
        norm_type: the order of that norm.
        scale_grad_by_freq: whether to divide each row's gradient by the number of its uses.
        sparse: accepted for compatibility with PyTorch; the gradient is dense.

    Returns:
        y, (*input.shape, dimension).

    Raises:
        ShapeError: an index or padding_idx is out of range, or the table is not 2-D.
        DtypeError: the indices are not integers.

    >>> import cnn_physics77 as torch
    >>> table = torch.tensor([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
    >>> torch.nn.functional.embedding(torch.tensor([2, 0]), table)
    tensor([[4., 5.],
            [0., 1.]])
    """
    check_tensors("embedding", weight, kinds="fciub")
    if not isinstance(input, Tensor) or input.array.dtype.kind not in "iu":
        found = input.dtype if isinstance(input, Tensor) else type(input).__name__
        raise DtypeError(
            f"embedding: expected a tensor of integer indices, found {found}; convert it, e.g. with .long()"
        )
    if weight.ndim != 2:
        raise ShapeError(f"embedding: 'weight' must be 2-D, found shape {weight.array.shape}")
    rows, indices = weight.shape[0], input.array
    if indices.size and not 0 <= indices.min() <= indices.max() < rows:
        raise ShapeError(
            f"embedding: index out of range in self: expected indices in [0, {rows}), found {indices.min()} "
            f"to {indices.max()}; check the number of embeddings"
        )
    if padding_idx is not None:
        if not -rows <= padding_idx < rows:
            raise ShapeError(
                f"embedding: Padding_idx must be within num_embeddings, expected [{-rows}, {rows}), found "
                f"{padding_idx}"
            )
        padding_idx %= rows
    if max_norm is not None:
        _shorten(weight, np.unique(indices), max_norm, norm_type)
    return _lookup(
        weight, input, _factor(indices, padding_idx, rows if scale_grad_by_freq else 0, weight.dtype)
    )


def _shorten(weight: Tensor, used: np.ndarray, longest: float, norm_type: float) -> None:
    lengths = np.linalg.norm(weight.array[used], norm_type, axis=1, keepdims=True)
    long = lengths[:, 0] > longest
    if long.any():
        weight.array[used[long]] *= longest / (lengths[long] + 1e-7)
        weight.mark_changed()


def _factor(indices: np.ndarray, padding_idx: int | None, counted: int, dtype) -> Tensor | None:
    """The factor of the gradient at each index; None for 1. The uses of so many rows are ``counted``, or 0
    if frequencies do not matter."""
    if padding_idx is None and not counted:
        return None
    factor = np.ones(indices.shape, dtype, like=indices)
    if counted and indices.size:
        factor /= np.bincount(indices.reshape(-1), minlength=counted)[indices]
    if padding_idx is not None:
        factor = np.where(indices == padding_idx, factor.dtype.type(0), factor)
    return from_array(factor[..., None])


__all__ = ["embedding"]
