"""Rows of :mod:`cnn_physics77.core.operations.pointwise.bessel`.

PyTorch differentiates I_0 and I_1 only; the derivatives of the others are tested in
``tests/core/operations/pointwise/test_special.py``.
"""

import numpy as np

from cnn_physics77.core.errors import DtypeError
from cnn_physics77.testing.rows.pointwise.arithmetic import whole
from cnn_physics77.testing.table import Bad, Constant, Row, Sample, draw

bad = [Bad(DtypeError, "not defined", 1j * np.ones(2))]


def growing(rng):
    return [
        Sample(4 * draw(rng, 3, 4)),
        Sample(draw(rng, 0)),
        Sample(draw(rng)),
        Sample(whole(rng, 3, low=-3)),
        Sample(Constant(np.array([0.0, 30.0, -100.0]))),
    ]


def constants(*edges):
    def samples(rng):
        x = [0.1, 0.9, 1.1, 3.0, 7.5, 20.0, 26.0, 1000.0, *edges]
        return [
            Sample(Constant(np.array(x))),
            Sample(Constant(5 * draw(rng, 3, 4, low=0.01))),
            Sample(Constant(draw(rng, 0))),
            Sample(whole(rng, 3)),
        ]

    return samples


second_kind = constants(0.0, -1.0, np.nan)

rows = [
    Row("i0", growing, bad=bad),
    *[Row(f"special.{name}", growing, bad=bad) for name in ("i0e", "i1", "i1e")],
    *[  # PyTorch's are wrong by up to 2e-7 between 5 and 25
        Row(f"special.{name}", constants(0.0, -2.0, -30.0, np.nan), order=0, bad=bad, rtol=1e-6, atol=1e-6)
        for name in ("bessel_j0", "bessel_j1")
    ],
    *[
        Row(f"special.modified_bessel_{name}", lambda rng: constants(-2.0)(rng)[1:], order=0, bad=bad)
        for name in ("i0", "i1")
    ],
    *[
        Row(f"special.{name}", second_kind, order=0, bad=bad, rtol=1e-6, atol=1e-6)
        for name in ("bessel_y0", "bessel_y1")
    ],
    *[
        Row(f"special.{scaled}modified_bessel_{name}", second_kind, order=0, bad=bad)
        for scaled in ("", "scaled_")
        for name in ("k0", "k1")
    ],
]
