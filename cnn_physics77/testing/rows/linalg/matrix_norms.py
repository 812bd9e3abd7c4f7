"""Rows of :mod:`cnn_physics77.core.operations.linalg.matrix_norms`."""

from math import inf

import numpy as np

from cnn_physics77.core.errors import ArgumentError, DtypeError, ShapeError
from cnn_physics77.testing.rows.linalg.inverse import regular
from cnn_physics77.testing.rows.pointwise.arithmetic import complex_draw
from cnn_physics77.testing.table import Bad, Constant, Row, Sample, draw

ORDERS = ("fro", "nuc", inf, -inf, 1, -1, 2, -2)


def of_matrices(rng):
    x = draw(rng, 2, 3, 4)
    return [
        *[Sample(x, ord) for ord in ORDERS],
        *[Sample(x, ord, (2, 0), keepdim=True) for ord in ORDERS],
        *[Sample(complex_draw(rng, 2, 2), ord) for ord in ("nuc", 1)],
        Sample(draw(rng, 2, 3), dtype=np.float64),
        Sample(np.array([[1.0, -1], [-1, 1]]), 1),
    ]


def of_any(rng):
    x = draw(rng, 2, 3, 4)
    return [
        Sample(x),
        Sample(x, None, 1),
        Sample(x, dim=(0, 2), keepdim=True),
        Sample(x, 3, 1),
        Sample(x, 1, (0, 1)),
        Sample(x[0], "nuc"),
        Sample(x[0, 0], 1.5),
        Sample(complex_draw(rng, 2, 2), -2),
    ]


def conditions(rng):
    return [
        Sample(draw(rng, 3, 2)),
        *[Sample(regular(rng, 2, 3, 3), p) for p in (2, -2, 1, inf, "fro", "nuc")],
        Sample(regular(rng, 2, 2, make=complex_draw), -1),
        Sample(draw(rng, 0, 0)),
    ]


def condition(A, p=None):
    """By definition; the gradient of PyTorch's own function is refused for other norms than 2."""
    import torch

    if p in (None, 2, -2):
        return torch.linalg.cond(A, p)
    norm = torch.linalg.matrix_norm
    return norm(A, p) * norm(torch.linalg.inv(A), p) if A.numel() else torch.linalg.cond(A, p)


rows = [
    Row(
        "linalg.matrix_norm",
        lambda rng: [
            *of_matrices(rng),
            *[Sample(Constant(draw(rng, 0, 2)), order) for order in (1, 2, np.inf)],
        ],
        bad=[
            Bad(ShapeError, "at least 2 dimensions", np.ones(2)),
            Bad(ShapeError, "two dimensions", np.ones((2, 2)), dim=(0,)),
            Bad(ShapeError, "dim 0 appears multiple", np.ones((2, 2)), dim=(0, 0)),
            Bad(ArgumentError, "found 3", np.ones((2, 2)), 3),
            Bad(ArgumentError, "found 'abc'", np.ones((2, 2)), "abc"),
            Bad(DtypeError, "floating or complex", np.ones((2, 2), int)),
            Bad(DtypeError, "float16", np.ones((2, 2), np.float16), 2),
        ],
    ),
    Row(
        "linalg.norm",
        of_any,
        bad=[
            Bad(ShapeError, "one or two dimensions for ord=1, found 3", np.ones((2, 2, 2)), 1),
            Bad(ShapeError, "found 3", np.ones((2, 2, 2)), 2, (0, 1, 2)),
            Bad(ArgumentError, "a number for vectors", np.ones(2), "fro"),
            Bad(DtypeError, "floating", np.ones(2, int)),
        ],
    ),
    Row(
        "linalg.cond",
        conditions,
        condition,
        bad=[
            Bad(ShapeError, "square", np.ones((2, 3)), 1),
            Bad(ShapeError, "at least 2", np.ones(2)),
            Bad(ArgumentError, "found 'x'", np.ones((2, 2)), "x"),
        ],
        float32_rtol=1e-5,
    ),
]
