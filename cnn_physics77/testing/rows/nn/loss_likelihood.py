"""Rows: divergence and likelihoods of numbers."""

import numpy as np

from cnn_physics77.testing.table import Bad, Constant, Row, Sample, draw

F = "nn.functional."

rows = [
    Row(
        F + "kl_div",
        lambda rng: [
            Sample(draw(rng, 3, 4), draw(rng, 3, 4, low=0.1), reduction="batchmean"),
            Sample(draw(rng, 3, 4), draw(rng, 3, 4, low=0.1), reduction="sum"),
            Sample(draw(rng, 3, 4), draw(rng, 3, 4), reduction="none", log_target=True),
            Sample(draw(rng, 3, 4), draw(rng, 4, low=0.1), reduction="none"),
            Sample(draw(rng, 3), Constant(np.array([0.0, 0.5, 0.5])), reduction="none"),
            Sample(draw(rng), draw(rng, low=0.1), reduction="batchmean"),
            Sample(draw(rng), draw(rng), reduction="batchmean", log_target=True),
            Sample(draw(rng), draw(rng, low=0.1), reduction="sum"),
        ],
        bad=[Bad(ValueError, "reduction", np.ones(2), np.ones(2), reduction="average")],
    ),
    Row(
        F + "poisson_nll_loss",
        lambda rng: [
            Sample(draw(rng, 3, 4), draw(rng, 3, 4, low=0.0, high=9.0)),
            Sample(draw(rng, 3, 4), draw(rng, 3, 4, low=0.0, high=9.0), full=True, reduction="none"),
            Sample(
                draw(rng, 5, low=0.1),
                draw(rng, 5, low=0.0, high=9.0),
                log_input=False,
                eps=1e-3,
                reduction="sum",
            ),
            Sample(rng.integers(1, 5, 4), rng.integers(0, 5, (3, 4)), False, True, reduction="none"),
            Sample(draw(rng, 4), rng.integers(0, 5, 4), full=True, reduction="none"),
        ],
    ),
    Row(
        F + "gaussian_nll_loss",
        lambda rng: [
            Sample(draw(rng, 3, 4), draw(rng, 3, 4), draw(rng, 3, 4, low=0.1)),
            Sample(draw(rng, 3, 4), draw(rng, 3, 4), draw(rng, 3, low=0.1), full=True, reduction="sum"),
            Sample(draw(rng, 3, 4), draw(rng, 3, 4), draw(rng, 3, 1, low=0.1), eps=0.7, reduction="none"),
            Sample(draw(rng, 3, 4), draw(rng, 3, 4), 0.5),
        ],
        bad=[
            Bad(ValueError, "negative", np.ones(2), np.ones(2), np.array([1.0, -1.0])),
            Bad(ValueError, "incorrect size", np.ones((2, 3)), np.ones((2, 3)), np.ones(4)),
            Bad(ValueError, "reduction", np.ones(2), np.ones(2), np.ones(2), reduction="average"),
        ],
    ),
]
