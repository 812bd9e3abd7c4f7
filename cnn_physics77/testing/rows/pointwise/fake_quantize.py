"""Rows of :mod:`cnn_physics77.core.operations.pointwise.fake_quantize`."""

import numpy as np

from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.testing.table import Bad, Row, Sample, draw

SCALES, ZEROS = np.array([0.25, 0.5, 0.125]), np.array([0, -2, 3], np.int32)


def _each(x, scale, zero_point, axis, quant_min, quant_max):
    """Per channel, by what is done per tensor: PyTorch takes no scale in double precision."""
    import torch

    parts = zip(x.unbind(axis), scale, zero_point)
    function = torch.fake_quantize_per_tensor_affine
    return torch.stack(
        [function(part, s.item(), z.item(), quant_min, quant_max) for part, s, z in parts], axis
    )


X = np.ones((2, 3))

rows = [
    Row(
        "fake_quantize_per_tensor_affine",
        lambda rng: [
            Sample(draw(rng, 3, 4), 0.125, 2, -5, 5),
            Sample(draw(rng), 0.25, 0, 0, 255),
            Sample(draw(rng, 0, 3), 0.5, 0, -8, 7),
        ],
        bad=[
            Bad(ValueError, "less than or equal to `quant_max`", X, 0.1, 0, 5, -5),
            Bad(ValueError, "`zero_point` must be between", X, 0.1, 9, -5, 5),
            Bad(DtypeError, "floating", np.ones(2, int), 0.1, 0, -5, 5),
        ],
    ),
    Row(
        "fake_quantize_per_channel_affine",
        lambda rng: [
            Sample(draw(rng, 2, 3), SCALES, ZEROS, 1, -5, 5),
            Sample(draw(rng, 3, 2, 2), SCALES, ZEROS, 0, -2, 7),
        ],
        reference=_each,
        order=1,
        bad=[
            Bad(ValueError, "`zero_point` must be between", X, SCALES, ZEROS + 9, 1, -5, 5),
            Bad(ShapeError, "expected scale of shape", X, SCALES, ZEROS, 0, -5, 5),
            Bad(IndexError, "out of range", X, SCALES, ZEROS, 2, -5, 5),
            Bad(DtypeError, "floating", np.ones((2, 3), int), SCALES, ZEROS, 1, -5, 5),
        ],
    ),
]
