"""Rows of :mod:`cnn_physics77.core.operations.creation.from_memory`."""

import warnings

import numpy as np

from cnn_physics77.core.errors import ArgumentError, DtypeError, ShapeError
from cnn_physics77.testing.table import Bad, Constant, Row, Sample, draw

BYTES = bytearray(range(12))


def _range(*args, **named):
    """PyTorch's, which warns that it will be removed."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.range(*args, **named)


rows = [
    Row(
        "asarray",
        lambda rng: [
            Sample([[1, 2], [3, 4]]),
            Sample(2.5),
            Sample([1, 2], dtype=np.float64),
            Sample(draw(rng, 2, 3), requires_grad=True),
            Sample(draw(rng, 3), requires_grad=False),
            Sample(Constant(draw(rng, 3)), dtype=np.float64, copy=True),
            Sample(BYTES),
        ],
        order=0,
        bad=[Bad(ArgumentError, "copy=False", [1, 2], copy=False)],
    ),
    Row(
        "from_dlpack",
        lambda rng: [Sample(Constant(draw(rng, 2, 3))), Sample(np.arange(3)), Sample(np.ones((0, 2), bool))],
        order=0,
        bad=[
            Bad(DtypeError, "found list", [1, 2]),
            Bad(RuntimeError, "cuda", np.ones(2), device="cuda"),
        ],
    ),
    Row(
        "frombuffer",
        lambda rng: [
            Sample(BYTES, dtype=np.uint8),
            Sample(BYTES, dtype=np.int16, count=2, offset=2),
            Sample(BYTES, dtype=np.int32, offset=4),
        ],
        order=0,
        bad=[
            Bad(ArgumentError, "must not be 0", bytearray(), dtype=np.uint8),
            Bad(ArgumentError, "must not be 0", BYTES, dtype=np.uint8, count=0),
            Bad(ArgumentError, "offset", BYTES, dtype=np.uint8, offset=12),
            Bad(ArgumentError, "multiple", BYTES, dtype=np.int64),
            Bad(ArgumentError, "after the offset", BYTES, dtype=np.int64, count=2),
        ],
    ),
    Row(
        "range",
        lambda rng: [
            *(
                Sample(0, 3),
                Sample(0, 1, 0.25),
                Sample(3, -1, -2),
                Sample(2.0, 2.0),
                Sample(1, 9, dtype=np.int64),
            ),
        ],
        _range,
        order=0,
        bad=[
            Bad(ArgumentError, "towards", 0, 3, -1),
            Bad(ArgumentError, "finite", 0, np.inf),
            Bad(DtypeError, "end", 3),
        ],
    ),
    Row(
        "empty_strided",
        lambda rng: [Sample((0, 3), (1, 2)), Sample((2, 0), (1, 1), dtype=np.float64)],
        order=0,
        bad=[
            Bad(ShapeError, "as many", (2, 3), (1,)),
            Bad(ShapeError, "negative", (2,), (-1,)),
        ],
    ),
    Row(
        "Tensor.new_empty_strided",
        lambda rng: [
            Sample(np.ones(2, np.int32), (0, 3), (1, 2)),
            Sample(Constant(np.ones(2)), (2, 0), (1, 1), dtype=np.int64),
        ],
        order=0,
        bad=[Bad(ShapeError, "as many", np.ones(2), (2, 3), (1,))],
    ),
    Row(
        "empty_permuted",
        lambda rng: [Sample((0, 3), (1, 0)), Sample([2, 0], [0, 1], dtype=np.float64)],
        order=0,
        bad=[
            Bad(ShapeError, "permutation", (2, 3), (0, 0)),
            Bad(ShapeError, "permutation", (2, 3), (0,)),
            Bad(ShapeError, "permutation", (2, 3), (0, -1)),
            Bad(ShapeError, "non-negative", (2, -3), (0, 1)),
        ],
    ),
    Row(
        "scalar_tensor",
        lambda rng: [
            Sample(3),
            Sample(True),
            Sample(2.75, dtype=np.int64),
            Sample(1j, dtype=np.complex64),
            Sample(s=1, requires_grad=True),
        ],
        order=0,
        bad=[
            Bad(TypeError, "a number", [3.0]),
            Bad(RuntimeError, "", 1j),
            Bad(RuntimeError, "", 300, dtype=np.uint8),
        ],
    ),
]
