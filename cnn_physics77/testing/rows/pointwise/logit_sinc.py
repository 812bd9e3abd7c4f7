"""Rows of :mod:`cnn_physics77.core.operations.pointwise.logit_sinc`."""

import numpy as np

from cnn_physics77.core.errors import DtypeError
from cnn_physics77.testing.rows.pointwise.arithmetic import complex_draw, mismatch, whole
from cnn_physics77.testing.table import Bad, Constant, Row, Sample, draw

bad = [Bad(DtypeError, "", 1j * np.ones(2))]
x = np.array([0.0, 1.0, 2.0, -1.0, np.nan, 0.25])

rows = [
    Row(
        "logit",
        lambda rng: [
            Sample(draw(rng, 3, 4, low=0.05, high=0.95)),
            Sample(draw(rng, 3, 4, low=-0.5, high=1.5), eps=0.1),
            Sample(draw(rng, 0)),
            Sample(Constant(x)),
            Sample(Constant(x), 0.2),
            Sample(np.array([0, 1])),
        ],
        bad=bad,
    ),
    Row(
        "special.entr",
        lambda rng: [
            Sample(draw(rng, 3, 4, low=0.1)),
            Sample(draw(rng, 0)),
            Sample(Constant(x)),
            Sample(whole(rng, 3)),
        ],
        bad=bad,
    ),
    Row(
        "special.xlog1py",
        lambda rng: [
            Sample(draw(rng, 3), draw(rng, 2, 3, low=-0.9)),
            Sample(draw(rng, 3), 2.0),
            Sample(2, draw(rng, 3, low=-0.9)),
            Sample(whole(rng, 3), whole(rng, 3)),
            Sample(Constant(np.array([0.0, 0.0, 0.0, 1.0])), Constant(np.array([-1.0, np.nan, -2.0, -1.0]))),
        ],
        bad=[mismatch, Bad(DtypeError, "two numbers", 1.0, 2.0)],
    ),
    Row(
        "sinc",
        lambda rng: [
            Sample(2 * draw(rng, 3, 4, apart=0.1)),
            Sample(draw(rng, 0)),
            Sample(Constant(np.array([0.0, 1e-8, np.nan, 100.25]))),
            Sample(np.array([0])),
            Sample(complex_draw(rng, 3) + 0.1),
        ],
        rtol=1e-9,
    ),
    Row(
        "special.spherical_bessel_j0",
        lambda rng: [Sample(Constant(9 * draw(rng, 3, 4))), Sample(Constant(np.array([0.0, 1e-8, np.nan])))],
        order=0,
        bad=bad,
    ),
]
