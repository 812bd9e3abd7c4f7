"""Rows of :mod:`cnn_physics77.core.operations.pointwise.bitwise`."""

import numpy as np

from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.testing.rows.pointwise.arithmetic import numbers, whole
from cnn_physics77.testing.table import Bad, Row, Sample

BOOLEANS = np.array([True, False])


def integers(rng):
    return [
        Sample(whole(rng, 3, 4, low=-5), whole(rng, 4)),
        Sample(whole(rng, 3, low=-5), 2),
        Sample(whole(rng, 0), whole(rng, 1)),
        Sample(whole(rng, 2).astype(np.uint8), whole(rng, 2).astype(np.int16)),
    ]


def and_booleans(rng):
    return [*integers(rng), Sample(BOOLEANS, BOOLEANS[:, None]), Sample(BOOLEANS, True)]


def on_the_right(rng):
    return [Sample(whole(rng, 3, 4, low=-5), whole(rng, 4)), Sample(whole(rng, 3), 2)]


bad = [
    Bad(DtypeError, "integers", np.ones(2), np.ones(2)),
    Bad(ShapeError, "broadcast", np.ones(2, int), np.ones(3, int)),
    numbers,
]

rows = [
    *[Row(f"bitwise_{name}", and_booleans, order=0, bad=bad) for name in ("and", "or", "xor")],
    *[
        Row(
            f"bitwise_{name}_shift",
            integers,
            order=0,
            bad=[*bad, Bad(DtypeError, "integers", BOOLEANS, BOOLEANS)],
        )
        for name in ("left", "right")
    ],
    *[Row(f"Tensor.__r{name}__", on_the_right, order=0) for name in ("and", "or", "xor", "lshift", "rshift")],
    Row(
        "bitwise_not",
        lambda rng: [Sample(whole(rng, 3, low=-5)), Sample(BOOLEANS), Sample(whole(rng, 0))],
        order=0,
        bad=[Bad(DtypeError, "integers", np.ones(2))],
    ),
]
