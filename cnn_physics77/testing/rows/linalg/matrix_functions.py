"""Rows of :mod:`cnn_physics77.core.operations.linalg.matrix_functions`."""

import numpy as np

from cnn_physics77.core.errors import ArgumentError, DtypeError, LinAlgError, ShapeError
from cnn_physics77.testing.rows.linalg.inverse import bad_squares, regular, squares
from cnn_physics77.testing.rows.pointwise.arithmetic import complex_draw, whole
from cnn_physics77.testing.table import Bad, Row, Sample, draw


def powers(rng):
    return [
        *[Sample(draw(rng, 2, 2, 2), n) for n in (0, 1, 2, 3, 6)],
        Sample(regular(rng, 3, 3), -3),
        Sample(complex_draw(rng, 2, 2), 5),
        Sample(draw(rng, 0, 0), 2),
    ]


def exponentials(rng):
    sizes = np.array([1e-3, 1.0, 4.0])[:, None, None]
    return [*squares(rng), Sample(sizes * draw(rng, 3, 2, 2)), Sample(np.zeros((2, 2)))]


def chains(rng):
    return [
        Sample([draw(rng, 2, 3), draw(rng, 3, 4)]),
        Sample([draw(rng, 5, 1), draw(rng, 1, 4), draw(rng, 4, 2), draw(rng, 2, 3)]),
        Sample([draw(rng, 3), draw(rng, 3, 2), draw(rng, 2)]),
        Sample([complex_draw(rng, 2, 2), complex_draw(rng, 2)]),
        Sample([draw(rng, 2, 0), draw(rng, 0, 3), draw(rng, 3, 1)]),
    ]


def vandermonde(rng):
    x = np.array([0.0, 2.0, -1.0])
    return [Sample(x), Sample(draw(rng, 2, 2), N=4), Sample(complex_draw(rng, 2), N=2), Sample(whole(rng, 3))]


a = np.ones((2, 3))

rows = [
    Row(
        "linalg.matrix_power",
        powers,
        bad=[*bad_squares(2), Bad(LinAlgError, "singular", np.zeros((1, 1)), -1)],
    ),
    Row("matrix_power", lambda rng: powers(rng)[4:6], bad=bad_squares(2)),
    Row("linalg.matrix_exp", exponentials, bad=bad_squares(), rtol=1e-9, float32_rtol=1e-5),
    Row(
        "linalg.vander",
        vandermonde,
        bad=[
            Bad(ShapeError, "at least 2, found 1", np.ones(2), N=1),
            Bad(DtypeError, "torch.bool", np.ones(2, bool)),
        ],
    ),
    Row(
        "linalg.multi_dot",
        chains,
        bad=[
            Bad(ShapeError, "at least 2 tensors, found 1", [a]),
            Bad(ShapeError, "found shape (3,) as number 1", [a, np.ones(3), np.ones((1, 1))]),
            Bad(ShapeError, "inner sizes fit, found (2, 3) @ (2, 3)", [a, a]),
            Bad(DtypeError, "one dtype", [a, np.ones((3, 1), np.float32)]),
        ],
    ),
    Row(
        "linalg.diagonal",
        lambda rng: [Sample(draw(rng, 2, 3, 4)), Sample(draw(rng, 2, 3, 3), offset=-1, dim1=0, dim2=1)],
        bad=[Bad(ShapeError, "at least 2", np.ones(2))],
    ),
    Row(
        "linalg.tensorinv",
        lambda rng: [
            Sample(regular(rng, 4, 4).reshape(2, 2, 4)),
            Sample(regular(rng, 4, 4).reshape(4, 2, 2), ind=1),
        ],
        bad=[
            Bad(ArgumentError, "positive ind", np.ones((2, 2)), 0),
            Bad(ShapeError, "equal products", np.ones((2, 3, 2)), 1),
            Bad(LinAlgError, "singular", np.zeros((2, 2)), 1),
        ],
    ),
    Row(
        "linalg.tensorsolve",
        lambda rng: [
            Sample(regular(rng, 4, 4).reshape(2, 2, 4), draw(rng, 2, 2)),
            Sample(regular(rng, 4, 4).reshape(4, 2, 2).transpose(1, 0, 2).copy(), draw(rng, 4), dims=(0, 2)),
        ],
        bad=[
            Bad(ShapeError, "as many elements", np.ones((2, 2, 2)), np.ones((2, 2))),
            Bad(DtypeError, "one dtype", np.ones((2, 2)), np.ones(2, np.float32)),
        ],
    ),
]
