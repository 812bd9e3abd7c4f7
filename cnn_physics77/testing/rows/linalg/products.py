"""Rows of :mod:`cnn_physics77.core.operations.linalg.products`."""

import numpy as np

from cnn_physics77.core.errors import ArgumentError, DtypeError, ShapeError
from cnn_physics77.testing.rows.pointwise.arithmetic import complex_draw, whole
from cnn_physics77.testing.table import Bad, Row, Sample, draw


def multi_dot_of_linalg(*matrices):
    """The same, without the warning that torch.chain_matmul is deprecated."""
    import torch

    return torch.linalg.multi_dot(matrices) if len(matrices) > 1 else matrices[0]


def cross_of_dim(a, b, dim=None):
    """The same, without the warning that the default is deprecated."""
    import torch

    return torch.cross(a, b, dim=a.shape.index(3) if dim is None else dim)


def powers(x, N=None, increasing=False):
    """The same; the gradient of torch.vander is refused, as it changes in place what it requires."""
    import torch

    N = len(x) if N is None else N
    result = torch.linalg.vander(x, N=max(N, 2))[:, :N]
    return result if increasing else result.flip(1)


rows = [
    Row(
        "kron",
        lambda rng: [
            Sample(draw(rng, 2, 3), draw(rng, 3, 2)),
            Sample(draw(rng, 2), draw(rng, 2, 1, 3)),
            Sample(draw(rng), draw(rng, 2)),
            Sample(complex_draw(rng, 2, 2), draw(rng, 1, 2)),
            Sample(draw(rng, 0), draw(rng, 2)),
            Sample(whole(rng, 2), whole(rng, 2)),
        ],
        bad=[Bad(DtypeError, "expected a tensor", "a", np.ones(2))],
    ),
    Row(
        "inner",
        lambda rng: [
            Sample(draw(rng, 3), draw(rng, 3)),
            Sample(draw(rng, 2, 3), draw(rng, 4, 5, 3)),
            Sample(draw(rng), draw(rng, 2, 2)),
            Sample(complex_draw(rng, 2), complex_draw(rng, 2)),
        ],
        bad=[
            Bad(ShapeError, "equal last sizes", np.ones(2), np.ones(3)),
            Bad(DtypeError, "one dtype", np.ones(2), np.ones(2, np.float32)),
        ],
    ),
    Row(
        "vdot",
        lambda rng: [
            Sample(draw(rng, 3), draw(rng, 3)),
            Sample(complex_draw(rng, 3), complex_draw(rng, 3)),
            Sample(draw(rng, 0), draw(rng, 0)),
        ],
        bad=[Bad(ShapeError, "two vectors", np.ones((2, 2)), np.ones(2))],
    ),
    Row(
        "cross",
        lambda rng: [
            Sample(draw(rng, 2, 3), draw(rng, 2, 3), 1),
            Sample(draw(rng, 3, 3), draw(rng, 3, 3)),
        ],
        cross_of_dim,
        bad=[Bad(ShapeError, "a dimension of size 3", np.ones(2), np.ones(2))],
    ),
    Row(
        "vander",
        lambda rng: [
            Sample(draw(rng, 3)),
            Sample(draw(rng, 2), 4, True),
            Sample(complex_draw(rng, 2), N=1),
            Sample(whole(rng, 3), 3),
            Sample(draw(rng, 2), 0),
        ],
        powers,
        bad=[
            Bad(ShapeError, "a vector", np.ones((2, 2))),
            Bad(ArgumentError, "found -1", np.ones(2), -1),
        ],
    ),
    Row(
        "chain_matmul",
        lambda rng: [Sample(draw(rng, 2, 3), draw(rng, 3, 4), draw(rng, 4, 1)), Sample(draw(rng, 2, 2))],
        multi_dot_of_linalg,
        bad=[Bad(ShapeError, "one or more matrices, found (2,)", np.ones(2)), Bad(ShapeError, "found none")],
    ),
]
