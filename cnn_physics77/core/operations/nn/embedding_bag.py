"""Bags of embeddings: sums, means or maxima of rows of a table."""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.backend.warning import warn
from cnn_physics77.core.errors import ArgumentError, DtypeError, ShapeError
from cnn_physics77.core.kernels import rows as kernels
from cnn_physics77.core.operations.base.arguments import check_tensors
from cnn_physics77.core.operations.base.own_name import in_own_name
from cnn_physics77.core.operations.base.precision import in_float32
from cnn_physics77.core.operations.indexing.gather_scatter import gather_along
from cnn_physics77.core.operations.indexing.index_put import index_add
from cnn_physics77.core.operations.indexing.shape import reshape, unsqueeze
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.nn.embedding import embedding
from cnn_physics77.core.operations.pointwise.where_clamp import where
from cnn_physics77.core.tensor import Tensor, from_array


@in_float32
def _bags(
    rows: Tensor, starts: np.ndarray, length: int, counts: np.ndarray, mode: str, factors: Tensor | None
) -> Tensor:
    """The sum, mean or maximum of the rows of each bag. Only rows that ``counts`` are there.

    starts: where each bag begins, and the end of the last.
    length: the number of rows of each bag if it is the same for all, else 0.
    """
    bags = len(starts) - 1
    if length and mode == "max" and counts.all():
        values = rows.array.reshape(bags, length, rows.array.shape[1])
        first = values.argmax(1) + length * np.arange(bags)[:, None]
        return gather_along(rows, from_array(first), dim=0, squeeze=False)
    if length and mode != "max":
        bag_of, sizes = None, counts.reshape(bags, length).sum(1)
    else:
        bag_of = np.searchsorted(starts[1:], np.arange(len(counts)), side="right")
        sizes = kernels.sum_rows(counts.astype(np.int64), bag_of, bags)
        if mode == "max":
            return _maxima(rows, bag_of, counts, sizes)
    if factors is not None:
        rows = rows * unsqueeze(factors, 1)
    if not counts.all():
        rows = where(from_array(counts[:, None]), rows, 0)
    width = rows.array.shape[1]
    if bag_of is None:
        total = reshape(rows, (bags, length, width)).sum(1)
    else:
        zeros = from_array(np.zeros((bags, width), rows.array.dtype))
        total = index_add(zeros, 0, from_array(bag_of), rows)
    if mode == "sum":
        return total
    return total / from_array(np.maximum(sizes, 1).astype(rows.dtype)[:, None])


def _maxima(rows: Tensor, bag_of: np.ndarray, counts: np.ndarray, sizes: np.ndarray) -> Tensor:
    """The largest of each component; of equal ones the first takes the gradient. Empty bags have zeros."""
    values = rows.array
    if not len(values):
        return from_array(np.zeros((len(sizes), values.shape[1]), values.dtype))
    first = kernels.first_largest(values, counts, bag_of, len(sizes))
    chosen = gather_along(rows, from_array(first), dim=0, squeeze=False)
    return where(from_array((sizes > 0)[:, None]), chosen, 0)


@in_own_name
def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    r"""The sum, mean or maximum of the rows of a table in each bag of indices.

    .. math:: y_b = \sum_{i \in b} s_i \, w_{t_i}

    Args:
        input: indices t, integers: one bag in each row of (B, L), or all bags one after the other, (L,).
        weight: the table w, (rows, dimension), floating.
        offsets: for 1-D indices, where each bag begins, integers (B,); the first is 0.
        max_norm, norm_type, scale_grad_by_freq, sparse: as for :func:`embedding`.
        mode: ``"sum"``, ``"mean"`` or ``"max"``. An empty bag gives zeros.
        per_sample_weights: factors s, of the input's shape; for ``"sum"`` only.
        include_last_offset: whether the last offset is the end of the last bag.
        padding_idx: this row counts as absent, also for the mean; negative ones count from the end.

    Returns:
        y, (B, dimension).

    Raises:
        ArgumentError: arguments that do not go together.
        NotImplementedError: per_sample_weights with another mode than ``"sum"``.
        ShapeError: an index, an offset or padding_idx is out of range.
        DtypeError: indices or offsets that are not integers, or a table that is not floating.

    >>> import cnn_physics77 as torch
    >>> table = torch.tensor([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
    >>> torch.nn.functional.embedding_bag(torch.tensor([[2, 0], [1, 1]]), table)
    tensor([[2., 3.],
            [2., 3.]])
    """
    if weight.array.dtype.kind in "iu" and input.array.dtype.kind == "f":
        warn(
            "Argument order of nn.functional.embedding_bag was changed. Usage `embedding_bag(weight, input, "
            "...)` is deprecated, and should now be `embedding_bag(input, weight, ...)`."
        )
        input, weight = weight, input
    check_tensors("embedding_bag", weight, per_sample_weights)
    _check(input, weight, offsets, mode, per_sample_weights, scale_grad_by_freq, sparse)
    indices = input.array.reshape(-1)
    starts = _starts(input, offsets, include_last_offset)
    rows = embedding(
        from_array(indices), weight, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse
    )
    counts = np.ones(indices.shape, bool)
    if padding_idx is not None:
        counts = indices != padding_idx % weight.array.shape[0]
    factors = None if per_sample_weights is None else per_sample_weights.reshape(-1)
    length = input.array.shape[1] if input.ndim == 2 else 0
    return _bags(rows, starts, length, counts, mode, factors)


def _check(input, weight, offsets, mode: str, factors, scale_grad_by_freq: bool, sparse: bool) -> None:
    if factors is not None and input.array.shape != factors.array.shape:
        raise ArgumentError(
            f"embedding_bag: If per_sample_weights ({factors.array.shape}) is not None, then it must have "
            f"the same shape as the input ({input.array.shape})"
        )
    if weight.ndim != 2:
        raise ArgumentError(
            f"embedding_bag: weight has to be a 2D Tensor, but got shape {weight.array.shape}"
        )
    if input.ndim == 2 and offsets is not None:
        raise ArgumentError(
            "embedding_bag: if input is 2D, then offsets has to be None, as each row is a bag; found offsets "
            f"of shape {offsets.array.shape}"
        )
    if input.ndim == 1 and (offsets is None or offsets.ndim != 1):
        found = None if offsets is None else offsets.array.shape
        raise ArgumentError(f"embedding_bag: offsets has to be a 1D Tensor but got {found}")
    if input.ndim not in (1, 2):
        raise ArgumentError(
            f"embedding_bag: input has to be 1D or 2D Tensor, but got Tensor of dimension {input.ndim}"
        )
    if mode not in ("sum", "mean", "max"):
        raise ArgumentError(f"embedding_bag: mode has to be one of sum, mean or max, found {mode!r}")
    if mode == "max" and (scale_grad_by_freq or sparse):
        raise ArgumentError(
            "embedding_bag: max mode does not support scaling the gradient by the frequency, nor sparse "
            "weights; leave them out"
        )
    if factors is not None and mode != "sum":
        raise NotImplementedError(
            f"embedding_bag: per_sample_weights is only supported for mode='sum', found it with mode={mode!r}"
        )


def _starts(input: Tensor, offsets: Tensor | None, include_last_offset: bool) -> np.ndarray:
    """Where each bag begins, and the end of the last."""
    if offsets is None:
        count, length = input.array.shape
        return np.arange(count + 1) * length
    if offsets.array.dtype.kind not in "iu":
        raise DtypeError(f"embedding_bag: expected integer offsets, found {offsets.dtype}; use .long()")
    starts = offsets.array.astype(np.int64)
    size = input.array.size
    if include_last_offset and not starts.size:
        raise ShapeError("embedding_bag: include_last_offset: number of offsets should be at least 1")
    if starts.size and starts[0] != 0:
        raise ShapeError(
            f"embedding_bag: offsets[0] has to be 0, where the first bag begins. However, got {starts[0]}"
        )
    if (np.diff(starts) < 0).any() or (starts.size and starts[-1] > size):
        raise ShapeError(
            f"embedding_bag: expected ascending offsets, the last of at most input's length {size}, found "
            f"{starts.tolist()}"
        )
    if include_last_offset:
        return starts
    return np.append(starts, size)


__all__ = ["embedding_bag"]
complete_late(__name__)
