"""Rows of memory."""

from cnn_physics77.testing.table import Row, Sample, draw

rows = [
    Row("clone", lambda rng: [Sample(draw(rng, 2, 3)), Sample(draw(rng)), Sample(draw(rng, 0))]),
    Row("Tensor.contiguous", lambda rng: [Sample(draw(rng, 2, 3)), Sample(draw(rng, 2, 3, 4, 5))]),
]
