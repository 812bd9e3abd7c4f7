"""Rows of :mod:`cnn_physics77.core.operations.creation.windows` and of ``signal_windows``."""

import numpy as np

from cnn_physics77.core.errors import ArgumentError, DtypeError, ShapeError
from cnn_physics77.core.operations.creation import signal_windows, windows
from cnn_physics77.testing.table import Bad, Row, Sample

OF_ROOT = {"hamming_window": [Sample(5, True, 0.6, 0.4)], "kaiser_window": [Sample(5, False, 3.0)]}
OF_SIGNAL = {
    "exponential": [Sample(5, tau=2.0), Sample(5, center=1.0, sym=False)],
    "gaussian": [Sample(5, std=2.0)],
    "general_hamming": [Sample(5, alpha=0.7)],
    "kaiser": [Sample(5, beta=0.0), Sample(6, beta=3.5)],
}
BAD = {
    "exponential": [
        Bad(ArgumentError, "Tau", 5, tau=-1.0),
        Bad(ArgumentError, "Center", 5, center=1.0),
    ],
    "gaussian": [Bad(ArgumentError, "positive", 5, std=0.0)],
    "general_cosine": [Bad(ArgumentError, "empty", 5, a=[])],
    "kaiser": [Bad(ArgumentError, "non-negative", 5, beta=-1.0)],
}


def root(name):
    return lambda rng: [
        *(Sample(5, dtype=np.float64), Sample(6, False, dtype=np.float64), Sample(0), Sample(1), Sample(4)),
        *OF_ROOT.get(name, []),
    ]


def signal(name):
    always = {"a": [0.4, 0.35, 0.2, 0.05]} if name == "general_cosine" else {}
    return lambda rng: [
        Sample(5, dtype=np.float64, **always),
        Sample(6, sym=False, dtype=np.float64, **always),
        *(Sample(0, **always), Sample(1, **always), Sample(1, sym=False, **always), Sample(4, **always)),
        *OF_SIGNAL.get(name, []),
    ]


def bad_signal(name):
    always = {"a": [0.4, 0.6]} if name == "general_cosine" else {}
    return [
        Bad(ArgumentError, "non-negative window length", -1, **always),
        Bad(ArgumentError, "float32 or float64", 5, dtype=np.int64, **always),
        *BAD.get(name, []),
    ]


bad_root = [Bad(ShapeError, "non-negative", -1), Bad(DtypeError, "floating point", 5, dtype=np.int64)]

rows = [
    *[Row(name, root(name), order=0, bad=bad_root, atol=3e-7) for name in windows.__all__],
    *[
        Row(f"signal.windows.{n}", signal(n), order=0, bad=bad_signal(n), atol=3e-7)
        for n in signal_windows.__all__
    ],
]
