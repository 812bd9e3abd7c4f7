"""Rows of :mod:`cnn_physics77.core.operations.pointwise.trigonometric`."""

from functools import partial

import numpy as np

from cnn_physics77.testing.rows.pointwise.arithmetic import complex_draw, mismatch, number, whole
from cnn_physics77.testing.table import Constant, Row, Sample, draw


def real(rng, low=-2.0, high=2.0, integers=True, edges=()):
    samples = [
        Sample(draw(rng, 3, 4, low=low, high=high)),
        Sample(draw(rng, 0)),
        Sample(draw(rng, low=low, high=high)),
        Sample(Constant(np.array([np.nan, *edges]))),
    ]
    return [*samples, Sample(whole(rng, 3))] if integers else samples


def and_complex(rng, **domain):
    return [*real(rng, **domain), Sample(complex_draw(rng, 4))]


inside = partial(and_complex, low=-0.95, high=0.95, integers=False)


def points(rng):
    return [
        Sample(draw(rng, 3, 4), draw(rng, 3, 4)),
        Sample(draw(rng, 3, 1), draw(rng, 4)),
        Sample(draw(rng, 0), draw(rng)),
        Sample(draw(rng, 1), draw(rng, 1)),
    ]


rows = [
    Row("sin", and_complex),
    Row("cos", and_complex),
    Row("tan", partial(and_complex, low=-1.2, high=1.2)),
    Row("asin", inside),
    Row("acos", inside),
    Row("atan", partial(real, edges=(np.inf, -np.inf))),
    Row("sinh", and_complex),
    Row("cosh", and_complex),
    Row("tanh", partial(and_complex, edges=(np.inf, -np.inf))),
    Row("asinh", and_complex),
    Row("acosh", partial(and_complex, low=1.1, high=3.0)),
    Row("atanh", inside),
    *[
        Row(f"arc{name}", partial(real, low=low, high=low + 0.8, integers=False))
        for name, low in (
            ("sin", -0.4),
            ("cos", -0.4),
            ("tan", -0.4),
            ("sinh", -0.4),
            ("cosh", 1.1),
            ("tanh", -0.4),
        )
    ],
    Row(
        "atan2",
        lambda rng: [
            *points(rng),
            Sample(whole(rng, 3), whole(rng, 3)),
            Sample(np.array([0.0, 0.0, 1.0]), np.array([0.0, -1.0, 0.0])),
        ],
        bad=[mismatch, number],
    ),
    Row("arctan2", points),
    Row("hypot", points, bad=[mismatch, number]),
    Row("deg2rad", real),
    Row("rad2deg", real),
]
