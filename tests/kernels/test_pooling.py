"""Pooling against PyTorch in float64, against slow loops, and at the edges: ties, NaN, empty batches."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.kernels import pooling
from cnn_physics77.core.kernels.pooling import reference

MAX = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
AVERAGE = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}


def lay_out(x, order):
    """The same values in another memory order, read-only."""
    if order in ("batch_last", "rows_first"):
        axes = (1, 2, 3, 0) if order == "batch_last" else (2, 3, 0, 1)
        return np.ascontiguousarray(x.transpose(axes)).transpose(np.argsort(axes))
    if order == "channels_last":
        axes = (0, *range(2, x.ndim), 1)
        x = np.ascontiguousarray(x.transpose(axes)).transpose(np.argsort(axes))
    elif order == "holes":
        wide = np.full((*x.shape[:-1], 2 * x.shape[-1] + 1), np.nan).astype(x.dtype)
        wide[..., 1::2] = x
        x = wide[..., 1::2]
    elif order == "reversed":
        x = np.ascontiguousarray(x[:, ::-1, ..., ::-1])[:, ::-1, ..., ::-1]
    x = x.view()
    x.setflags(write=False)
    return x


def draw(shape, seed=0, dtype=np.float64, levels=4):
    """Few different values, so that there are ties in most windows."""
    return np.random.default_rng(seed).integers(-levels, levels, shape).astype(dtype)


MAX_CASES = [  # shape, kernel, stride, padding, dilation, ceil_mode
    ((2, 3, 8, 8), (2, 2), (2, 2), (0, 0), (1, 1), False),
    ((2, 3, 7, 9), (2, 2), (2, 2), (0, 0), (1, 1), False),
    ((2, 3, 7, 9), (2, 2), (2, 2), (0, 0), (1, 1), True),
    ((3, 2, 9, 10), (3, 3), (2, 2), (1, 1), (1, 1), False),
    ((3, 2, 9, 10), (3, 3), (2, 2), (1, 1), (1, 1), True),
    ((1, 2, 11, 9), (3, 2), (1, 2), (1, 0), (2, 3), False),
    ((2, 2, 5, 5), (3, 3), (3, 3), (1, 1), (1, 1), True),
    ((2, 2, 6, 5), (2, 3), (4, 3), (0, 0), (1, 1), False),
    ((2, 1, 20, 20), (17, 17), (1, 1), (8, 8), (1, 1), False),
    ((2, 3, 11), (3,), (2,), (1,), (1,), True),
    ((2, 2, 5, 6, 4), (2, 3, 2), (2, 1, 2), (1, 1, 0), (1, 2, 1), False),
    ((4, 6, 6), (2, 2), (2, 2), (0, 0), (1, 1), False),
]


@pytest.mark.parametrize("order", ["contiguous", "channels_last", "holes", "reversed"])
@pytest.mark.parametrize("case", MAX_CASES)
def test_max_pool_and_its_gradient_agree_with_torch(case, order):
    shape, kernel, stride, padding, dilation, ceil_mode = case
    x = lay_out(draw(shape), order)
    d = len(kernel)
    t = torch.tensor(x.copy(), requires_grad=True)
    expected, indices = MAX[d](t, kernel, stride, padding, dilation, ceil_mode, return_indices=True)
    y, positions = pooling.max_pool(x, kernel, stride, padding, dilation, ceil_mode)
    np.testing.assert_array_equal(y, expected.detach().numpy())
    size = shape[len(shape) - d :]
    window = (kernel, stride, padding, dilation)
    np.testing.assert_array_equal(pooling.flat_indices(positions, size, *window), indices.numpy())
    assert positions.itemsize == (1 if np.prod(kernel) <= 256 else 2)
    without, none = pooling.max_pool(x, *window, ceil_mode, with_positions=False)
    np.testing.assert_array_equal(without, y)
    assert none is None

    g = np.random.default_rng(1).standard_normal(y.shape)
    g.setflags(write=False)
    expected.backward(torch.tensor(g.copy()))
    gx = pooling.max_pool_scatter(g, positions, size, *window)
    np.testing.assert_allclose(gx, t.grad.numpy(), rtol=1e-13, atol=1e-13)
    flat = x.reshape(*shape[: len(shape) - d], -1)
    gathered = np.take_along_axis(flat, indices.numpy().reshape(*flat.shape[:-1], -1), -1).reshape(y.shape)
    np.testing.assert_array_equal(pooling.max_pool_gather(x, positions, *window), gathered)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int64, np.int32, np.uint8])
def test_max_pool_takes_every_dtype(dtype):
    x = np.random.default_rng(0).integers(0, 5, (2, 3, 6, 7)).astype(dtype)
    y, positions = pooling.max_pool(x, (3, 3), (2, 2), (1, 1))
    expected, at = reference.max_pool(x, (3, 4), (3, 3), (2, 2), (1, 1), (1, 1))
    assert y.dtype == dtype
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(positions, at)


@pytest.mark.parametrize("order", ["contiguous", "channels_last", "holes"])
@pytest.mark.parametrize("kernel", [(2, 2), (3, 3)])
def test_nan_and_infinities_as_in_torch(order, kernel):
    rng = np.random.default_rng(3)
    x = rng.choice(
        [np.nan, -np.inf, np.inf, 1.0, 2.0, -np.inf], size=(4, 3, 8, 8), p=[0.1, 0.3, 0.1, 0.1, 0.1, 0.3]
    )
    x[0] = -np.inf
    x[1, 0] = np.nan
    for padding in ((0, 0), (1, 1)):
        expected, indices = F.max_pool2d(torch.tensor(x.copy()), kernel, 2, padding, return_indices=True)
        y, positions = pooling.max_pool(lay_out(x, order), kernel, (2, 2), padding)
        np.testing.assert_array_equal(y, expected.numpy())
        np.testing.assert_array_equal(
            pooling.flat_indices(positions, (8, 8), kernel, (2, 2), padding), indices.numpy()
        )
        g = np.where(rng.random(y.shape) < 0.3, np.inf, 1.0)
        gx = pooling.max_pool_scatter(g, positions, (8, 8), kernel, (2, 2), padding)
        assert not np.isnan(gx).any()  # an infinite gradient does not leak to the losers


AVERAGE_CASES = [  # shape, kernel, stride, padding, ceil_mode, count_include_pad, divisor_override
    ((2, 3, 8, 8), (2, 2), (2, 2), (0, 0), False, True, None),
    ((2, 3, 9, 7), (2, 2), (2, 2), (0, 0), False, True, None),
    ((2, 3, 9, 7), (2, 2), (2, 2), (0, 0), True, True, None),
    ((2, 3, 9, 10), (3, 3), (2, 2), (1, 1), False, True, None),
    ((2, 3, 9, 10), (3, 3), (2, 2), (1, 1), True, False, None),
    ((2, 3, 10, 10), (3, 4), (2, 3), (1, 2), True, True, None),
    ((2, 3, 10, 10), (3, 3), (1, 1), (1, 1), False, False, 5),
    ((2, 3, 6, 5), (2, 3), (4, 3), (0, 0), False, True, None),
    ((2, 3, 6, 5), (6, 5), (1, 1), (0, 0), False, True, -2),
    ((2, 3, 11), (3,), (2,), (1,), True, True, None),
    ((2, 3, 5, 6, 4), (2, 3, 2), (2, 1, 2), (1, 1, 0), True, False, None),
    ((4, 6, 6), (2, 2), (2, 2), (0, 0), False, True, None),
]


@pytest.mark.parametrize("order", ["contiguous", "channels_last", "holes", "reversed"])
@pytest.mark.parametrize("case", AVERAGE_CASES)
def test_average_pool_and_its_adjoint_agree_with_torch(case, order):
    shape, kernel, stride, padding, ceil_mode, include, divisor = case
    d = len(kernel)
    x = lay_out(np.random.default_rng(0).standard_normal(shape), order)
    t = torch.tensor(x.copy(), requires_grad=True)
    override = {} if d == 1 else {"divisor_override": divisor}
    expected = AVERAGE[d](t, kernel, stride, padding, ceil_mode, include, **override)
    y = pooling.average_pool(x, kernel, stride, padding, ceil_mode, include, divisor)
    np.testing.assert_allclose(y, expected.detach().numpy(), rtol=1e-13, atol=1e-14)
    g = lay_out(np.random.default_rng(1).standard_normal(y.shape), order)
    expected.backward(torch.tensor(g.copy()))
    gx = pooling.average_pool_gradient(g, shape[len(shape) - d :], kernel, stride, padding, include, divisor)
    np.testing.assert_allclose(gx, t.grad.numpy(), rtol=1e-13, atol=1e-14)


@st.composite
def pools(draw_):
    d = draw_(st.integers(1, 3))
    kernel = tuple(draw_(st.integers(1, 4)) for _ in range(d))
    return (
        tuple(draw_(st.integers(0, 3)) for _ in range(draw_(st.integers(0, 2)))),
        tuple(draw_(st.integers(1, 7)) for _ in range(d)),
        kernel,
        tuple(draw_(st.integers(1, 4)) for _ in range(d)),
        tuple(draw_(st.integers(0, k // 2)) for k in kernel),
        tuple(draw_(st.integers(1, 2)) for _ in range(d)),
        draw_(st.booleans()),
        draw_(st.permutations(range(d + 2))),
    )


@settings(max_examples=150, deadline=None)
@given(pools(), st.integers(0, 1000))
def test_pooling_agrees_with_slow_loops(case, seed):
    lead, size, kernel, stride, padding, dilation, ceil_mode, axes = case
    axes = [i for i in axes if i < len(lead) + len(size)]
    x = draw(lead + size, seed)
    x = np.ascontiguousarray(x.transpose(axes)).transpose(np.argsort(axes))
    output = pooling.pool_output_size(size, kernel, stride, padding, dilation, ceil_mode)
    assume(min(output) > 0)
    reaches = [
        any(0 <= o * s - p + k * e < n for k in range(kk))
        for n, m, kk, s, p, e in zip(size, output, kernel, stride, padding, dilation)
        for o in range(m)
    ]
    if all(reaches):  # a dilated window may straddle a small input
        window = (kernel, stride, padding, dilation)
        y, positions = pooling.max_pool(x, *window, ceil_mode)
        expected, at = reference.max_pool(x, output, *window)
        np.testing.assert_array_equal(y, expected)
        np.testing.assert_array_equal(positions, at)
        g = draw(y.shape, seed + 1)
        gx = pooling.max_pool_scatter(g, positions, size, *window)
        np.testing.assert_array_equal(gx, reference.max_pool_scatter(g, at, size, *window))
        v = draw(x.shape, seed + 2)
        assert np.vdot(gx, v) == np.vdot(g, pooling.max_pool_gather(v, positions, *window))
    if dilation == (1,) * len(kernel):
        for include in (True, False):
            y = pooling.average_pool(x, kernel, stride, padding, ceil_mode, include)
            expected = reference.average_pool(x, output, kernel, stride, padding, include)
            np.testing.assert_allclose(y, expected, rtol=1e-13, atol=1e-14)
            g, v = draw(y.shape, seed), draw(x.shape, seed + 1)
            y = pooling.average_pool(v, kernel, stride, padding, ceil_mode, include)
            gx = pooling.average_pool_gradient(g, size, kernel, stride, padding, include)
            np.testing.assert_allclose(np.vdot(g, y), np.vdot(gx, v), rtol=1e-12, atol=1e-12)


def test_arrays_that_do_not_belong_together():
    with pytest.raises(ShapeError, match="at least 2 dimensions"):
        pooling.max_pool(np.zeros(4), (2, 2))
    with pytest.raises(ShapeError, match="expected positions of shape"):
        pooling.max_pool_scatter(np.zeros((1, 1, 2, 2)), np.zeros((1, 1, 2, 1), np.uint8), (4, 4), (2, 2))


@pytest.mark.parametrize("shape", [(0, 3, 4, 4), (2, 0, 4, 4)])
def test_empty_batches(shape):
    x = np.zeros(shape, np.float32)
    y, positions = pooling.max_pool(x, (2, 2))
    assert y.shape == positions.shape == (*shape[:2], 2, 2)
    assert pooling.max_pool_scatter(y, positions, (4, 4), (2, 2)).shape == shape
    assert pooling.max_pool_gather(x, positions, (2, 2)).shape == y.shape
    assert pooling.average_pool(x, (2, 2)).shape == y.shape
    assert pooling.average_pool_gradient(y, (4, 4), (2, 2)).shape == shape
    assert pooling.adaptive_average_pool(x, (3, 1)).shape == (*shape[:2], 3, 1)
    assert pooling.adaptive_max_pool(x, (3, 1))[1].shape == (*shape[:2], 3, 1)


@pytest.mark.parametrize("order", ["contiguous", "channels_last", "holes"])
@pytest.mark.parametrize(
    ("size", "output"),
    [((7, 5), (3, 2)), ((8, 8), (1, 1)), ((4, 6), (4, 3)), ((3,), (5,)), ((4, 5, 6), (2, 3, 4))],
)
def test_adaptive_pooling_agrees_with_torch(size, output, order):
    d = len(size)
    average = {1: F.adaptive_avg_pool1d, 2: F.adaptive_avg_pool2d, 3: F.adaptive_avg_pool3d}[d]
    maximum = {1: F.adaptive_max_pool1d, 2: F.adaptive_max_pool2d, 3: F.adaptive_max_pool3d}[d]
    for x in (np.random.default_rng(0).standard_normal((3, 2, *size)), draw((3, 2, *size), levels=2)):
        x = lay_out(x, order)
        t = torch.tensor(x.copy(), requires_grad=True)
        expected = average(t, output)
        y = pooling.adaptive_average_pool(x, output)
        np.testing.assert_allclose(y, expected.detach().numpy(), rtol=1e-13, atol=1e-14)
        g = np.random.default_rng(1).standard_normal(y.shape)
        expected.backward(torch.tensor(g.copy()))
        gx = pooling.adaptive_average_pool_gradient(g, size)
        np.testing.assert_allclose(gx, t.grad.numpy(), rtol=1e-13, atol=1e-14)

        expected, indices = maximum(t, output, return_indices=True)
        y, found = pooling.adaptive_max_pool(x, output)
        np.testing.assert_array_equal(y, expected.detach().numpy())
        np.testing.assert_array_equal(found, indices.numpy())


def test_adaptive_max_pool_takes_the_last_nan():
    x = np.array([[[1.0, np.nan, 3.0, np.nan, 2.0, 7.0]]])
    y, indices = pooling.adaptive_max_pool(x, (2,))
    expected, at = F.adaptive_max_pool1d(torch.tensor(x.copy()), 2, return_indices=True)
    np.testing.assert_array_equal(y, expected.numpy())
    np.testing.assert_array_equal(indices, at.numpy())


def test_results_keep_the_memory_order_of_the_input():
    x = lay_out(np.zeros((2, 3, 8, 8), np.float32), "channels_last")
    y, positions = pooling.max_pool(x, (2, 2))
    gx = pooling.max_pool_scatter(np.ascontiguousarray(y), positions, (8, 8), (2, 2))
    mean = pooling.average_pool(x, (2, 2))
    for result in (y, positions, gx, mean, pooling.average_pool_gradient(mean, (8, 8), (2, 2))):
        assert result.transpose(0, 2, 3, 1).flags.c_contiguous


@pytest.mark.parametrize("order", ["contiguous", "channels_last", "batch_last", "rows_first"])
def test_large_arrays_worked_in_blocks(order):
    x = lay_out(np.random.default_rng(0).standard_normal((40, 16, 24, 26), dtype=np.float32), order)
    for kernel, stride, padding in (((2, 2), (2, 2), (0, 0)), ((3, 3), (2, 2), (1, 1))):
        t = torch.tensor(x.copy(), dtype=torch.float64, requires_grad=True)
        expected = F.max_pool2d(t, kernel, stride, padding)
        y, positions = pooling.max_pool(x, kernel, stride, padding)
        np.testing.assert_array_equal(y, expected.detach().numpy())
        expected.backward(torch.tensor(y, dtype=torch.float64))
        gx = pooling.max_pool_scatter(y, positions, (24, 26), kernel, stride, padding)
        np.testing.assert_allclose(gx, t.grad.numpy(), rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(
            pooling.average_pool(x, kernel, stride, padding),
            F.avg_pool2d(t.detach(), kernel, stride, padding).numpy(),
            rtol=1e-5,
            atol=1e-6,
        )


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32])
def test_means_of_integers_whose_sum_is_too_large(dtype):
    x = np.full((1, 1, 4, 4), np.iinfo(dtype).max, dtype)
    y = pooling.average_pool(x, (3, 3), (1, 1), (1, 1), count_include_pad=False)
    np.testing.assert_array_equal(y, x)
    assert y.dtype == dtype
