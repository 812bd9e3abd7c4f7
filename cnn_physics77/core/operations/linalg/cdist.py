"""Distances between all pairs of two sets of vectors."""

from __future__ import annotations

from math import prod

import numpy as np

from cnn_physics77.core.backend.fp_errors import silent
from cnn_physics77.core.errors import ArgumentError, ShapeError
from cnn_physics77.core.operations.base.broadcasting import cast, common_shape
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.linalg.inputs import matrices
from cnn_physics77.core.operations.linalg.matmul import of_one_dtype
from cnn_physics77.core.operations.pointwise.where_clamp import where
from cnn_physics77.core.operations.reduction.sum_mean import sum
from cnn_physics77.core.operations.reduction.var_std_norm import norm_of_vectors, root
from cnn_physics77.core.tensor import Tensor, from_array


def cdist(
    x1: Tensor, x2: Tensor, p: float = 2.0, compute_mode: str | None = "use_mm_for_euclid_dist_if_necessary"
) -> Tensor:
    r"""The distances of all pairs of vectors.

    .. math:: y_{ij} = \| x_i - z_j \|_p

    Args:
        x1: x, (..., P, M), real floating.
        x2: z, (..., R, M), of the same dtype. Leading dimensions broadcast.
        p: the order of the norm, from 0 (the number of different elements) to infinity.
        compute_mode: whether many Euclidean distances may be computed from a matrix product, as
            :math:`x^2 + z^2 - 2 x z`, in double precision, which for close vectors leaves half of its digits.
            Otherwise the differences are computed, which takes memory for P R M numbers of each batch.

    Returns:
        (..., P, R). The gradient is 0 where a distance is 0.

    Raises:
        ShapeError: there are fewer than 2 dimensions, or the sizes do not fit.
        DtypeError: the dtypes differ, or are not floating.
        ArgumentError: p is negative, or there is no such mode.

    >>> import cnn_physics77 as torch
    >>> torch.cdist(torch.tensor([[0.0, 0.0]]), torch.tensor([[3.0, 4.0], [0.0, 1.0]]))
    tensor([[5., 1.]])
    """
    a, b = of_one_dtype("cdist", matrices("cdist", x1, "x1"), matrices("cdist", x2, "x2"))
    if a.array.shape[-1] != b.array.shape[-1]:
        raise ShapeError(
            f"cdist: expected x1 and x2 with the same number of columns, found {a.array.shape[-1]} and "
            f"{b.array.shape[-1]}; transpose one of them"
        )
    if p < 0:
        raise ArgumentError(f"cdist: expected p of at least 0, found {p}")
    if compute_mode not in (None, *_MODES):
        raise ArgumentError(
            f"cdist: expected compute_mode to be one of {', '.join(_MODES)}, found {compute_mode!r}"
        )
    x, z = a.unsqueeze(-2), b.unsqueeze(-3)
    count = prod(common_shape("cdist", x.array.shape, z.array.shape))
    if p == 2 and compute_mode != _MODES[2] and count > MOST_DIFFERENCES:
        return _euclidean(a, b)
    differences = x - z
    if not differences.array.shape[-1]:
        return sum(differences, -1)
    return norm_of_vectors("cdist", differences, float(p), -1, False)


def _euclidean(a: Tensor, b: Tensor) -> Tensor:
    dtype = a.array.dtype
    a, b = (cast(x, dtype=np.dtype(np.float64)) for x in (a, b))
    center = from_array(
        _center(b.array, a.array.shape)
    )  # without it distances are the same, and less cancels
    a, b = a - center, b - center
    squares = sum(a * a, -1).unsqueeze(-1) + sum(b * b, -1).unsqueeze(-2) - 2 * (a @ b.transpose(-2, -1))
    return cast(root(where(from_array(squares.array <= 0), 0.0, squares)), dtype=dtype)


@silent
def _center(x: np.ndarray, other: tuple[int, ...]) -> np.ndarray:
    """The mean of the vectors, with 0 for what is not finite; one for all along dimensions that the other
    shape lacks, so that nothing of that shape grows by it."""
    leading = (i for i in range(-x.ndim, -2) if i < -len(other) or other[i] == 1)
    mean = x.mean((*leading, -2), keepdims=True)
    return np.where(np.isfinite(mean), mean, 0)


MOST_DIFFERENCES = 1 << 22
"""How many numbers the differences may be where a matrix product would do."""

_MODES = (
    "use_mm_for_euclid_dist_if_necessary",
    "use_mm_for_euclid_dist",
    "donot_use_mm_for_euclid_dist",
)

__all__ = ["cdist"]

complete_late(__name__)
