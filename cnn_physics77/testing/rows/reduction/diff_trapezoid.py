"""Rows of :mod:`cnn_physics77.core.operations.reduction.diff_trapezoid`."""

import numpy as np

from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.testing.rows.pointwise.arithmetic import complex_draw, whole
from cnn_physics77.testing.table import Bad, Constant, Row, Sample, draw


def ascending(rng, n):
    return np.cumsum(rng.uniform(0.5, 1.5, n))


def integrals(rng):
    return [
        Sample(draw(rng, 2, 4)),
        Sample(draw(rng, 2, 4), dx=0.5, dim=0),
        Sample(draw(rng, 2, 4), ascending(rng, 4)),
        Sample(draw(rng, 3, 2), ascending(rng, 3), dim=0),
        Sample(draw(rng, 2, 4), draw(rng, 2, 4), dim=-1),
        Sample(draw(rng, 2, 1)),
        Sample(Constant(draw(rng, 2, 0))),
        Sample(whole(rng, 4)),
        Sample(complex_draw(rng, 3), ascending(rng, 3)),
    ]


bad_integrals = [
    Bad(ShapeError, "one `x` value for each sample", np.ones(2), np.ones(3)),
    Bad(ShapeError, "0-d", np.ones(())),
    Bad(ShapeError, "out of range", np.ones(2), dim=1),
    Bad(DtypeError, "bool", np.array([True])),
    Bad(DtypeError, "real number", np.ones(2), dx=1j),
    Bad(TypeError, "found both", np.ones(2), np.ones(2), dx=1),
]

rows = [
    Row(
        "diff",
        lambda rng: [
            Sample(draw(rng, 2, 4)),
            Sample(draw(rng, 4, 2), 2, 0),
            Sample(draw(rng, 3), n=3),
            Sample(draw(rng, 3), 0),
            Sample(draw(rng, 2, 3), 1, -1, draw(rng, 2, 1), draw(rng, 2, 2)),
            Sample(draw(rng, 0)),
            Sample(whole(rng, 3), append=draw(rng, 1)),
            Sample(np.array([True, False, False])),
            Sample(complex_draw(rng, 3)),
        ],
        bad=[
            Bad(ShapeError, "0-d", np.ones(())),
            Bad(ShapeError, "non-negative", np.ones(3), -1),
            Bad(ShapeError, "prepend", np.ones(3), prepend=np.ones((1, 1))),
            Bad(ShapeError, "append", np.ones((2, 3)), append=np.ones((3, 1))),
        ],
    ),
    Row(
        "gradient",
        lambda rng: [
            Sample(draw(rng, 3, 4)),
            Sample(draw(rng, 4, 3), spacing=0.5, dim=0, edge_order=2),
            Sample(draw(rng, 3, 4), spacing=[2.0, 0.5], edge_order=2),
            Sample(draw(rng, 4, 3), spacing=(ascending(rng, 4),), dim=0),
            Sample(draw(rng, 2, 4), spacing=(ascending(rng, 4),), dim=(1,), edge_order=2),
            Sample(draw(rng, 2)),
            Sample(whole(rng, 4)),
            Sample(complex_draw(rng, 3)),
        ],
        bad=[
            Bad(ValueError, "edge_order", np.ones(4), edge_order=3),
            Bad(ShapeError, "at least edge_order + 1", np.ones(2), edge_order=2),
            Bad(ShapeError, "one for each", np.ones((3, 3)), spacing=[1.0, 2.0, 3.0]),
            Bad(ShapeError, "4 coordinates", np.ones(4), spacing=(np.ones(3),)),
            Bad(DtypeError, "signed", np.ones(3, np.uint8)),
        ],
        float32_rtol=1e-5,
    ),
    Row("trapezoid", integrals, bad=bad_integrals),
    Row("trapz", lambda rng: integrals(rng)[:3]),
    Row("cumulative_trapezoid", integrals, bad=bad_integrals),
]
