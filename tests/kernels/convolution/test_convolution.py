"""The three maps of convolution against obvious loops and against PyTorch in float64."""

import numpy as np
import pytest
import torch

from cnn_physics77.core.kernels.convolution import (
    channel_sum,
    convolution,
    convolution_input_gradient,
    convolution_weight_gradient,
    reference,
)

# (x shape, weight shape, stride, padding, dilation, groups): small, for the loops
SMALL = [
    ((2, 3, 5, 6), (4, 3, 3, 3), (1, 1), (0, 0), (1, 1), 1),
    ((2, 3, 5, 6), (4, 3, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    ((1, 4, 7, 5), (6, 2, 3, 2), (2, 1), (1, 2), (1, 2), 2),
    ((2, 3, 6, 6), (6, 1, 3, 3), (1, 1), (1, 1), (1, 1), 3),
    ((2, 4, 6, 5), (4, 1, 3, 3), (2, 2), (1, 1), (1, 1), 4),
    ((2, 5, 4, 4), (3, 5, 1, 1), (1, 1), (0, 0), (1, 1), 1),
    ((2, 5, 5, 4), (3, 5, 1, 1), (2, 3), (1, 0), (1, 1), 1),
    ((1, 2, 8, 8), (3, 2, 3, 3), (3, 3), (0, 0), (1, 1), 1),  # the last pixels are in no window
    ((1, 2, 9), (4, 2, 3), (2,), (1,), (2,), 1),
    ((2, 2, 3, 4, 3), (2, 1, 2, 2, 3), (1, 2, 1), (1, 0, 1), (1, 1, 1), 2),
    ((0, 3, 5, 5), (4, 3, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    ((1, 1, 1, 1), (1, 1, 1, 1), (1, 1), (0, 0), (1, 1), 1),
    ((1, 1, 2, 2), (1, 1, 4, 4), (1, 1), (1, 1), (1, 1), 1),  # a kernel beyond the input
]


def arrays(x_shape, weight_shape, stride, padding, dilation, groups, dtype=np.float64, seed=0):
    """x, weight, and a gradient of the output's shape."""
    generator = np.random.default_rng(seed)
    x = generator.standard_normal(x_shape).astype(dtype)
    weight = generator.standard_normal(weight_shape).astype(dtype)
    y = convolution(x, weight, stride, padding, dilation, groups)
    return x, weight, generator.standard_normal(y.shape).astype(dtype)


@pytest.mark.parametrize("case", SMALL, ids=str)
def test_the_three_maps_are_the_loops(case):
    x, weight, g = arrays(*case)
    _, _, *rest = case
    y = convolution(x, weight, *rest)
    np.testing.assert_allclose(y, reference.convolution(x, weight, *rest), rtol=1e-12, atol=1e-12)
    dx = convolution_input_gradient(g, weight, x.shape[2:], *rest)
    expected = reference.convolution_input_gradient(g, weight, x.shape[2:], *rest)
    np.testing.assert_allclose(dx, expected, rtol=1e-12, atol=1e-12)
    dw = convolution_weight_gradient(g, x, weight.shape[2:], *rest)
    expected = reference.convolution_weight_gradient(g, x, weight.shape[2:], *rest)
    np.testing.assert_allclose(dw, expected, rtol=1e-12, atol=1e-12)
    assert y.dtype == dx.dtype == dw.dtype == np.float64


@pytest.mark.parametrize("case", SMALL, ids=str)
def test_the_loops_are_torch(case):
    x_shape, weight_shape, stride, padding, dilation, groups = case
    x, weight, g = arrays(*case)
    tx, tw = (torch.from_numpy(a).requires_grad_() for a in (x, weight))
    operation = {3: torch.conv1d, 4: torch.conv2d, 5: torch.conv3d}[x.ndim]
    ty = operation(tx, tw, None, stride, padding, dilation, groups)
    ty.backward(torch.from_numpy(g))
    rest = (stride, padding, dilation, groups)
    np.testing.assert_allclose(reference.convolution(x, weight, *rest), ty.detach(), rtol=1e-12, atol=1e-12)
    dx = reference.convolution_input_gradient(g, weight, x_shape[2:], *rest)
    np.testing.assert_allclose(dx, tx.grad, rtol=1e-12, atol=1e-12)
    dw = reference.convolution_weight_gradient(g, x, weight_shape[2:], *rest)
    np.testing.assert_allclose(dw, tw.grad, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.float16, np.complex128, np.complex64])
def test_other_dtypes(dtype):
    generator = np.random.default_rng(2)
    x, weight, g = (
        generator.integers(-4, 5, shape).astype(dtype) for shape in [(2, 4, 5, 5), (2, 2, 3, 3), (2, 2, 3, 3)]
    )
    if np.dtype(dtype).kind == "c":
        x = x * dtype(1j) + x[:, ::-1]
        weight = weight + weight[::-1] * dtype(1j)
    rest = ((2, 2), (1, 1), (1, 1), 2)
    for ours, loops, arguments in [
        (convolution, reference.convolution, (x, weight)),
        (convolution_input_gradient, reference.convolution_input_gradient, (g, weight, (5, 5))),
        (convolution_weight_gradient, reference.convolution_weight_gradient, (g, x, (3, 3))),
    ]:
        result = ours(*arguments, *rest)
        assert result.dtype == dtype
        np.testing.assert_array_equal(
            result, loops(*arguments, *rest)
        )  # small integers: exact in every dtype


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [(5, 6), (4,), (3, 4, 2)])
def test_bias_is_added_to_every_pixel(dtype, size):
    generator = np.random.default_rng(3)
    x = generator.standard_normal((2, 3, *size)).astype(dtype)
    weight = generator.standard_normal((4, 3, *(2 for _ in size))).astype(dtype)
    bias = generator.standard_normal(4).astype(dtype)
    rest = tuple(tuple(v for _ in size) for v in (1, 1, 1)) + (1,)
    y = convolution(x, weight, *rest, bias=bias)
    expected = convolution(x, weight, *rest) + bias.reshape(4, *(1 for _ in size))
    np.testing.assert_allclose(y, expected, rtol=1e-5 if dtype == np.float32 else 1e-13, atol=1e-6)


@pytest.mark.parametrize(
    "shape", [(3, 4, 5, 6), (3, 4, 7), (2, 3, 2, 3, 4), (0, 4, 3, 3), (64, 8, 26, 26), (64, 32, 28, 28)]
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_channel_sum_of_every_memory_order(shape, dtype):
    g = (np.random.default_rng(4).standard_normal(shape) * 8).astype(dtype)
    expected = g.astype(np.float64).sum(axis=(0, *range(2, g.ndim)))
    channels_last = np.ascontiguousarray(np.moveaxis(g, 1, -1))
    for order in (g, np.moveaxis(channels_last, -1, 1), g[::-1, :, ::-1], np.asfortranarray(g)):
        result = channel_sum(order)
        assert result.shape == (shape[1],) and result.dtype == dtype
        np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-3 if dtype == np.float32 else 1e-9)
