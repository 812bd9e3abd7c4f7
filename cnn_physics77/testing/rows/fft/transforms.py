"""Rows of :mod:`cnn_physics77.core.operations.fft.transforms`."""

import numpy as np

from cnn_physics77.core.errors import ArgumentError, DtypeError, ShapeError
from cnn_physics77.testing.rows.pointwise.arithmetic import complex_draw
from cnn_physics77.testing.table import Bad, Row, Sample, draw

HALF = np.ones(3, np.float16)


def one(rng, make):
    return [
        Sample(make(rng, 5)),
        Sample(make(rng, 2, 6), norm="ortho"),
        Sample(make(rng, 4, 3), 3, 0, "forward"),
        Sample(make(rng, 2, 4, 3), n=7, dim=1),
        Sample(make(rng, 2, 0), 4),
        Sample(make(rng, 2), n=1),
    ]


def several(rng, make):
    return [
        Sample(make(rng, 3, 4)),
        Sample(make(rng, 2, 3, 5), norm="ortho"),
        Sample(make(rng, 2, 3, 5), (2, 4), norm="forward"),
        Sample(make(rng, 3, 5, 2), (4, -1), (0, 1)),
        Sample(make(rng, 3, 4, 2), dim=(-1, 0)),
        Sample(make(rng, 3, 4), None, 0),
    ]


def of(samples, *kinds):
    """Samples of real and complex tensors."""

    def made(rng):
        found = [sample for make in kinds for sample in samples(rng, make)]
        return [*found, Sample(np.array([[1, 2], [3, 5]]))]

    return made


bad = [
    Bad(ShapeError, "Invalid number of data points", np.ones((2, 0))),
    Bad(ArgumentError, "normalization", np.ones((3, 3)), norm="unit"),
    Bad(DtypeError, "Unsupported dtype", HALF[:, None] * HALF),
]
bad_one = [
    *bad,
    Bad(ShapeError, "out of range", np.ones(3), dim=1),
    Bad(ShapeError, "no dimensions", np.ones(())),
]
bad_several = [
    *bad,
    Bad(ShapeError, "same length", np.ones((2, 3)), (2,), (0, 1)),
    Bad(ShapeError, "unique", np.ones((2, 3)), dim=(0, -2)),
]
too_long = Bad(ShapeError, "only has 2 dimensions", np.ones((2, 3)), (2, 2, 2))
no_axis = Bad(ShapeError, "at least one axis", np.ones((2, 3)), dim=())
not_real = Bad(DtypeError, "real input", 1j * np.ones((3, 3)))

rows = [
    *[
        Row(f"fft.{name}", of(one, draw, complex_draw), bad=bad_one)
        for name in ("fft", "ifft", "irfft", "hfft")
    ],
    *[Row(f"fft.{name}", of(one, draw), bad=[*bad_one, not_real]) for name in ("rfft", "ihfft")],
    *[
        Row(f"fft.{n}", of(several, draw, complex_draw), bad=[*bad_several, too_long])
        for n in ("fftn", "ifftn")
    ],
    *[
        Row(f"fft.{name}", of(several, draw, complex_draw), bad=[*bad_several, too_long, no_axis])
        for name in ("irfftn", "hfftn")
    ],
    *[
        Row(f"fft.{name}", of(several, draw), bad=[*bad_several, too_long, no_axis, not_real])
        for name in ("rfftn", "ihfftn")
    ],
    *[
        Row(f"fft.{name}", of(several, complex_draw), bad=bad)
        for name in ("fft2", "ifft2", "irfft2", "hfft2")
    ],
    *[Row(f"fft.{name}", of(several, draw), bad=[*bad, not_real]) for name in ("rfft2", "ihfft2")],
]
