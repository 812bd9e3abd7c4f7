"""Losses and distances of tensors of different dtypes, against PyTorch."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

import cnn_physics77 as ours

DTYPES = ("float32", "float64", "int64", "bool")
FLOATING = DTYPES[:2]
TABLE = np.arange(6.0).reshape(2, 3) / 6
INDICES = np.array([1, 0, 1])


def weighted(lib, loss):
    return lambda x, w: getattr(lib.nn.functional, loss)(x, x.detach() * 0.5, w)


CASES = {
    "bce, weight": (FLOATING, DTYPES, lambda lib: weighted(lib, "binary_cross_entropy")),
    "logits, weight": (FLOATING, DTYPES, lambda lib: weighted(lib, "binary_cross_entropy_with_logits")),
    "logits, pos_weight": (
        FLOATING,
        ("float32", "float64", "int64"),
        lambda lib: lambda x, w: lib.nn.functional.binary_cross_entropy_with_logits(x, x * 0.5, pos_weight=w),
    ),
    "logits, target": (
        FLOATING,
        FLOATING,
        lambda lib: lib.nn.functional.binary_cross_entropy_with_logits,
    ),
    "kl_div": (FLOATING, FLOATING, lambda lib: lambda x, t: lib.nn.functional.kl_div(x, t, reduction="sum")),
    "gaussian_nll": (
        DTYPES[:3],
        DTYPES[:3],
        lambda lib: lambda x, t: lib.nn.functional.gaussian_nll_loss(x, t, 0.5),
    ),
    "cosine": (
        FLOATING,
        DTYPES,
        lambda lib: lambda x, y: lib.nn.functional.cosine_similarity(x, y + 1, dim=1),
    ),
    "distance": (DTYPES[:3], DTYPES[:3], lambda lib: lib.nn.functional.pairwise_distance),
    "rms_norm": (FLOATING, DTYPES, lambda lib: lambda x, w: lib.nn.functional.rms_norm(x, (3,), w[1], 1e-5)),
    "embedding": (
        DTYPES,
        ("int64",),
        lambda lib: lambda t, x: lib.nn.functional.embedding(lib.from_numpy(INDICES), t),
    ),
    "addr": (("int64", "bool"), ("int64", "bool"), lambda lib: lambda x, v: lib.addr(x, v[0, :2], x[0])),
    "lerp": (FLOATING, FLOATING, lambda lib: lambda x, w: lib.lerp(x, x * 2, w[1, 1])),
}


@pytest.mark.filterwarnings("ignore:Mismatch dtype between input and weight")  # PyTorch's
@pytest.mark.parametrize("name", CASES)
def test_the_dtype_is_pytorchs(name):
    firsts, seconds, call = CASES[name]
    for first, second in itertools.product(firsts, seconds):
        results = []
        for lib in (ours, torch):
            x, y = (lib.from_numpy(TABLE).to(getattr(lib, dtype)) for dtype in (first, second))
            if x.is_floating_point():
                x.requires_grad_()
            found = call(lib)(x, y)
            if found.requires_grad:
                found.sum().backward()
            results.append((found, x.grad))
        (found, gradient), (expected, expected_gradient) = results
        assert str(found.dtype) == str(expected.dtype), (first, second)
        np.testing.assert_allclose(found.numpy(force=True), expected.numpy(force=True), 1e-6, 1e-7)
        assert (gradient is None) == (expected_gradient is None)
        if gradient is not None:
            assert str(gradient.dtype) == str(expected_gradient.dtype)
            np.testing.assert_allclose(gradient.numpy(), expected_gradient.numpy(), 1e-6, 1e-6)
