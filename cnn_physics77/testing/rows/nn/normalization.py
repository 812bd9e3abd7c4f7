"""Rows: normalization."""

import numpy as np

from cnn_physics77.testing.rows.pointwise.arithmetic import complex_draw
from cnn_physics77.testing.table import Bad, Constant, Row, Sample, draw

F = "nn.functional."


def _affine(rng, *shape):
    return {"weight": draw(rng, *shape), "bias": draw(rng, *shape)}


EMPTY = [(0, 3), (0, 3, 2), (2, 3, 0), (0, 3, 2, 2)]

rows = [
    Row(
        F + "batch_norm",
        lambda rng: [
            Sample(draw(rng, 4, 3, 2, 3), None, None, training=True),
            Sample(draw(rng, 4, 3), None, None, **_affine(rng, 3), training=True, eps=0.1),
            Sample(draw(rng, 4, 3, 5), None, None, draw(rng, 3), training=True),
            Sample(
                draw(rng, 4, 3, 5), Constant(draw(rng, 3)), Constant(draw(rng, 3, low=0.1)), **_affine(rng, 3)
            ),
            Sample(draw(rng, 2, 3, 2, 2), Constant(draw(rng, 3)), Constant(draw(rng, 3, low=0.1))),
            Sample(draw(rng, 0, 3, 2), Constant(draw(rng, 3)), Constant(draw(rng, 3, low=0.1))),
            Sample(draw(rng, 2, 3, 2, 2, 2), None, None, **_affine(rng, 3), training=True),
            Sample(draw(rng, 0), None, None, training=True),
            Sample(draw(rng, 0, 3), Constant(draw(rng, 3)), Constant(draw(rng, 3, low=0.1))),
            Sample(draw(rng, 2, 0, 3), Constant(draw(rng, 0)), Constant(draw(rng, 0))),
            *(Sample(draw(rng, *s), None, None, **_affine(rng, 3), training=True) for s in EMPTY),
            Sample(draw(rng, 2, 3), Constant(draw(rng, 3)), Constant(draw(rng, 3, low=0.1)), eps=0.0),
        ],
        bad=[
            Bad(ValueError, "more than 1 value", np.ones((1, 3)), None, None, training=True),
            Bad(ValueError, "more than 1 value", np.ones((1, 0)), None, None, training=True),
            Bad(ValueError, "eps must be positive", np.ones((2, 3)), None, None, training=True, eps=0.0),
            Bad(ValueError, "eps must be non-negative", np.ones((2, 3)), np.ones(3), np.ones(3), eps=-1e-5),
            Bad(RuntimeError, "running_mean", np.ones((2, 3)), None, None),
            Bad(RuntimeError, "weight", np.ones((2, 3)), None, None, np.ones(2), training=True),
            Bad(RuntimeError, "(N, C, ...)", np.ones(3), None, None, training=True),
            Bad(TypeError, "one dtype", np.ones((2, 3)), None, None, np.ones(3, np.float32), training=True),
            Bad(TypeError, "real", np.ones((2, 3), complex), None, None, training=True),
        ],
    ),
    Row(
        F + "group_norm",
        lambda rng: [
            Sample(draw(rng, 2, 4, 3), 2),
            Sample(draw(rng, 2, 4, 2, 3), 4, **_affine(rng, 4)),
            Sample(draw(rng, 2, 4), 1, draw(rng, 4), eps=0.1),
            Sample(draw(rng, 0, 4, 3), 2, **_affine(rng, 4)),
        ],
        bad=[
            Bad(RuntimeError, "num_groups", np.ones((2, 4, 3)), 3),
            Bad(ValueError, "more than 1 value", np.ones((1, 4)), 4),
            Bad(RuntimeError, "at least 2", np.ones(4), 1),
            Bad(RuntimeError, "weight", np.ones((2, 4, 3)), 2, np.ones(2)),
        ],
    ),
    Row(
        F + "instance_norm",
        lambda rng: [
            Sample(draw(rng, 2, 3, 4)),
            Sample(draw(rng, 2, 3, 2, 2), **_affine(rng, 3), eps=0.1),
            Sample(
                draw(rng, 2, 3, 4),
                Constant(draw(rng, 3)),
                Constant(draw(rng, 3, low=0.1)),
                use_input_stats=False,
            ),
        ],
        bad=[
            Bad(ValueError, "more than 1 spatial", np.ones((2, 3, 1))),
            Bad(RuntimeError, "(N, C, ...)", np.ones(3)),
            Bad(RuntimeError, "running_mean", np.ones((2, 3, 2)), use_input_stats=False),
        ],
    ),
    Row(
        F + "layer_norm",
        lambda rng: [
            Sample(draw(rng, 4, 3), (3,)),
            Sample(draw(rng, 4, 3), [3], **_affine(rng, 3), eps=0.1),
            Sample(draw(rng, 2, 3, 4), (3, 4), **_affine(rng, 3, 4)),
            Sample(draw(rng, 2, 3, 4), (4,), draw(rng, 4)),
            Sample(draw(rng, 3), (3,)),
            Sample(draw(rng, 0, 3), (3,), **_affine(rng, 3)),
        ],
        bad=[
            Bad(RuntimeError, "normalized_shape", np.ones((2, 3)), (2,)),
            Bad(RuntimeError, "normalized_shape", np.ones((2, 3)), ()),
            Bad(RuntimeError, "Expected weight", np.ones((2, 3)), (3,), np.ones(2)),
            Bad(RuntimeError, "Expected bias", np.ones((2, 3)), (3,), bias=np.ones(2)),
        ],
    ),
    Row(
        F + "rms_norm",
        lambda rng: [
            Sample(draw(rng, 4, 3), (3,)),
            Sample(draw(rng, 2, 3, 4), (3, 4), draw(rng, 3, 4), 0.1),
            Sample(complex_draw(rng, 2, 3), (3,), complex_draw(rng, 3)),
        ],
        bad=[Bad(RuntimeError, "normalized_shape", np.ones((2, 3)), (2,))],
    ),
    Row(
        F + "normalize",
        lambda rng: [
            Sample(draw(rng, 3, 4)),
            Sample(draw(rng, 3, 4), 1.0, 0),
            Sample(draw(rng, 2, 3, 4), p=3.0, dim=-1),
            Sample(draw(rng, 3), dim=0, eps=9.0),
            Sample(draw(rng, 0, 3)),
        ],
        bad=[Bad(IndexError, "range", np.ones(3))],
    ),
    Row(
        F + "local_response_norm",
        lambda rng: [
            Sample(draw(rng, 2, 5, 3), 3),
            Sample(draw(rng, 2, 4, 2, 3), 2, alpha=0.5, beta=0.6, k=2.0),
            Sample(draw(rng, 0, 4, 2), 2),
            Sample(rng.integers(-9, 10, (2, 5, 3)), 2),
        ],
        bad=[Bad(ValueError, "3D or higher", np.ones((2, 3)), 2)],
    ),
]
