"""Rows: attention."""

from typing import Any

import numpy as np

from cnn_physics77.testing.table import Bad, Constant, Row, Sample, draw

F = "nn.functional."


def _of_torch(name):
    """PyTorch's function by products and softmax; its other kernels have no second derivatives."""

    def call(*args, **kwargs):
        import torch
        from torch.nn.attention import SDPBackend, sdpa_kernel

        with sdpa_kernel(SDPBackend.MATH):
            return getattr(torch.nn.functional, name)(*args, **kwargs)

    return call


def _without(shape, *masked):
    """Booleans, False at these places."""
    mask = np.ones(shape, bool)
    for place in masked:
        mask[place] = False
    return mask


def _numbers(rng, *shape):
    mask = draw(rng, *shape)
    mask[0, 1] = -np.inf
    return mask


def _attention(rng):
    q, k, v = draw(rng, 2, 3, 2), draw(rng, 2, 4, 2), draw(rng, 2, 4, 5)
    heads = [draw(rng, 2, 4, 3, 2), draw(rng, 2, 2, 3, 2), draw(rng, 2, 2, 3, 2)]
    return [
        Sample(q, k, v),
        Sample(q, k, v, scale=0.3),
        Sample(q, k, v, is_causal=True),
        Sample(q, k, v, _without((3, 4), (0, 1), (2, slice(3)))),
        Sample(q, k, v, _without((3, 4), (1,))),
        Sample(q, k, v, _numbers(rng, 3, 4)),
        Sample(*heads, enable_gqa=True),
        Sample(draw(rng, 3, 2), draw(rng, 5, 1, 4, 2), draw(rng, 4, 3)),
        Sample(q[:, :0], k, v),
        Sample(q, k[:, :0], v[:, :0]),
        Sample(q[:0], k[:0], v[:0]),
    ]


def _forward(rng, **settings):
    """Arguments of multi_head_attention_forward: E = 4, two heads, 3 queries, 5 keys, a batch of 2."""
    given: dict[str, Any] = {name: draw(rng, n, 2, 4) for name, n in (("query", 3), ("key", 5), ("value", 5))}
    given |= {"embed_dim_to_check": 4, "num_heads": 2}
    given |= {"in_proj_weight": draw(rng, 12, 4), "in_proj_bias": draw(rng, 12)}
    given |= {"bias_k": None, "bias_v": None, "add_zero_attn": False, "dropout_p": 0.0}
    given |= {"out_proj_weight": draw(rng, 4, 4), "out_proj_bias": draw(rng, 4)}
    return Sample(**(given | settings))


def _separate(rng):
    return {
        "key": draw(rng, 5, 2, 3),
        "value": draw(rng, 5, 2, 2),
        "use_separate_proj_weight": True,
        "in_proj_weight": None,
        "in_proj_bias": None,
        "q_proj_weight": draw(rng, 4, 4),
        "k_proj_weight": draw(rng, 4, 3),
        "v_proj_weight": draw(rng, 4, 2),
    }


def _heads(rng):
    padding, causal = ~_without((2, 5), (0, 3), (1, 4)), np.triu(np.ones((3, 5), bool), 1)
    more = {"bias_k": draw(rng, 1, 1, 4), "bias_v": draw(rng, 1, 1, 4), "add_zero_attn": True}
    static: dict[str, Any] = {"key": Constant(draw(rng, 5, 2, 4)), "value": Constant(draw(rng, 5, 2, 4))}
    static |= {"static_k": draw(rng, 4, 5, 2), "static_v": draw(rng, 4, 5, 2)}
    single = {"query": draw(rng, 3, 4), "key": draw(rng, 5, 4), "value": draw(rng, 5, 4)}
    return [
        _forward(rng),
        _forward(rng, need_weights=False, attn_mask=causal, is_causal=True),
        _forward(rng, attn_mask=causal, average_attn_weights=False),
        _forward(rng, key_padding_mask=padding, need_weights=False),
        _forward(rng, key_padding_mask=padding, attn_mask=np.broadcast_to(causal, (4, 3, 5)).copy()),
        _forward(rng, attn_mask=_numbers(rng, 3, 5), training=False, dropout_p=0.5),
        _forward(rng, **_separate(rng)),
        _forward(rng, **more, key_padding_mask=padding, attn_mask=causal),
        _forward(rng, **static, in_proj_bias=None, out_proj_bias=None),
        _forward(rng, **single, key_padding_mask=padding[0]),
    ]


_squares = [np.ones((3, 3))] * 3
_heads_of_ones = [np.ones((n, 1, 1)) for n in (4, 3, 3)]
_unprojected = [None, None, None, None, False, 0.0, np.ones((3, 3)), None]

rows = [
    Row(
        F + "scaled_dot_product_attention",
        _attention,
        reference=_of_torch("scaled_dot_product_attention"),
        bad=[
            Bad(RuntimeError, "at least 2", np.ones(2), np.ones((4, 2)), np.ones((4, 5))),
            Bad(RuntimeError, "key (..., S, E)", np.ones((3, 2)), np.ones((4, 3)), np.ones((4, 5))),
            Bad(RuntimeError, "key (..., S, E)", np.ones((3, 2)), np.ones((4, 2)), np.ones((5, 5))),
            Bad(RuntimeError, "one dtype", np.ones((3, 2)), np.ones((4, 2), np.float32), np.ones((4, 5))),
            Bad(RuntimeError, "attn_mask dtype", *_squares, np.ones((3, 3), int)),
            Bad(RuntimeError, "broadcast", *_squares, np.ones((2, 3))),
            Bad(ValueError, "between 0 and 1", *_squares, dropout_p=1.5),
            Bad(RuntimeError, "Number of heads", *_heads_of_ones, enable_gqa=True),
        ],
    ),
    Row(
        F + "multi_head_attention_forward",
        _heads,
        reference=_of_torch("multi_head_attention_forward"),
        bad=[
            Bad(RuntimeError, "embedding dimension of 3, divisible", *_squares, 3, 2, *_unprojected),
            Bad(RuntimeError, "expected in_proj_weight", *_squares, 3, 3, *_unprojected),
        ],
    ),
]
