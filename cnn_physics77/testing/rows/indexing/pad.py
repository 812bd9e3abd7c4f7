"""Rows of padding."""

import numpy as np

from cnn_physics77.testing.table import Bad, Row, Sample, draw

X = np.ones((2, 3))
P = "nn.functional.pad"


def samples(rng):
    made = [
        Sample(draw(rng, 2, 3), (1, 2)),
        Sample(draw(rng, 2, 3), (1, 0, 0, 2), value=1.5),
        Sample(draw(rng, 4, 5), (-1, 2, 1, -2), "constant", 3.0),
        Sample(draw(rng, 4, 5), (-1, -2)),
        Sample(draw(rng, 2), (0, 0)),
        Sample(draw(rng, 0, 2), (1, 1, 1, 1)),
    ]
    for mode in ("reflect", "replicate", "circular"):
        made += [
            Sample(draw(rng, 2, 3, 4), (2, 1), mode=mode),
            Sample(draw(rng, 2, 3), (1, 0), mode=mode),
            Sample(draw(rng, 1, 2, 4, 5), (1, 2, 3, 0), mode=mode),
            Sample(draw(rng, 1, 2, 4, 5), (1, -2, -1, 2), mode=mode),
            Sample(draw(rng, 1, 2, 3, 3, 4), (1, 1, 2, 0, 1, 2), mode=mode),
            Sample(draw(rng, 2, 3, 4), (-2, 2), mode=mode),
            Sample(draw(rng, 2, 3, 4), (0, 0), mode=mode),
        ]
    # What is replicated or reflected is the whole input, even if the result has none of its inner elements.
    made += [Sample(draw(rng, 2, 3, 4), widths, "replicate") for widths in ((-4, 5), (6, -9), (-6, 4))]
    return [
        *made,
        Sample(draw(rng, 2, 3, 4), (-5, 2), "reflect"),
        Sample(draw(rng, 2, 3, 4), (3, -6), "reflect"),
    ]


rows = [
    Row(
        P,
        samples,
        bad=[
            Bad(RuntimeError, "divisible by 2", X, (1,)),
            Bad(RuntimeError, "two times the input dimension", X, (1, 1, 1, 1, 1, 1)),
            Bad(RuntimeError, "negative output size", X, (-2, -2)),
            Bad(RuntimeError, "less than the corresponding input dimension", X, (3, 0), "reflect"),
            Bad(RuntimeError, "wrapping around more than once", X, (4, 0), "circular"),
            Bad(RuntimeError, "not to be empty", np.ones((2, 0)), (1, 0), "replicate"),
            Bad(RuntimeError, "Calculated output size 0", X, (-3, 0), "replicate"),
            Bad(RuntimeError, "Calculated output size 0", X, (2, -5), "reflect"),
            Bad(ValueError, "expected mode", X, (1, 1), "mirror"),
            Bad(ValueError, "doesn't take in value", X, (1, 1), "circular", 2.0),
        ],
    ),
]
