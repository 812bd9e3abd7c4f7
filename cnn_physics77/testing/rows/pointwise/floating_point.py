"""Rows of :mod:`cnn_physics77.core.operations.pointwise.floating_point`."""

import numpy as np

from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.testing.rows.pointwise.arithmetic import complex_draw, mismatch, number, whole
from cnn_physics77.testing.table import Bad, Constant, Row, Sample, draw

EDGES = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, -2.0])
complexes = 1j * np.ones(2)

rows = [
    Row(
        "copysign",
        lambda rng: [
            Sample(draw(rng, 3, 4), draw(rng, 4)),
            Sample(draw(rng, 3), -0.0),
            Sample(draw(rng, 0), draw(rng)),
            Sample(Constant(EDGES), -EDGES),
            Sample(whole(rng, 3), -1),
        ],
        bad=[
            mismatch,
            Bad(DtypeError, "not defined", complexes, 1.0),
            Bad(DtypeError, "found the number", 2, np.ones(2)),
        ],
    ),
    Row(
        "signbit",
        lambda rng: [
            Sample(Constant(EDGES[:4])),
            Sample(draw(rng, 3)),
            Sample(whole(rng, 3, low=-2)),
            Sample(np.array([True])),
        ],
        order=0,
        bad=[Bad(DtypeError, "complex", complexes)],
    ),
    Row(
        "ldexp",
        lambda rng: [
            Sample(draw(rng, 3, 4), whole(rng, 4)),  # PyTorch's derivative at a negative integer is 0
            Sample(Constant(draw(rng, 3)), -whole(rng, 3)),
            Sample(draw(rng, 3), draw(rng, 2, 1)),
            Sample(draw(rng, 0), whole(rng)),
            Sample(whole(rng, 3), whole(rng, 3)),
            Sample(complex_draw(rng, 3), whole(rng, 3)),
            Sample(Constant(EDGES), whole(rng, 6)),
        ],
        bad=[Bad(ShapeError, "broadcast", np.ones(2), np.ones(3, int)), number],
    ),
    Row(
        "frexp",
        lambda rng: [Sample(10 * draw(rng, 3, 4)), Sample(draw(rng, 0)), Sample(Constant(EDGES))],
        bad=[Bad(DtypeError, "floating", np.ones(2, int))],
    ),
    Row(
        "nextafter",
        lambda rng: [
            Sample(draw(rng, 3, 4), draw(rng, 4)),
            Sample(np.array([0.0, -0.0, np.nan, 1.0]), np.array([-1.0, 0.0, 0.0, np.inf])),
            Sample(np.array([0.0, 1.0]), np.array([0.0, 2.0])),
        ],
        bad=[mismatch, number, Bad(DtypeError, "not defined", complexes, complexes)],
    ),
    Row(
        "heaviside",
        lambda rng: [
            Sample(Constant(draw(rng, 3, 4)), Constant(draw(rng, 4))),
            Sample(Constant(EDGES), Constant(draw(rng, 6))),
            Sample(whole(rng, 4, low=-1), whole(rng)),
            Sample(np.array([True, False]), np.array([True])),
        ],
        order=0,
        bad=[mismatch, number, Bad(DtypeError, "one real dtype", np.ones(2), np.ones(2, int))],
    ),
    Row(
        "nan_to_num",
        lambda rng: [
            Sample(draw(rng, 3, 4)),
            Sample(EDGES, nan=1.5, posinf=3, neginf=-2.0),
            Sample(draw(rng, 0)),
            Sample(whole(rng, 3), 2.0),
            Sample(np.array([True])),
            Sample(Constant(np.array([complex(np.nan, np.inf), 1 + 2j])), 0.5, 3.0),
        ],
    ),
]
