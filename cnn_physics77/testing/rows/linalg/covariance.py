"""Rows of :mod:`cnn_physics77.core.operations.linalg.covariance`."""

import numpy as np

from cnn_physics77.core.errors import ArgumentError, DtypeError, ShapeError
from cnn_physics77.testing.rows.pointwise.arithmetic import complex_draw, whole
from cnn_physics77.testing.table import Bad, Constant, Row, Sample, draw


def observations(rng):
    return [
        Sample(draw(rng, 3, 4)),
        Sample(draw(rng, 4)),
        Sample(complex_draw(rng, 2, 3)),
        Sample(whole(rng, 2, 3)),
    ]


def weighted(rng):
    f, a = np.array([1, 2, 0, 1]), Constant(np.array([0.5, 1.0, 2.0, 0.2]))
    return [
        *observations(rng),
        Sample(draw(rng, 2, 4), correction=0),
        Sample(draw(rng, 2, 4), fweights=f),
        Sample(draw(rng, 2, 4), aweights=a),
        Sample(draw(rng, 2, 4), correction=2, fweights=f, aweights=a),
    ]


x = np.ones((2, 3))
bad = [
    Bad(ShapeError, "at most 2 dimensions", np.ones((1, 1, 1))),
    Bad(DtypeError, "torch.bool", np.ones((2, 2), bool)),
]

rows = [
    Row(
        "cov",
        weighted,
        bad=[
            *bad,
            Bad(ShapeError, "fweights of shape (3,)", x, fweights=np.array([1, 2])),
            Bad(DtypeError, "fweights to be integers", x, fweights=np.ones(3)),
            Bad(DtypeError, "aweights to be real", x, aweights=np.array([1, 2, 3])),
            Bad(ArgumentError, "not negative", x, aweights=-np.ones(3)),
        ],
        rtol=1e-9,
    ),
    Row("corrcoef", observations, bad=bad, rtol=1e-9),
]
