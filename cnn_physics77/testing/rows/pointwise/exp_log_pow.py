"""Rows of :mod:`cnn_physics77.core.operations.pointwise.exp_log_pow`."""

import numpy as np

from cnn_physics77.core.errors import DtypeError
from cnn_physics77.testing.rows.pointwise.arithmetic import complex_draw, mismatch, number, pairs, whole
from cnn_physics77.testing.table import Bad, Constant, Row, Sample, draw


def everywhere(rng):
    return [
        Sample(draw(rng, 3, 4)),
        Sample(draw(rng, 0)),
        Sample(draw(rng)),
        Sample(whole(rng, 3)),
        Sample(np.array([np.inf, -np.inf, np.nan, 800.0])),
        Sample(complex_draw(rng, 3)),
    ]


def positive(rng, low=0.1, edges=(np.inf, np.nan)):
    return [
        Sample(draw(rng, 3, 4, low=low)),
        Sample(draw(rng, 0)),
        Sample(draw(rng, low=low)),
        Sample(whole(rng, 3)),
        Sample(np.array(edges)),
    ]


def and_complex(rng):
    return [*positive(rng), Sample(complex_draw(rng, 3))]


rows = [
    Row("exp", everywhere),
    Row("exp2", lambda rng: everywhere(rng)[:-1]),
    Row("expm1", lambda rng: everywhere(rng)[:-1]),
    Row("log", and_complex),
    Row("log2", lambda rng: and_complex(rng)),
    Row("log10", lambda rng: and_complex(rng)),
    Row("log1p", lambda rng: positive(rng, low=-0.9)),
    Row("sqrt", and_complex),
    Row("rsqrt", lambda rng: and_complex(rng)),
    Row("square", lambda rng: everywhere(rng)),
    Row("reciprocal", lambda rng: and_complex(rng)),
    Row(
        "pow",
        lambda rng: [
            *[Sample(draw(rng, 3, 4), p) for p in (0, 1, 2, 3, -1, -2, 2.0)],
            *[Sample(draw(rng, 3, 4, low=0.1), p) for p in (0.5, -0.5, 2.7, 0.0)],
            Sample(draw(rng, 3, 4, low=0.1), draw(rng, 4)),
            Sample(draw(rng, 3, 1, low=0.1), draw(rng, 4)),
            Sample(2.5, draw(rng, 4)),
            Sample(2, draw(rng, 4)),
            Sample(draw(rng, 0), draw(rng, 0)),
            Sample(whole(rng, 3), 2),
            Sample(whole(rng, 3), whole(rng, 2, 1)),
            Sample(np.array([-2, -1, 1, 2]), np.array([-1, -3, -2, -1])),
            Sample(whole(rng, 3), 0.5),
            Sample(whole(rng, 3), draw(rng, 3)),
            Sample(complex_draw(rng, 3), complex_draw(rng, 3)),
            Sample(complex_draw(rng, 3), 2),
            Sample(complex_draw(rng, 3), 1.5),
        ],
        bad=[mismatch, Bad(ValueError, "negative integer powers", np.array([2]), -1)],
        rtol=1e-9,
    ),
    Row(
        "float_power",
        lambda rng: [Sample(whole(rng, 3), 2), Sample(draw(rng, 3, low=0.1), draw(rng, 3))],
        bad=[mismatch],
    ),
    Row(
        "logaddexp",
        lambda rng: [
            *pairs(rng)[:4],
            Sample(800 * draw(rng, 3), draw(rng, 3)),
            Sample(3 * complex_draw(rng, 3), complex_draw(rng, 2, 1)),
            Sample(Constant(np.array([np.inf, -np.inf, np.nan])), Constant(np.array([np.inf, -np.inf, 0.0]))),
            Sample(Constant(np.array([-np.inf + 1j])), Constant(np.array([-np.inf + 3j]))),
        ],
        bad=[mismatch, number],
    ),
    Row(
        "logaddexp2",
        lambda rng: [*pairs(rng)[:4], Sample(800 * draw(rng, 3), draw(rng, 3))],
        bad=[mismatch, number, Bad(DtypeError, "not defined", 1j * np.ones(2), 1j * np.ones(2))],
    ),
]
