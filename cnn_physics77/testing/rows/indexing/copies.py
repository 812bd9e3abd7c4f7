"""Rows of :mod:`cnn_physics77.core.operations.indexing.copies`."""

import numpy as np

from cnn_physics77.core.errors import ShapeError
from cnn_physics77.testing.rows.pointwise.arithmetic import complex_draw, whole
from cnn_physics77.testing.table import Bad, Row, Sample, draw


def anything(rng):
    return [Sample(complex_draw(rng, 2, 3)), Sample(draw(rng, 3)), Sample(whole(rng, 2))]


rows = [
    Row(
        "narrow_copy",
        lambda rng: [
            Sample(draw(rng, 4, 3), 0, 1, 2),
            Sample(draw(rng, 3), 0, -2, 1),
            Sample(whole(rng, 3), 0, 0, 3),
        ],
        bad=[Bad(ShapeError, "exceeds", np.ones(3), 0, 2, 2)],
    ),
    Row("unsafe_chunk", lambda rng: [Sample(draw(rng, 5), 2), Sample(draw(rng, 2, 4), 3, dim=1)]),
    Row("unsafe_split", lambda rng: [Sample(draw(rng, 5), 2), Sample(draw(rng, 2, 4), 3, 1)]),
    Row(
        "unsafe_split_with_sizes",
        lambda rng: [Sample(draw(rng, 5), [2, 3]), Sample(draw(rng, 2, 4), [1, 3], 1)],
    ),
    Row(
        "Tensor.sum_to_size",
        lambda rng: [
            Sample(draw(rng, 2, 3), 3),
            Sample(draw(rng, 2, 3), (2, 1)),
            Sample(draw(rng, 2, 3), 2, 3),
            Sample(draw(rng, 2, 3), ()),
            Sample(whole(rng, 2, 3), 1),
            Sample(np.array([True, True]), 1),
        ],
        bad=[
            Bad(ShapeError, "not expandable", np.ones((2, 3)), 2),
            Bad(ShapeError, "not expandable", np.ones(3), (2, 3)),
        ],
    ),
    *[Row(name, anything) for name in ("conj_physical", "resolve_conj", "resolve_neg")],
    *[Row(name, anything, order=0) for name in ("is_conj", "is_neg")],
    Row(
        "is_nonzero",
        lambda rng: [
            Sample(draw(rng, 1, 1)),
            Sample(np.array(0.0)),
            Sample(np.array([np.nan])),
            Sample(np.array(True)),
        ],
        order=0,
        bad=[Bad(ShapeError, "one element", np.ones(2)), Bad(ShapeError, "one element", np.ones(0))],
    ),
]
