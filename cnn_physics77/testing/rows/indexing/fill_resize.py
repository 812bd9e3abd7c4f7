"""Rows of :mod:`cnn_physics77.core.operations.indexing.fill_resize`."""

import numpy as np

from cnn_physics77.core.errors import DtypeError, RangeError, ShapeError
from cnn_physics77.testing.rows.pointwise.arithmetic import complex_draw, whole
from cnn_physics77.testing.table import Bad, Row, Sample, draw

rows = [
    Row(
        "fill",
        lambda rng: [
            Sample(draw(rng, 2, 3), 2),
            Sample(draw(rng, 2, 3), draw(rng)),
            Sample(np.array([np.nan, np.inf, 1.0]), draw(rng)),
            Sample(draw(rng, 0), 2.5),
            Sample(draw(rng), value=np.nan),
            Sample(complex_draw(rng, 3), 1j),
            Sample(complex_draw(rng, 3), complex_draw(rng)),
            Sample(whole(rng, 3), 2.7),
            Sample(draw(rng, 3) > 0, 2),
        ],
        bad=[
            Bad(ShapeError, "0-dimension", np.ones(2), np.ones(1)),
            Bad(DtypeError, "complex", np.ones(2), np.array(1j)),
            Bad(RangeError, "fill", np.ones(2, np.int8), 300),
        ],
    ),
]
