"""Rows of :mod:`cnn_physics77.core.operations.reduction.var_std_norm`."""

import numpy as np

from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.testing.rows.pointwise.arithmetic import complex_draw
from cnn_physics77.testing.rows.reduction.sum_mean import bad_dims
from cnn_physics77.testing.table import Bad, Constant, Row, Sample, draw


def spreads(rng):
    x = draw(rng, 2, 3, 4)
    return [
        Sample(x),
        Sample(x, 1),
        Sample(x, (0, -1)),
        Sample(x, dim=2, keepdim=True),
        Sample(x, correction=0),
        Sample(x, 1, correction=2, keepdim=True),
        Sample(x, 1, False),
        Sample(x, 0, True, True),
        Sample(x, False),
        Sample(x, unbiased=True),
        Sample(100 + x, (0, 1), correction=0.5),
        Sample(complex_draw(rng, 2, 3), 1),
        Sample(draw(rng, 2, 1), correction=0),
        Sample(Constant(draw(rng)), correction=0),
    ]


def norms(name):
    """Samples for ``ord`` or ``p``."""

    def samples(rng):
        x = draw(rng, 2, 3, 4, apart=0.1)
        tied = np.array([[1.0, -3, 3], [0, 0, 0]])
        made = [Sample(x), Sample(draw(rng)), Sample(complex_draw(rng, 2, 3)), Sample(draw(rng, 0))]
        for p in (2, 1, 0, 3, 1.5, 0.5, -1, np.inf, -np.inf):
            made += [
                Sample(x, p),
                Sample(x, p, 1),
                Sample(x, p, dim=(0, -1), keepdim=True),
                Sample(draw(rng, 3, 1, apart=0.1), p, 1),
            ]
            if p > 0:
                made.append(Sample(tied[0], p))
        made += [Sample(complex_draw(rng, 2, 3), 1), Sample(complex_draw(rng, 2, 3), 3, 1)]
        return [*made, Sample(x, 2, 1, dtype=np.float64)]

    return samples


bad_norms = [
    Bad(DtypeError, "floating or complex", np.ones(2, int)),
    Bad(ShapeError, "norm: Dimension out of range", np.ones(2), 2, 1),
    Bad(ShapeError, "non-zero size", np.ones(0), np.inf),
]
bad = [
    bad_dims[0],
    Bad(DtypeError, "floating or complex", np.ones(2, int)),
    Bad(ValueError, "either unbiased or correction", np.ones(2), unbiased=True, correction=1),
]

rows = [
    *[Row(name, spreads, bad=bad, rtol=1e-9) for name in ("var", "std", "var_mean", "std_mean")],
    Row("linalg.vector_norm", norms("ord"), bad=bad_norms),
]
