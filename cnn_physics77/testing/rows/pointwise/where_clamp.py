"""Rows of :mod:`cnn_physics77.core.operations.pointwise.where_clamp`."""

import numpy as np

from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.testing.rows.pointwise.arithmetic import (
    complex_draw,
    mismatch,
    no_order,
    number,
    pairs,
    whole,
)
from cnn_physics77.testing.table import Bad, Constant, Row, Sample, draw

NAN = np.nan
LEFT, RIGHT = np.array([1.0, 2, 3, NAN, 1, NAN]), np.array([1.0, 3, 2, 1, NAN, NAN])


def two(rng):
    return [*pairs(rng)[:4], pairs(rng)[6], Sample(LEFT, RIGHT), Sample(whole(rng, 3), whole(rng, 3))]


def bounds(rng):
    x = draw(rng, 3, 4)
    return [
        Sample(x, -0.5, 0.5),
        Sample(x, min=0.1),
        Sample(x, max=0),
        Sample(x, 1.0, -1.0),
        Sample(np.array([NAN, 1, 2, 3, 0]), 1, 2),
        Sample(np.array([NAN, 1, 2, 3, 0, 5]), np.ones(6), np.array([2.0, 2, 2, 2, 2, 0])),
        Sample(np.array([1.0, 1, 1, NAN]), min=np.array([0, 1.0, 3, 1])),
        Sample(x, draw(rng, 4), draw(rng, 3, 1)),
        Sample(x, max=draw(rng)),
        Sample(Constant(draw(rng)), Constant(draw(rng, 2, 1)), Constant(draw(rng, 3))),
        Sample(draw(rng, 0), 0.0, 1.0),
        Sample(whole(rng, 4), 2, 3),
        Sample(whole(rng, 4), 1.5),
    ]


bad = [
    Bad(ValueError, "At least one", np.ones(2)),
    Bad(DtypeError, "complex", 1j * np.ones(2), 0, 1),
    Bad(ShapeError, ": expected shapes that broadcast", np.ones(2), np.ones(3)),
]

rows = [
    Row(
        "where",
        lambda rng: [
            Sample(draw(rng, 3, 4) > 0, draw(rng, 3, 4), draw(rng, 3, 4)),
            Sample(draw(rng, 3, 1) > 0, draw(rng, 4), draw(rng)),
            Sample(draw(rng, 3) > 0, draw(rng, 2, 3), 0.5),
            Sample(draw(rng, 3) > 0, 1, whole(rng, 3)),
            Sample(np.array([True, False]), np.array([1.0, np.inf]), np.array([NAN, 2.0])),
            Sample(draw(rng, 0) > 0, draw(rng, 0), draw(rng, 1)),
            Sample(draw(rng, 3) > 0, complex_draw(rng, 3), Constant(draw(rng, 3))),
            Sample(draw(rng, 3, 4) > 0),
        ],
        bad=[
            Bad(DtypeError, "boolean condition", np.ones(2), 1.0, 2.0),
            Bad(ShapeError, "where: expected shapes that broadcast", np.ones(2, bool), np.ones(3), 0.0),
            Bad(DtypeError, "where: expected a tensor or a number, found str", np.ones(2, bool), "x", 0.0),
        ],
    ),
    Row("Tensor.where", lambda rng: [Sample(draw(rng, 3), Constant(draw(rng, 3)).array > 0, draw(rng, 3))]),
    *[Row(name, two, bad=[mismatch, no_order, number]) for name in ("maximum", "minimum", "fmax", "fmin")],
    Row("clamp", bounds, bad=bad),
    Row("clip", bounds, bad=bad),
    *[
        Row(
            name,
            lambda rng: [
                Sample(draw(rng, 5), 0.0),
                Sample(draw(rng, 5), draw(rng, 2, 1)),
                Sample(np.array([True, False]), np.array(True)),
            ],
            bad=[
                Bad(DtypeError, "found the number", 2, np.ones(2)),
                Bad(DtypeError, "None", np.ones(2), None),
            ],
        )
        for name in ("clamp_min", "clamp_max")
    ],
]
