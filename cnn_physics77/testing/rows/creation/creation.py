"""Rows of :mod:`cnn_physics77.core.operations.creation.creation`."""

import numpy as np

from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.testing.rows.pointwise.arithmetic import complex_draw, whole
from cnn_physics77.testing.table import Bad, Constant, Row, Sample, draw


def sizes(rng):
    return [
        Sample(2, 3),
        Sample((2, 3)),
        Sample([0, 2]),
        Sample(()),
        Sample(3, dtype=np.int64),
        Sample(2, dtype=np.complex64, requires_grad=True),
        Sample(2, device="cpu"),
    ]


def like(rng):
    return [
        Sample(Constant(draw(rng, 2, 3))),
        Sample(whole(rng, 2)),
        Sample(draw(rng, 2, 3) > 0),
        Sample(Constant(draw(rng, 0)), dtype=np.int32),
        Sample(Constant(draw(rng)), requires_grad=True),
    ]


def new(rng):
    return [
        Sample(Constant(draw(rng, 1)), 2, 3),
        Sample(whole(rng, 1), (2, 0)),
        Sample(whole(rng, 1), 2, dtype=np.float64),
    ]


def spaced(rng):
    return [
        Sample(0, 1, 5),
        Sample(-1.5, 2.5, 7),
        Sample(3, -3, 4, dtype=np.float64),
        Sample(0, 1, 1),
        Sample(0, 1, 0),
        Sample(0, 1, steps=3, requires_grad=True),
    ]


negative = Bad(ShapeError, "non-negative", -1)
rows = [
    Row(
        "zeros",
        sizes,
        order=0,
        bad=[negative, Bad(DtypeError, "as integers", 1.5), Bad(RuntimeError, "cpu", 2, device="cuda")],
    ),
    Row("ones", sizes, order=0, bad=[negative, Bad(DtypeError, "a dtype", 2, dtype="cat")]),
    Row(
        "full",
        lambda rng: [
            Sample((2, 3), 7),
            Sample((2,), 2.5),
            Sample((), True),
            Sample((2,), 1j),
            Sample((2,), 3, dtype=np.float64),
            Sample((0,), 1.0, requires_grad=True),
        ],
        order=0,
        bad=[
            Bad(ShapeError, "non-negative", (-1,), 0),
            Bad(DtypeError, "full: expected a tensor or a number, found str", (2,), "x"),
        ],
    ),
    Row("zeros_like", like, order=0),
    Row("ones_like", like, order=0),
    Row("full_like", lambda rng: [Sample(*s.args, 1, **s.kwargs) for s in like(rng)], order=0),
    Row("Tensor.new_zeros", new, order=0),
    Row("Tensor.new_ones", new, order=0),
    Row(
        "Tensor.new_full",
        lambda rng: [Sample(whole(rng, 1), (2, 3), 5), Sample(Constant(draw(rng, 1)), (2,), 5)],
        order=0,
    ),
    Row(
        "Tensor.new_tensor",
        lambda rng: [Sample(whole(rng, 1), [1, 2]), Sample(Constant(draw(rng, 1)), [[1, 2]])],
        order=0,
    ),
    Row(
        "eye",
        lambda rng: [
            Sample(3),
            Sample(2, 3),
            Sample(3, m=2, dtype=np.int64),
            Sample(0),
            Sample(2, requires_grad=True),
        ],
        order=0,
        bad=[negative],
    ),
    Row(
        "arange",
        lambda rng: [
            Sample(5),
            Sample(2, 7),
            Sample(7, 2, -2),
            Sample(0.5, 3),
            Sample(1, 2, 0.25),
            Sample(5, dtype=np.float64),
            Sample(3, 3),
            Sample(0, 1, 0.1, dtype=np.float64),
            Sample(2.0, requires_grad=True),
            Sample(-2.7, 7.9, 2.5, dtype=np.int32),
            Sample(7.9, -2.7, -2.5, dtype=np.int64),
            Sample(end=4),
        ],
        order=0,
        bad=[
            Bad(ValueError, "nonzero", 0, 1, 0),
            Bad(ValueError, "nonzero", 0, 1, 0.5, dtype=np.int64),
            Bad(ValueError, "towards the end", 0, 5, -1),
            Bad(RuntimeError, "unsupported range", 0, np.inf),
        ],
    ),
    Row(
        "linspace",
        lambda rng: [*spaced(rng), Sample(-2.7, 9.6, 7, dtype=np.int64)],
        order=0,
        rtol=1e-6,
        bad=[Bad(ValueError, "non-negative", 0, 1, -1)],
    ),
    Row(
        "logspace",
        lambda rng: [
            *spaced(rng),
            Sample(0, 3, 4, 2),
            Sample(0.7, 3.9, 6, 2, dtype=np.int32),
            Sample(0, 3, 4, base=2.0, dtype=np.float64),
        ],
        order=0,
        rtol=1e-6,
        bad=[Bad(ValueError, "non-negative", 0, 1, -1)],
    ),
    *[
        Row(
            name,
            lambda rng: [
                Sample(3, 4),
                Sample(4, 3, 1),
                Sample(3, 3, offset=-1, dtype=np.int32),
                Sample(0, 2),
            ],
            order=0,
            bad=[Bad(ShapeError, "non-negative", -1, 2)],
        )
        for name in ("tril_indices", "triu_indices")
    ],
    Row(
        "as_tensor",
        lambda rng: [
            Sample(draw(rng, 3)),
            Sample(draw(rng, 3), dtype=np.float64),
            Sample(complex_draw(rng, 2)),
            Sample([1, 2]),
            Sample(2.5, dtype=np.float64),
            Sample([[True]]),
        ],
    ),
]
