"""Rows of :mod:`cnn_physics77.core.operations.linalg.least_squares`."""

import numpy as np

from cnn_physics77.core.errors import ArgumentError, DtypeError, LinAlgError, ShapeError
from cnn_physics77.testing.rows.linalg.cholesky import positive
from cnn_physics77.testing.rows.linalg.svd import any_matrices, bad_matrices, not_finite
from cnn_physics77.testing.rows.pointwise.arithmetic import complex_draw, whole
from cnn_physics77.testing.table import Bad, Constant, Row, Sample, draw


def of_rank_1(rng, *shape):
    """Of small integers, so that it has this rank in any precision."""
    return whole(rng, *shape[:-1], 1).astype(float) @ (1.0 + np.arange(shape[-1]))[None]


def inverses(rng):
    return [
        *any_matrices(rng),
        Sample(positive(rng, 2, 2), hermitian=True),
        Sample(np.diag([4.0, 2.0, 1.0]), 0.4),
        Sample(np.diag([4.0, 2.0, 1.0]), atol=1.5),
        Sample(np.diag([4.0, 2.0, 1.0]), atol=0.5, rtol=Constant(np.array(0.3))),
    ]


def ranks(rng):
    return [
        Sample(of_rank_1(rng, 3, 3)),
        Sample(draw(rng, 2, 3, 4)),
        Sample(np.diag([4.0, -2.0, 1.0]), 1.5),
        Sample(np.diag([4.0, -2.0, 1.0]), 1.5, True),
        Sample(np.diag([4.0, -2.0, 1.0]), rtol=0.3, hermitian=True),
        Sample(np.array([np.eye(2), np.diag([2.0, 1.0])]), atol=Constant(np.array([0.5, 1.5]))),
        Sample(complex_draw(rng, 2, 2)),
        Sample(draw(rng, 0, 3)),
    ]


def least(rng):
    return [
        Sample(draw(rng, 4, 2), draw(rng, 4, 3)),
        Sample(draw(rng, 2, 3), draw(rng, 2, 1)),
        Sample(draw(rng, 2, 3, 2), draw(rng, 2, 3)),
        Sample(draw(rng, 3, 2), draw(rng, 3), driver="gels"),
        Sample(complex_draw(rng, 3, 2), complex_draw(rng, 3, 1), driver="gelsd"),
        Sample(Constant(of_rank_1(rng, 4, 2)), Constant(draw(rng, 4, 1)), rcond=1e-3),
    ]


rows = [
    Row(
        "linalg.pinv",
        inverses,
        bad=[*bad_matrices, not_finite, Bad(ShapeError, "square", np.ones((2, 3)), hermitian=True)],
    ),
    Row("linalg.matrix_rank", ranks, order=0, bad=bad_matrices),
    Row(
        "linalg.lstsq",
        least,
        invariant=lambda result: result.solution,  # PyTorch's other results require grad even if empty
        bad=[
            Bad(ShapeError, "same number of rows, found 3 and 2", np.ones((3, 2)), np.ones((2, 1))),
            Bad(DtypeError, "one dtype", np.ones((3, 2)), np.ones((3, 1), np.float32)),
            Bad(ArgumentError, "gelsy", np.ones((3, 2)), np.ones((3, 1)), driver="fast"),
            Bad(LinAlgError, "finite", np.full((2, 2), np.nan), np.ones((2, 1))),
        ],
    ),
]
