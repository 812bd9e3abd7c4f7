"""Rows of :mod:`cnn_physics77.core.operations.indexing.cast`."""

import numpy as np

from cnn_physics77.core.errors import DtypeError
from cnn_physics77.testing.rows.pointwise.arithmetic import whole
from cnn_physics77.testing.table import Bad, Row, Sample, draw


def samples(rng):
    return [
        Sample(draw(rng, 2, 3)),
        Sample(draw(rng)),
        Sample(draw(rng, 0)),
        Sample(whole(rng, 3)),
        Sample(draw(rng, 3) > 0),
    ]


def to(rng):
    x = draw(rng, 2, 3)
    return [
        Sample(x),
        *[Sample(x, t) for t in (np.float64, np.float32, np.int64, np.bool_, np.complex128)],
        Sample(x, "cpu"),
        Sample(x, "cpu", np.float32),
        Sample(x, dtype=np.float32, device="cpu"),
        Sample(x, np.float64, copy=True),
        Sample(x, whole(rng, 1)),
        Sample(whole(rng, 3), np.float64),
    ]


rows = [
    Row(
        "Tensor.to",
        to,
        rtol=1e-6,
        atol=1e-6,
        bad=[
            Bad(DtypeError, "expected a dtype", np.ones(2), object),
            Bad(RuntimeError, "cpu", np.ones(2), "cuda"),
        ],
    ),
    *[
        Row(f"Tensor.{name}", samples, rtol=1e-3, atol=1e-3, float32_rtol=1e-3)
        for name in ("half", "float", "double", "cfloat", "cdouble")
    ],
    *[Row(f"Tensor.{name}", samples, order=0) for name in ("byte", "char", "short", "int", "long")],
    Row(
        "Tensor.bool",
        lambda rng: [*samples(rng), Sample(np.array([5j, 0j, 1.0, complex(0, np.nan)]))],
        order=0,
    ),
    Row(
        "Tensor.type_as",
        lambda rng: [Sample(draw(rng, 3), whole(rng, 2)), Sample(whole(rng, 3), draw(rng, 1))],
        order=0,
    ),
    Row(
        "Tensor.type",
        lambda rng: [
            Sample(draw(rng, 3), np.int32),
            Sample(draw(rng, 3)),
            Sample(draw(rng, 3), "torch.FloatTensor"),
        ],
        order=0,
        rtol=1e-6,
        bad=[Bad(DtypeError, "torch.DoubleTensor", np.ones(2), "float")],
    ),
]
