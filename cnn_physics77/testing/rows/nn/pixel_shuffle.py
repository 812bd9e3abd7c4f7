"""Rows: rearrangements between channels and pixels."""

import numpy as np

from cnn_physics77.testing.table import Bad, Constant, Row, Sample, draw

F = "nn.functional."

rows = [
    Row(
        F + "pixel_shuffle",
        lambda rng: [
            Sample(draw(rng, 2, 8, 2, 3), 2),
            Sample(draw(rng, 9, 1, 2), 3),
            Sample(draw(rng, 2, 1, 4, 2, 1) + 1j, 2),
            Sample(rng.integers(0, 9, (1, 3, 2, 2)), 1),
            Sample(Constant(draw(rng, 0, 4, 2, 2)), 2),
        ],
        bad=[
            Bad(RuntimeError, "at least 3", np.ones((4, 4)), 2),
            Bad(RuntimeError, "not divisible by 4", np.ones((3, 4, 4)), 2),
            Bad(RuntimeError, "positive", np.ones((4, 2, 2)), 0),
            Bad(TypeError, "an int", np.ones((4, 2, 2)), 2.0),
        ],
    ),
    Row(
        F + "pixel_unshuffle",
        lambda rng: [
            Sample(draw(rng, 2, 2, 4, 6), 2),
            Sample(draw(rng, 1, 3, 6), 3),
            Sample(rng.integers(0, 9, (1, 2, 3, 2, 2)), 2),
        ],
        bad=[
            Bad(RuntimeError, "at least 3", np.ones((4, 4)), 2),
            Bad(RuntimeError, "not divisible by 2", np.ones((1, 4, 3)), 2),
            Bad(RuntimeError, "positive", np.ones((1, 2, 2)), -1),
        ],
    ),
    Row(
        F + "channel_shuffle",
        lambda rng: [
            Sample(draw(rng, 2, 6, 2, 3), 3),
            Sample(draw(rng, 1, 4, 2), 2),
            Sample(draw(rng, 2, 3, 2), 1),
        ],
        bad=[
            Bad(RuntimeError, "> 2 dims", np.ones((4, 4)), 2),
            Bad(RuntimeError, "divisible", np.ones((1, 3, 2)), 2),
            Bad(RuntimeError, "positive", np.ones((1, 4, 2)), 0),
        ],
    ),
]
