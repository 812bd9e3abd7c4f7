"""The row of :mod:`cnn_physics77.core.operations.pointwise.airy`.

PyTorch's values are off by up to 5e-9 near -2, and it has no derivative: see
``tests/core/operations/pointwise/test_special.py``.
"""

import numpy as np

from cnn_physics77.core.errors import DtypeError
from cnn_physics77.testing.rows.pointwise.arithmetic import whole
from cnn_physics77.testing.table import Bad, Constant, Row, Sample, draw

rows = [
    Row(
        "special.airy_ai",
        lambda rng: [
            Sample(Constant(4 * draw(rng, 3, 4))),
            Sample(Constant(np.array([-90.0, -20.5, -0.7, 0.0, 0.7, 30.0, np.nan]))),
            Sample(Constant(draw(rng, 0))),
            Sample(whole(rng, 3)),
        ],
        order=0,
        rtol=1e-8,
        atol=1e-8,
        bad=[Bad(DtypeError, "not defined", 1j * np.ones(2))],
    )
]
