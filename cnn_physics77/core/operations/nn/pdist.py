"""Distances between all pairs of rows."""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.errors import ArgumentError, ShapeError
from cnn_physics77.core.operations.base.arguments import check_tensors
from cnn_physics77.core.operations.base.precision import in_float32
from cnn_physics77.core.operations.indexing.index_put import index_select
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.linalg.cdist import MOST_DIFFERENCES, cdist
from cnn_physics77.core.operations.reduction.var_std_norm import vector_norm
from cnn_physics77.core.tensor import Tensor, from_array


@in_float32
def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    r"""The p-norm of the difference of each pair of rows.

    .. math:: y_{(i,j)} = \|x_i - x_j\|_p, \qquad i < j, \text{ in row-major order}

    Many Euclidean distances are those of :func:`torch.cdist`, from a matrix product; otherwise the
    differences take memory for N (N - 1) D / 2 numbers.

    Args:
        input: x, (N, D), real and floating.
        p: at least 0.

    Returns:
        y, (N (N - 1) / 2,), of the same dtype.

    Raises:
        ShapeError: the input is not 2-D.
        ArgumentError: a negative p.
        DtypeError: the input is not real and floating.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.pdist(torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]]))
    tensor([5.0000, 1.0000, 4.2426])
    """
    check_tensors("pdist", input, kinds="f")
    if input.ndim != 2:
        raise ShapeError(f"pdist: only supports 2D tensors, got: {input.ndim}D")
    if p < 0:
        raise ArgumentError(f"pdist: only supports non-negative p values, found {p}")
    first, second = (from_array(index) for index in np.triu_indices(input.array.shape[0], 1))
    if p == 2 and input.array.size * len(input.array) > 2 * MOST_DIFFERENCES:
        return cdist(input, input)[first, second]
    difference = index_select(input, 0, first) - index_select(input, 0, second)
    return vector_norm(difference, p, 1, False)


__all__ = ["pdist"]
complete_late(__name__)
