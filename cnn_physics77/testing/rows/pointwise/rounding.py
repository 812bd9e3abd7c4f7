"""Rows of :mod:`cnn_physics77.core.operations.pointwise.rounding`."""

import numpy as np

from cnn_physics77.core.errors import DtypeError
from cnn_physics77.testing.rows.pointwise.arithmetic import whole
from cnn_physics77.testing.table import Bad, Row, Sample, draw


def samples(rng):
    return [
        Sample(10 * draw(rng, 3, 4)),
        Sample(draw(rng, 0)),
        Sample(draw(rng)),
        Sample(whole(rng, 3, low=-3)),
        Sample(np.array([0.5, 1.5, -0.5, -2.5, np.inf, np.nan])),
    ]


bad = [Bad(DtypeError, "complex", np.ones(2) * 1j)]

rows = [
    Row("floor", samples, bad=bad),
    Row("ceil", samples, bad=bad),
    Row("trunc", samples, bad=bad),
    Row("fix", samples),
    Row(
        "round",
        lambda rng: [
            *samples(rng),
            Sample(10 * draw(rng, 5), decimals=2),
            Sample(100 * draw(rng, 5), decimals=-1),
        ],
        bad=[*bad, Bad(DtypeError, "decimals", np.array([1, 2]), decimals=1)],
    ),
    Row(
        "frac",
        lambda rng: [Sample(10 * draw(rng, 3, 4)), Sample(draw(rng, 0)), Sample(draw(rng))],
        bad=[Bad(DtypeError, "floating", np.array([1, 2]))],
    ),
]
