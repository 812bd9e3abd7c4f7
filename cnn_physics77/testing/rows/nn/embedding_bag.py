"""Rows: bags of embeddings."""

import numpy as np

from cnn_physics77.testing.table import Bad, Row, Sample, distinct, draw

_TABLE, _INDEX = np.ones((3, 2)), np.array([0, 1])
_BAGS = np.array([[1, 2, 1], [4, 0, 0]])
_FLAT, _OFFSETS = np.array([1, 2, 1, 4, 0, 3]), np.array([0, 2, 2, 5])

rows = [
    Row(
        "nn.functional.embedding_bag",
        lambda rng: [
            Sample(_BAGS, draw(rng, 5, 3)),
            Sample(_BAGS, draw(rng, 5, 3), mode="sum", per_sample_weights=draw(rng, 2, 3)),
            Sample(_BAGS, distinct(rng, 5, 3), mode="max"),
            # indices of one frequency: PyTorch takes the counts of others than the index
            Sample(np.array([[1, 2], [2, 1]]), draw(rng, 5, 3), mode="sum", scale_grad_by_freq=True),
            Sample(_BAGS, draw(rng, 5, 3), padding_idx=1),
            Sample(_BAGS, distinct(rng, 5, 3), mode="max", padding_idx=-4),
            *(Sample(_FLAT, distinct(rng, 5, 3), _OFFSETS, mode=mode) for mode in ("sum", "mean", "max")),
            Sample(_FLAT, draw(rng, 5, 3), np.array([0, 4, 6]), include_last_offset=True),
            Sample(np.ones(0, int), draw(rng, 5, 3), np.array([0, 0])),
        ],
        order=1,
        bad=[
            Bad(ValueError, "same shape", _INDEX[None], _TABLE, per_sample_weights=np.ones(2)),
            Bad(ValueError, "2D Tensor", _INDEX[None], np.ones(3)),
            Bad(ValueError, "to be None", _INDEX[None], _TABLE, np.array([0])),
            Bad(ValueError, "1D Tensor", _INDEX, _TABLE),
            Bad(ValueError, "1D or 2D", np.array(0), _TABLE),
            Bad(ValueError, "one of sum", _INDEX[None], _TABLE, mode="min"),
            Bad(ValueError, "by the frequency", _INDEX[None], _TABLE, mode="max", scale_grad_by_freq=True),
            Bad(
                *(NotImplementedError, "mode='sum'", _INDEX[None], _TABLE),
                per_sample_weights=np.ones((1, 2)),
            ),
            Bad(RuntimeError, "has to be 0", _INDEX, _TABLE, np.array([1])),
            Bad(RuntimeError, "ascending", _INDEX, _TABLE, np.array([0, 3])),
            Bad(RuntimeError, "at least 1", _INDEX, _TABLE, np.ones(0, int), include_last_offset=True),
            Bad(TypeError, "offsets", _INDEX, _TABLE, np.ones(1)),
            Bad(IndexError, "out of range", _INDEX[None] + 2, _TABLE),
        ],
    ),
]
