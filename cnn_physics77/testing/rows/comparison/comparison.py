"""Rows of :mod:`cnn_physics77.core.operations.comparison.comparison`."""

import numpy as np

from cnn_physics77.core.errors import DtypeError
from cnn_physics77.testing.rows.pointwise.arithmetic import complex_draw, mismatch, whole
from cnn_physics77.testing.table import Bad, Constant, Row, Sample, draw

SPECIAL = np.array([0.0, -0.0, 1.0, np.inf, -np.inf, np.nan])


def pairs(rng):
    return [
        Sample(whole(rng, 3, 4), whole(rng, 3, 4)),
        Sample(whole(rng, 3, 1).astype(float), whole(rng, 4).astype(float)),
        Sample(whole(rng, 3, 4), 2),
        Sample(whole(rng, 3, 4), 2.5),
        Sample(draw(rng, 3), 0),
        Sample(draw(rng, 0), draw(rng, 1)),
        Sample(draw(rng), draw(rng)),
        Sample(SPECIAL, SPECIAL[:, None]),
        Sample(whole(rng, 3), whole(rng, 3).astype(np.float32)),
        Sample(whole(rng, 3), np.array([True, False, True])),
    ]


def special(rng):
    return [Sample(SPECIAL), Sample(draw(rng, 2, 0)), Sample(whole(rng, 3)), Sample(draw(rng))]


def booleans(rng):
    return [
        Sample(SPECIAL, SPECIAL[:, None]),
        Sample(np.array([True, False]), np.array([True, True])),
        Sample(whole(rng, 3, low=-1), draw(rng, 2, 3)),
        Sample(draw(rng, 0), draw(rng)),
    ]


no_order = Bad(DtypeError, "no order", 1j * np.ones(2), np.ones(2))
ORDERED = (("lt", "less"), ("le", "less_equal"), ("gt", "greater"), ("ge", "greater_equal"))

rows = [
    Row(
        "eq",
        lambda rng: [*pairs(rng), Sample(complex_draw(rng, 2), complex_draw(rng, 2))],
        order=0,
        bad=[
            mismatch,
            Bad(DtypeError, "found the number", 2, np.ones(2)),
            Bad(DtypeError, "eq: expected a tensor or a number, found str", np.ones(2), "x"),
        ],
    ),
    Row("ne", lambda rng: [*pairs(rng), Sample(complex_draw(rng, 2), draw(rng, 2))], order=0, bad=[mismatch]),
    Row("not_equal", pairs, order=0),
    *[Row(name, pairs, order=0, bad=[mismatch, no_order]) for name, _ in ORDERED],
    *[Row(name, pairs, order=0) for _, name in ORDERED],
    *[
        Row(name, lambda rng: [*special(rng), Sample(complex_draw(rng, 3))], order=0)
        for name in ("isnan", "isinf", "isfinite", "isreal")
    ],
    *[
        Row(name, special, order=0, bad=[Bad(DtypeError, "real numbers", 1j * np.ones(2))])
        for name in ("isposinf", "isneginf")
    ],
    *[
        Row(
            name,
            lambda rng: [
                Sample(SPECIAL, SPECIAL * (1 + 1e-6)),
                Sample(SPECIAL, SPECIAL, equal_nan=True),
                Sample(draw(rng, 3), draw(rng, 3), rtol=0.5, atol=0.1),
                Sample(draw(rng, 2, 1), draw(rng, 3), 0.1),
                Sample(whole(rng, 4), whole(rng, 4)),
                Sample(draw(rng, 0), draw(rng, 0)),
                Sample(complex_draw(rng, 3), complex_draw(rng, 3), 1.0),
            ],
            order=0,
            bad=[
                mismatch,
                Bad(DtypeError, "one dtype", np.ones(2), np.ones(2, int)),
                Bad(ValueError, "non-negative", np.ones(2), np.ones(2), -1.0),
            ],
        )
        for name in ("isclose", "allclose")
    ],
    Row(
        "equal",
        lambda rng: [
            Sample(np.ones(2), np.ones(2)),
            Sample(np.ones(2), np.ones((1, 2))),
            Sample(np.array([np.nan]), np.array([np.nan])),
            Sample(draw(rng, 0), draw(rng, 0)),
        ],
        order=0,
    ),
    *[Row(f"logical_{name}", booleans, order=0, bad=[mismatch]) for name in ("and", "or", "xor")],
    Row("logical_not", lambda rng: [*special(rng), Sample(np.array([True, False]))], order=0),
    Row("Tensor.__gt__", lambda rng: [Sample(Constant(draw(rng, 3)), 0)], order=0),
]
