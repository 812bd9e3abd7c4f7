"""Rows of :mod:`cnn_physics77.core.operations.fft.frequencies`."""

import numpy as np

from cnn_physics77.core.errors import ShapeError
from cnn_physics77.testing.rows.pointwise.arithmetic import complex_draw, whole
from cnn_physics77.testing.table import Bad, Row, Sample, draw


def frequencies(rng):
    return [
        *(Sample(5), Sample(4, 0.5), Sample(1, d=2.0), Sample(6, dtype=np.float64), Sample(0), Sample(3, 0)),
    ]


def shifts(rng):
    return [
        Sample(draw(rng, 5)),
        Sample(draw(rng, 3, 4)),
        Sample(draw(rng, 3, 4), 0),
        Sample(complex_draw(rng, 2, 3, 4), dim=(0, -1)),
        Sample(draw(rng, 0)),
        Sample(whole(rng, 4)),
    ]


bad = [Bad(ShapeError, "out of range", np.ones(3), 1), Bad(ShapeError, "0-d", np.ones(()))]

rows = [
    Row("fft.fftfreq", frequencies, order=0, bad=[Bad(ShapeError, "n >= 0", -1)]),
    Row("fft.rfftfreq", frequencies, order=0, bad=[Bad(ShapeError, "n >= 0", -1)]),
    Row("fft.fftshift", shifts, bad=bad),
    Row("fft.ifftshift", shifts, bad=bad),
]
