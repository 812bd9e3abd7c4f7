"""Rows of permutation."""

import numpy as np

from cnn_physics77.testing.table import Bad, Row, Sample, draw

X = np.ones((2, 3))

rows = [
    Row(
        "permute",
        lambda rng: [
            Sample(draw(rng, 2, 3, 4), (2, 0, 1)),
            Sample(draw(rng, 2, 3), (-1, 0)),
            Sample(draw(rng), ()),
        ],
        bad=[
            Bad(RuntimeError, "as many dims", X, (0,)),
            Bad(RuntimeError, "multiple times", X, (0, 0)),
            Bad(IndexError, "out of range", X, (0, 2)),
        ],
    ),
    Row(
        "Tensor.permute",
        lambda rng: [Sample(draw(rng, 2, 3, 4), 1, 2, 0), Sample(draw(rng, 2, 3), dims=(1, 0))],
    ),
    *(
        Row(
            name,
            lambda rng: [
                Sample(draw(rng, 2, 3, 4), 0, -1),
                Sample(draw(rng), 0, -1),
                Sample(draw(rng, 0, 2), 1, 0),
            ],
            bad=[Bad(IndexError, "out of range", X, 0, 2)],
        )
        for name in ("transpose", "swapaxes", "swapdims")
    ),
    Row(
        "t",
        lambda rng: [Sample(draw(rng, 2, 3)), Sample(draw(rng, 3)), Sample(draw(rng))],
        bad=[Bad(RuntimeError, "<= 2 dimensions", np.ones((1, 1, 1)))],
    ),
    Row(
        "adjoint",
        lambda rng: [Sample(draw(rng, 2, 3)), Sample(draw(rng, 2, 3, 2) + 1j * draw(rng, 2, 3, 2))],
        bad=[Bad(RuntimeError, "expected a matrix", np.ones(3))],
    ),
    *(
        Row(
            name,
            lambda rng: [
                Sample(draw(rng, 2, 3, 4), 0, -1),
                Sample(draw(rng, 2, 3, 4), (0, 1), (-1, 0)),
                Sample(draw(rng, 2, 3), (), ()),
            ],
            bad=[Bad(RuntimeError, "as many source as destination", X, (0, 1), (0,))],
        )
        for name in ("movedim", "moveaxis")
    ),
]
