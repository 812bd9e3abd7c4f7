"""Rows of :mod:`cnn_physics77.core.operations.indexing.index_reduce`."""

import warnings

import numpy as np

from cnn_physics77.core.errors import ArgumentError, DtypeError, ShapeError
from cnn_physics77.testing.rows.pointwise.arithmetic import whole
from cnn_physics77.testing.table import Bad, Constant, Row, Sample, distinct, draw

INDEX = np.array([0, 2, 0])


def reductions(rng):
    found = []
    for reduce in ("prod", "mean", "amax", "amin"):
        x = distinct(rng, 3, 7)  # no two are equal, and no factor is 0
        found += [
            Sample(x[:, :4], 0, INDEX, x[:, 4:][:, [0, 1, 2, 2]] + 0.05, reduce),
            Sample(x[:, :4], 1, INDEX, x[:, 4:], reduce, include_self=False),
        ]
    return [
        *found,
        Sample(Constant(draw(rng, 3)), 0, INDEX[:0], Constant(draw(rng, 0)), "prod"),
        Sample(whole(rng, 3), 0, INDEX, whole(rng, 3), "mean"),
    ]


ones = np.ones(3)


def without_warning(*args, **named):
    """PyTorch's, which warns that it may change."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.index_reduce(*args, **named)


rows = [
    Row(
        "index_reduce",
        reductions,
        without_warning,
        bad=[
            Bad(ArgumentError, "prod, mean, amax or amin", ones, 0, INDEX, ones, "sum"),
            Bad(ShapeError, "", np.ones((3, 2)), 0, INDEX, np.ones((3, 3)), "prod"),
            Bad(ShapeError, "", ones, 0, INDEX, np.ones(2), "prod"),
            Bad(ShapeError, "", ones, 0, INDEX + 5, ones, "prod"),
            Bad(DtypeError, "", ones, 0, ones, ones, "prod"),
        ],
    ),
    Row(
        "unravel_index",
        lambda rng: [
            Sample(np.array([[5, 3], [0, 1]]), (2, 3)),
            Sample(np.array(5), (3, 2)),
            Sample(np.array([7, -1]), (2, 3)),
            Sample(np.array([1, 2]), 4),
            Sample(whole(rng, 0), (2, 3)),
        ],
        order=0,
        bad=[
            Bad(DtypeError, "integer", ones, (3,)),
            Bad(ShapeError, "negative", INDEX, (-3,)),
        ],
    ),
    Row(
        "nonzero_static",
        lambda rng: [
            Sample(np.array([0, 1, 2]), size=3),
            Sample(np.array([[0.0, 1], [2, 3]]), size=2, fill_value=7),
            Sample(np.array([0, 1]), size=0),
        ],
        order=0,
        bad=[Bad(ShapeError, "non-negative", INDEX, size=-1)],
    ),
]
