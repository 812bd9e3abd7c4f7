"""Rows of :mod:`cnn_physics77.core.operations.linalg.ldl`."""

import numpy as np

from cnn_physics77.core.errors import DtypeError, LinAlgError, ShapeError
from cnn_physics77.testing.rows.linalg.inverse import bad_squares
from cnn_physics77.testing.rows.pointwise.arithmetic import complex_draw
from cnn_physics77.testing.table import Bad, Constant, Row, Sample, draw


def symmetric(rng):
    zeros_on_the_diagonal = np.array([[0.0, 9, 9], [3.0, 0.0, 9], [-1.0, 2.0, 0.0]])
    return [
        Constant(draw(rng, 4, 4)),
        Constant(draw(rng, 2, 3, 3)),
        Constant(zeros_on_the_diagonal),
        Constant(complex_draw(rng, 3, 3)),
        Constant(draw(rng, 0, 0)),
    ]


def factors(rng):
    """Two blocks, of size 1 and 2, and exchanges of rows."""
    return [Constant(draw(rng, 3, 3, apart=0.5)), np.array([3, -3, -3], np.int32)]


rows = [
    Row(
        "linalg.ldl_factor",
        lambda rng: [*map(Sample, symmetric(rng)), *[Sample(x, hermitian=True) for x in symmetric(rng)[2:4]]],
        order=0,
        bad=[*bad_squares(), Bad(LinAlgError, "block 1 of D is zero", np.zeros((2, 2)))],
        float32_rtol=1e-5,
    ),
    Row(
        "linalg.ldl_factor_ex",
        lambda rng: [Sample(symmetric(rng)[0]), Sample(Constant(np.diag([1.0, 0.0, 2.0])))],
        order=0,
        bad=[Bad(LinAlgError, "block 2", np.diag([1.0, 0.0]), check_errors=True)],
        float32_rtol=1e-5,
    ),
    Row(
        "linalg.ldl_solve",
        lambda rng: [
            Sample(*factors(rng), Constant(draw(rng, 3, 2))),
            Sample(*factors(rng), Constant(draw(rng, 2, 3, 1)), hermitian=True),
        ],
        order=0,
        bad=[
            Bad(DtypeError, "torch.int32", np.eye(2), np.array([1, 2]), np.eye(2)),
            Bad(ShapeError, "pivots of shape (2,)", np.eye(2), np.array([1], np.int32), np.eye(2)),
            Bad(ShapeError, "sizes fit", np.eye(2), np.array([1, 2], np.int32), np.eye(3)),
        ],
        float32_rtol=1e-5,
    ),
]
