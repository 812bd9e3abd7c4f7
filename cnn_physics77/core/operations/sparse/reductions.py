"""Sums of sparse tensors, and the softmax of the elements that they store."""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.backend.conversion import as_dtype
from cnn_physics77.core.backend.size import size_of
from cnn_physics77.core.errors import DtypeError, LayoutError
from cnn_physics77.core.kernels import rows as kernels
from cnn_physics77.core.operations.base.dimensions import dimension, dimensions
from cnn_physics77.core.operations.indexing.cast import convert
from cnn_physics77.core.operations.indexing.index_put import index_select
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.nn import softmax as dense
from cnn_physics77.core.operations.pointwise.exp_log_pow import exp, log
from cnn_physics77.core.operations.reduction.sum_mean import sum as sum_of
from cnn_physics77.core.operations.sparse.coo import SparseTensor, grouped_sum, made
from cnn_physics77.core.operations.sparse.places import groups
from cnn_physics77.core.tensor import Tensor, from_array


def sum(input: SparseTensor, dim=None, dtype=None) -> Tensor:
    """The sum of a sparse tensor over some dimensions.

    Args:
        dim: one or several; by default all.
        dtype: in which the elements are added; by default theirs.

    Returns:
        A sparse tensor of the remaining dimensions; a dense one if no sparse dimension remains.

    Raises:
        LayoutError: the input is dense.
        ShapeError: no such dimension, or one is named twice.

    >>> import cnn_physics77 as torch
    >>> a = torch.sparse_coo_tensor([[0, 1, 1], [2, 0, 2]], [3.0, 4.0, 5.0], (2, 3))
    >>> torch.sparse.sum(a), torch.sparse.sum(a, 1).to_dense()
    (tensor(12.), tensor([3., 9.]))
    """
    x = _coalesced("sum", input, dtype)
    if dim is None:
        return sum_of(x.values())
    n, reduced = x.sparse_dim(), dimensions("sum", dim, x.ndim)
    kept = [d for d in range(n) if d not in reduced]
    inner = tuple(d - n + 1 for d in reduced if d >= n)
    values = sum_of(x.values(), inner, dtype=x.dtype) if inner else x.values()
    if not kept:
        return sum_of(values, 0)
    size = size_of(tuple(s for d, s in enumerate(x.shape) if d not in reduced))
    return made(x.indices().array[kept], values, size, False).coalesce()


def softmax(input: SparseTensor, dim: int, *, dtype=None) -> SparseTensor:
    r"""The softmax of the stored elements of each row along a dimension; the others stay 0, as if they were
    -∞.

    .. math:: y_e = e^{x_e} \Big/ \sum_{e'} e^{x_{e'}}

    where e' are the stored elements that differ from e at most in their place along ``dim``. In a graph
    attention network they are the neighbours of a node (P. Veličković et al., ICLR 2018).

    Args:
        dim: a sparse or a dense dimension.
        dtype: converts the elements first.

    Raises:
        LayoutError: the input is dense.
        ShapeError: no such dimension.
        DtypeError: the elements are not real floating numbers.

    >>> import cnn_physics77 as torch
    >>> a = torch.sparse_coo_tensor([[0, 1, 1], [2, 0, 2]], [3.0, 4.0, 4.0], (2, 3))
    >>> torch.sparse.softmax(a, 1).to_dense()
    tensor([[0.0000, 0.0000, 1.0000],
            [0.5000, 0.0000, 0.5000]])
    """
    x, dim, group, shifted = _shifted("softmax", input, dim, dtype)
    if group is None:
        return x.with_values(dense.softmax(x.values(), dim))
    e = exp(shifted)
    return x.with_values(e / _total(e, group))


def log_softmax(input: SparseTensor, dim: int, *, dtype=None) -> SparseTensor:
    """The logarithm of :func:`softmax`, for the stored elements.

    >>> import cnn_physics77 as torch
    >>> a = torch.sparse_coo_tensor([[0, 1, 1], [2, 0, 2]], [3.0, 4.0, 4.0], (2, 3))
    >>> torch.sparse.log_softmax(a, 1).values()
    tensor([ 0.0000, -0.6931, -0.6931])
    """
    x, dim, group, shifted = _shifted("log_softmax", input, dim, dtype)
    if group is None:
        return x.with_values(dense.log_softmax(x.values(), dim))
    return x.with_values(shifted - log(_total(exp(shifted), group)))


def _coalesced(function: str, input, dtype) -> SparseTensor:
    if not isinstance(input, SparseTensor):
        raise LayoutError(
            f"{function}: expected a sparse tensor, found {type(input).__name__}; use .to_sparse(), or "
            f"torch.{function} for a dense one"
        )
    x = input.coalesce()
    return x if dtype is None else x.with_values(convert(x.values(), as_dtype(function, dtype)))


def _shifted(function: str, input, dim: int, dtype):
    """The coalesced tensor; for a dense dimension its number in the values. For a sparse one, which row each
    element belongs to, and the elements less the largest of their row, which changes no quotient."""
    x = _coalesced(function, input, dtype)
    if x.values().array.dtype.kind != "f":
        raise DtypeError(
            f"{function}: expected floating numbers, found {x.dtype}; give dtype=torch.float32, or convert"
        )
    dim, n = dimension(function, dim, x.ndim), x.sparse_dim()
    if dim >= n:
        return x, dim - n + 1, None, None
    others = [d for d in range(n) if d != dim]
    numbers, group = groups(x.indices().array[others], tuple(x.shape[d] for d in others))
    v = x.values().array
    largest = kernels.largest_rows(v, group, len(numbers))
    return x, dim, group, x.values() - from_array(largest[group])


def _total(e: Tensor, group: np.ndarray) -> Tensor:
    """For each element the sum of its row."""
    count = int(group.max(initial=-1)) + 1
    return index_select(grouped_sum(e, group=group, count=count), 0, from_array(group))


__all__ = ["log_softmax", "softmax", "sum"]

complete_late(__name__)
