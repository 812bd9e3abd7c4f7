"""Transposed convolution against PyTorch in float64, to second derivatives, wherever an output_padding is
allowed: below the stride or the dilation."""

import random

import numpy as np
import pytest
import torch

import cnn_physics77 as ours


def geometries(dimensions, count):
    """Random arguments that PyTorch accepts; half of them have an output_padding of a stride or more."""
    draw = random.Random(dimensions)

    def each(*values):
        return tuple(draw.choice(values) for _ in range(dimensions))

    found = []
    while len(found) < count:
        size, kernel, stride, dilation = each(1, 2, 3, 4), each(1, 2, 3), each(1, 2, 3), each(1, 2, 3, 4)
        padding = each(0, 0, 1, 2)
        extra = tuple(draw.randrange(max(s, d)) for s, d in zip(stride, dilation))
        whole = [(n - 1) * s + d * (k - 1) + 1 for n, s, d, k in zip(size, stride, dilation, kernel)]
        large = any(e >= s for e, s in zip(extra, stride))
        if min(w - 2 * p + e for w, p, e in zip(whole, padding, extra)) < 1 or large != len(found) % 2:
            continue
        groups = draw.choice((1, 2, 3))
        shapes = (
            (draw.choice((1, 1, 2)), 2 * groups, *size),
            (2 * groups, draw.choice((1, 2)), *kernel),
        )
        found.append((*shapes, draw.random() < 0.5, stride, padding, extra, groups, dilation))
    return found


def derivatives(package, x, weight, bias, arguments):
    """The result, its gradients and the gradients of a function of these."""
    operation = getattr(package.nn.functional, f"conv_transpose{x.ndim - 2}d")
    inputs = [
        package.tensor(a, requires_grad=True) for a in (x, weight) + ((bias,) if bias is not None else ())
    ]
    y = operation(*inputs, *([None] if bias is None else []), *arguments)
    v = package.tensor(np.random.default_rng(1).standard_normal(tuple(y.shape)), requires_grad=True)
    first = package.autograd.grad((y * y * v).sum(), inputs, create_graph=True)
    second = package.autograd.grad(sum((g * g * g).sum() for g in first), [*inputs, v])
    return [t.detach().numpy() for t in (y, *first, *second)]


@pytest.mark.parametrize("case", [case for d in (1, 2, 3) for case in geometries(d, 16)], ids=str)
def test_every_output_padding_is_torch(case):
    x_shape, weight_shape, with_bias, *arguments = case
    generator = np.random.default_rng(0)
    x, weight = generator.standard_normal(x_shape), generator.standard_normal(weight_shape)
    bias = generator.standard_normal(weight_shape[1] * arguments[3]) if with_bias else None
    results = derivatives(ours, x, weight, bias, arguments)
    expected = derivatives(torch, x, weight, bias, arguments)
    assert len(results) == len(expected)
    for result, exact in zip(results, expected):
        assert result.shape == exact.shape
        np.testing.assert_allclose(result, exact, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_an_empty_batch_has_the_shape_and_the_zero_gradients_of_torch(dimensions):
    for _, weight_shape, _, *arguments in geometries(dimensions, 12):
        x_shape = (0, weight_shape[0], *(3,) * dimensions)
        results = []
        for package in (ours, torch):
            operation = getattr(package.nn.functional, f"conv_transpose{dimensions}d")
            x = package.zeros(x_shape, dtype=package.float64, requires_grad=True)
            weight = package.ones(weight_shape, dtype=package.float64, requires_grad=True)
            y = operation(x, weight, None, *arguments)
            y.sum().backward()
            results.append((tuple(y.shape), tuple(x.grad.shape), weight.grad.numpy()))
        assert results[0][:2] == results[1][:2]
        np.testing.assert_array_equal(results[0][2], results[1][2])


def test_positions_that_no_tap_reaches_are_the_bias_alone():
    """Nothing is multiplied there, so an infinite weight leaves them finite."""
    weight = ours.full((1, 1, 2), float("inf"))
    y = ours.nn.functional.conv_transpose1d(
        ours.ones(1, 1, 2), weight, ours.ones(1), stride=1, output_padding=2, dilation=3
    )
    assert y.tolist() == [[[*[float("inf")] * 2, 1.0, *[float("inf")] * 2, 1.0, 1.0]]]
