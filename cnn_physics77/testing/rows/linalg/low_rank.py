"""Rows of :mod:`cnn_physics77.core.operations.linalg.low_rank`: at full rank nothing depends on the draw."""

import numpy as np

from cnn_physics77.core.errors import DtypeError, RangeError, ShapeError
from cnn_physics77.testing.rows.linalg.svd import without_phase
from cnn_physics77.testing.rows.pointwise.arithmetic import complex_draw
from cnn_physics77.testing.table import Bad, Constant, Row, Sample, draw


def of_rank_2(rng, m, n):
    return draw(rng, m, 2) @ draw(rng, 2, n)


bad = [Bad(ShapeError, "at least 2", np.ones(3)), Bad(DtypeError, "floating", np.ones((2, 2), int))]

rows = [
    Row(
        "svd_lowrank",
        lambda rng: [
            Sample(draw(rng, 4, 3), 3),
            Sample(draw(rng, 2, 3, 4), 3, niter=1, M=draw(rng, 1, 4)),
            Sample(complex_draw(rng, 3, 2), 2, 0),
            Sample(Constant(of_rank_2(rng, 9, 8)), 2),
            Sample(draw(rng, 0, 2, 2), None, None),
        ],
        invariant=without_phase,
        bad=bad,
        float32_rtol=2e-5,
    ),
    Row(
        "pca_lowrank",
        lambda rng: [
            Sample(draw(rng, 4, 3)),
            Sample(draw(rng, 2, 5, 3), 3, niter=1),
            Sample(draw(rng, 3, 4), center=False),
        ],
        invariant=without_phase,
        bad=[
            *bad,
            Bad(RangeError, "q from 0 to min(M, N) = 2", np.ones((2, 3)), 3),
            Bad(RangeError, "at least 0", np.ones((2, 3)), niter=-1),
        ],
        float32_rtol=2e-5,
    ),
]
