"""Rows of :mod:`cnn_physics77.core.operations.pointwise.gamma_functions`."""

import numpy as np

from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.testing.rows.pointwise.arithmetic import mismatch, number, numbers, whole
from cnn_physics77.testing.table import Bad, Constant, Row, Sample, draw

EDGES = Constant(np.array([0.0, -1.0, -2.5, np.inf, np.nan, 1e10]))
bad = [Bad(DtypeError, "", 1j * np.ones(2))]


def positive(rng):
    return [
        Sample(10 * draw(rng, 3, 4, low=0.01, high=2.0)),
        Sample(draw(rng, 0)),
        Sample(draw(rng, low=0.1)),
        Sample(whole(rng, 3)),
        Sample(np.array([-0.3, -1.7, -3.2])),
    ]


def pairs(rng):
    return [
        Sample(Constant(draw(rng, 3, 4, low=0.2) * 4), draw(rng, 4, low=0.2) * 4),
        Sample(Constant(np.array([0.1, 0.5, 150.0, 1000.0])), np.array([0.01, 3.0, 160.0, 990.0])),
        Sample(Constant(draw(rng, 0)), draw(rng, 1, low=0.1)),
        Sample(Constant(np.array([1.0, 0.0, 2.0, np.inf])), Constant(np.array([0.0, 1.0, np.inf, 1.0]))),
    ]


rows = [
    Row("lgamma", lambda rng: [*positive(rng), Sample(EDGES)], bad=bad),
    Row("digamma", lambda rng: [*positive(rng), Sample(EDGES)], bad=bad, rtol=2e-9),  # for its derivatives
    Row(
        "polygamma",
        lambda rng: [Sample(n, x) for n in (0, 1, 2, 4) for x in (draw(rng, 3, low=0.1), draw(rng, 0))],
        bad=[Bad(ValueError, "n >= 0", -1, np.ones(2)), Bad(DtypeError, "real", 1, 1j * np.ones(2))],
        rtol=2e-9,  # PyTorch's trigamma has an error of 5e-10
    ),
    Row(
        "mvlgamma",
        lambda rng: [Sample(draw(rng, 3, low=1.1, high=9.0), 3), Sample(whole(rng, 3, low=2), 2)],
        bad=[Bad(ValueError, "greater than or equal to 1", np.ones(2), 0), Bad(DtypeError, "real", 1j, 2)],
        rtol=1e-9,
    ),
    Row(
        "special.zeta",
        lambda rng: [
            Sample(Constant(draw(rng, 3, 1, low=1.1, high=6.0)), Constant(draw(rng, 4, low=0.1))),
            Sample(
                Constant(np.array([1.0, 2.0, 0.5, 3.0, 2.0])), Constant(np.array([2.0, 0.0, 1.0, -1.5, 1e3]))
            ),
            Sample(2, Constant(draw(rng, 0))),
            Sample(whole(rng, 3, low=2), 1),
        ],
        order=0,
        bad=[mismatch, numbers],
    ),
    Row(
        "igamma",
        pairs,
        bad=[Bad(ShapeError, "broadcast", np.ones(2), np.ones(3)), Bad(DtypeError, "", 1j, 1j)],
        rtol=1e-9,  # PyTorch's has an error of 2e-10 for large arguments
    ),
    Row("igammac", pairs, bad=[mismatch, number], rtol=1e-9),
]
