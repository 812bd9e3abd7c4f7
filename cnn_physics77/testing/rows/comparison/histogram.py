"""Rows of :mod:`cnn_physics77.core.operations.comparison.histogram`."""

import numpy as np

from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.testing.table import Bad, Constant, Row, Sample, draw

EDGES = np.array([-1.0, 0.0, 0.5, 2.0])
NAN = np.array([0.5, np.nan, 1.0])


def histograms(rng):
    x = Constant(draw(rng, 3, 5))
    return [
        Sample(x, 4),
        Sample(x, 4, range=(-1.0, 1.0), density=True),
        Sample(x, Constant(EDGES)),
        Sample(x, Constant(EDGES), weight=Constant(draw(rng, 3, 5)), density=True),
        Sample(x, 3, weight=Constant(draw(rng, 3, 5))),
        Sample(Constant(np.array([0.0, 0.25, 0.5, 0.75, 1.0])), 4),
        Sample(Constant(np.ones(2)), 2),
        Sample(Constant(np.ones(0)), 3),
        Sample(Constant(NAN), 2, range=(0.0, 2.0)),
    ]


def of_points(rng):
    x = Constant(draw(rng, 3, 4, 2))
    return [
        Sample(x, 3),
        Sample(x, [2, 3], range=[-1.0, 1.0, 0.0, 2.0]),
        Sample(x, [Constant(EDGES), Constant(EDGES[1:])], weight=Constant(draw(rng, 3, 4))),
        Sample(x, [2, 3], weight=Constant(draw(rng, 3, 4, low=0.1)), density=True),
        Sample(Constant(draw(rng, 0, 2)), 2),
        Sample(Constant(draw(rng, 4, 3)), 2),
    ]


rows = [
    Row(
        "histc",
        lambda rng: [
            Sample(Constant(draw(rng, 3, 4)), 5),
            Sample(Constant(draw(rng, 3, 4)), 5, -1, 1),
            Sample(Constant(np.array([0.0, 0.25, 0.5, 1.0])), bins=4, min=0, max=1),
            Sample(Constant(np.ones(3)), 4),
            Sample(Constant(np.ones(0)), 4),
            Sample(Constant(np.ones(())), 2, 1, 1),
            Sample(Constant(NAN), 2, 0, 3),
        ],
        order=0,
        bad=[
            Bad(DtypeError, "floating", np.ones(2, int)),
            Bad(ShapeError, "bins must be > 0", np.ones(2), 0),
            Bad(ValueError, "not finite", NAN, 2),
            Bad(ValueError, "larger than min", np.ones(2), 2, 3, 1),
        ],
    ),
    Row(
        "histogram",
        histograms,
        order=0,
        bad=[
            Bad(DtypeError, "floating", np.ones(2, int), 2),
            Bad(DtypeError, "bins of dtype", np.ones(2), np.ones(2, np.float32)),
            Bad(ShapeError, "bins must be > 0", np.ones(2), np.ones(1)),
            Bad(ShapeError, "one dimension", np.ones(2), np.ones((1, 2))),
            Bad(ShapeError, "a weight of shape", np.ones(2), 2, weight=np.ones(1)),
            Bad(ShapeError, "2 elements", np.ones(2), 2, range=(1.0,)),
            Bad(ValueError, "exceed", np.ones(2), 2, range=(2.0, 1.0)),
            Bad(ValueError, "not finite", NAN, 2),
            Bad(TypeError, "leave it out", np.ones(2), EDGES, range=(0.0, 1.0)),
        ],
    ),
    Row(
        "histogramdd",
        of_points,
        order=0,
        bad=[
            Bad(ShapeError, "at least 2 dimensions", np.ones(2), 2),
            Bad(ShapeError, "innermost", np.ones((2, 2)), [2]),
            Bad(ShapeError, "4 elements", np.ones((2, 2)), 2, range=[0.0, 1.0]),
            Bad(ShapeError, "a weight of shape", np.ones((2, 2)), 2, weight=np.ones(3)),
            Bad(DtypeError, "a weight of dtype", np.ones((2, 2)), 2, weight=np.ones(2, int)),
        ],
    ),
]
