"""Batch, group, instance and layer normalisation against PyTorch in float64, in both memory orders."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.kernels import normalization

SHAPES = [
    (4, 3),
    (2, 5, 7),
    (3, 4, 5, 6),
    (2, 3, 2, 3, 4),
    (1, 2, 9, 9),
    (40, 16, 20, 21),
    (5000, 7),
    (64, 33, 3, 3),
]
ORDERS = ["contiguous", "channels_last", "holes"]
TOLERANCE = {np.float32: {"rtol": 2e-5, "atol": 2e-5}, np.float64: {"rtol": 1e-11, "atol": 1e-11}}


def lay_out(x, order):
    if order == "channels_last":
        x = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)
    elif order == "holes":
        wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
        wide[..., ::2] = x
        x = wide[..., ::2]
    x = x.view()
    x.setflags(write=False)
    return x


def double(x, requires_grad=True):
    """Results in float32 are held against PyTorch's in float64."""
    return torch.tensor(x, dtype=torch.float64, requires_grad=requires_grad)


def sum_tolerance(dtype, count):
    """For a sum of so many terms of size 1: two roundings of each in float32."""
    return {"rtol": 2e-5, "atol": 2.4e-7 * count + 1e-5} if dtype == np.float32 else TOLERANCE[dtype]


def draw(shape, dtype, offset=0.7, seed=0):
    return (offset + np.random.default_rng(seed).standard_normal(shape)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("training", [True, False])
def test_batch_norm_agrees_with_torch(shape, order, training, dtype):
    x, g = (lay_out(draw(shape, dtype, seed=seed), order) for seed in (0, 1))
    channels, count = shape[1], int(np.prod(shape)) // shape[1]
    weight, bias, mean, var = (draw(channels, dtype, seed=seed) for seed in range(2, 6))
    var = np.abs(var) + dtype(0.1)
    for w, b in ((weight, bias), (None, None)):
        t = double(x)
        affine = [None if v is None else double(v) for v in (w, b)]
        running = double(mean, False), double(var, False)
        expected = F.batch_norm(t, *running, *affine, training, momentum=1.0, eps=1e-3)
        y, m, invstd, batch_var = normalization.batch_norm_forward(x, w, b, mean, var, training, 1e-3)
        assert y.dtype == m.dtype == invstd.dtype == dtype
        np.testing.assert_allclose(y, expected.detach().numpy(), **TOLERANCE[dtype])
        if training:
            np.testing.assert_allclose(m, running[0].numpy(), **TOLERANCE[dtype])
            np.testing.assert_allclose(
                batch_var * count / (count - 1), running[1].numpy(), **TOLERANCE[dtype]
            )
        np.testing.assert_allclose(invstd, 1 / np.sqrt(batch_var + 1e-3), rtol=1e-5)
        expected.backward(double(g, False))
        gx, gw, gb = normalization.batch_norm_gradient(g, x, w, m, invstd, training)
        np.testing.assert_allclose(gx, t.grad.numpy(), **TOLERANCE[dtype])
        if w is not None:
            sums = sum_tolerance(dtype, count)
            np.testing.assert_allclose(gw, affine[0].grad.numpy(), **sums)
            np.testing.assert_allclose(gb, affine[1].grad.numpy(), **sums)
    if order == "channels_last":
        assert np.moveaxis(y, 1, -1).flags.c_contiguous
        assert np.moveaxis(gx, 1, -1).flags.c_contiguous


@pytest.mark.parametrize("order", ORDERS)
def test_gradients_in_another_memory_order_than_the_input(order):
    x, g = draw((3, 4, 5, 6), np.float64), draw((3, 4, 5, 6), np.float64, seed=1)
    _, mean, invstd, _ = normalization.batch_norm_forward(x)
    expected = normalization.batch_norm_gradient(g, x, None, mean, invstd)
    for other in ORDERS:
        found = normalization.batch_norm_gradient(lay_out(g, order), lay_out(x, other), None, mean, invstd)
        for a, b in zip(found, expected):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("order", ["contiguous", "channels_last"])
def test_float32_with_a_large_mean_is_accurate(order):
    """Mean 1000, deviation 1: raw sums of squares in float32 would be off by 10 % and more.

    Allowed are 17 units of rounding. PyTorch's own error here is 5e-8 to 4e-6, by the memory order.
    """
    exact = 1000 + np.random.default_rng(0).standard_normal((32, 8, 32, 32))
    x = lay_out(exact.astype(np.float32), order)
    truth = x.astype(np.float64).var(axis=(0, 2, 3))
    *_, var = normalization.batch_norm_forward(x)
    assert np.abs(var / truth - 1).max() < 2e-6


@pytest.mark.parametrize("order", ["contiguous", "channels_last"])
def test_float32_statistics_beside_a_mean_of_fifty_thousand_deviations(order):
    """The statistics are those of the values given, to the last digit of the dtype. The shift is rounded by
    half a unit, 2e-3 here, and y is off by as much. PyTorch's own error is 1e-3 to 8e-3, by the order."""
    x = lay_out(draw((8, 6, 24, 24), np.float32, offset=5e4), order)
    wide = x.astype(np.float64)
    y, mean, _, var = normalization.batch_norm_forward(x)
    np.testing.assert_array_equal(mean, wide.mean(axis=(0, 2, 3)).astype(np.float32))
    np.testing.assert_allclose(var, wide.var(axis=(0, 2, 3)), rtol=1e-6)
    exact, *_ = normalization.batch_norm_forward(wide)
    assert np.abs(y - exact).max() < 2 * np.finfo(np.float32).eps * 5e4

    of_groups, mean, invstd = normalization.group_norm_forward(x, 3)
    exact, exact_mean, exact_invstd = normalization.group_norm_forward(wide, 3)
    np.testing.assert_array_equal(mean, exact_mean.astype(np.float32))
    np.testing.assert_allclose(invstd, exact_invstd, rtol=1e-6)
    assert np.abs(of_groups - exact).max() < 2 * np.finfo(np.float32).eps * 5e4


@pytest.mark.parametrize("order", ["contiguous", "channels_last"])
@pytest.mark.parametrize("value", [1.1e6, 2.1e10])
def test_float32_statistics_of_many_equal_values(value, order):
    """No variance is negative, and none that of what rounding left of the sum of a row."""
    eps = np.finfo(np.float32).eps
    x = lay_out(np.full((1, 2, 1000, 1000), value, np.float32), order)
    y, mean, _, var = normalization.batch_norm_forward(x)
    of_groups, *_ = normalization.group_norm_forward(x, 1)
    np.testing.assert_allclose(mean, x[0, :, 0, 0], rtol=eps)
    assert (var >= 0).all() and (var <= (value * eps) ** 2).all()
    assert np.isfinite(y).all() and np.isfinite(of_groups).all()


@pytest.mark.parametrize("order", ["contiguous", "channels_last"])
def test_float32_statistics_of_many_values(order):
    x = lay_out(draw((64, 16, 48, 48), np.float32, offset=0.3), order)
    _, mean, _, var = normalization.batch_norm_forward(x)
    np.testing.assert_allclose(mean, x.astype(np.float64).mean(axis=(0, 2, 3)), atol=3e-7)
    np.testing.assert_allclose(var, x.astype(np.float64).var(axis=(0, 2, 3)), rtol=1e-6)


def test_a_constant_channel():
    x = np.full((4, 2, 3, 3), 7.0, np.float32)
    y, _, _, var = normalization.batch_norm_forward(x)
    np.testing.assert_allclose(y, 0, atol=1e-3)
    np.testing.assert_array_equal(var, 0)


@pytest.mark.parametrize("order", ["contiguous", "channels_last"])
def test_nan_stays_in_its_channel(order):
    x = draw((4, 3, 5, 5), np.float64).copy()
    x[1, 2, 0, 0] = np.nan
    y, *_ = normalization.batch_norm_forward(lay_out(x, order))
    assert np.isfinite(y[:, :2]).all()
    assert np.isnan(y[:, 2]).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    ("shape", "groups"), [((3, 6, 4, 5), 3), ((2, 6), 2), ((2, 4, 9), 1), ((20, 8, 30, 30), 8)]
)
def test_group_norm_agrees_with_torch(shape, groups, order, dtype):
    x, g = (lay_out(draw(shape, dtype, seed=seed), order) for seed in (0, 1))
    weight, bias = (draw(shape[1], dtype, seed=seed) for seed in (2, 3))
    for w, b in ((weight, bias), (None, None)):
        t = double(x)
        affine = [None if v is None else double(v) for v in (w, b)]
        expected = F.group_norm(t, groups, *affine, eps=1e-3)
        y, mean, invstd = normalization.group_norm_forward(x, groups, w, b, 1e-3)
        assert mean.shape == invstd.shape == (shape[0], groups)
        np.testing.assert_allclose(y, expected.detach().numpy(), **TOLERANCE[dtype])
        expected.backward(double(g, False))
        gx, gw, gb = normalization.group_norm_gradient(g, x, groups, w, mean, invstd)
        np.testing.assert_allclose(gx, t.grad.numpy(), **TOLERANCE[dtype])
        if w is not None:
            sums = sum_tolerance(dtype, x.size // shape[1])
            np.testing.assert_allclose(gw, affine[0].grad.numpy(), **sums)
            np.testing.assert_allclose(gb, affine[1].grad.numpy(), **sums)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("order", ["contiguous", "channels_last"])
@pytest.mark.parametrize(
    ("shape", "normalized"),
    [((4, 7), (7,)), ((3, 4, 5, 6), (5, 6)), ((900, 200), (200,)), ((5,), (5,)), ((3, 1), (1,))],
)
def test_layer_norm_agrees_with_torch(shape, normalized, order, dtype):
    x, g = (draw(shape, dtype, seed=seed) for seed in (0, 1))
    if len(shape) > 1:
        x, g = lay_out(x, order), lay_out(g, order)
    weight, bias = (draw(normalized, dtype, seed=seed) for seed in (2, 3))
    for w, b in ((weight, bias), (weight, None), (None, None)):
        t = double(x)
        affine = [None if v is None else double(v) for v in (w, b)]
        expected = F.layer_norm(t, normalized, *affine, eps=1e-3)
        y, mean, invstd = normalization.layer_norm_forward(x, normalized, w, b, 1e-3)
        np.testing.assert_allclose(y, expected.detach().numpy(), **TOLERANCE[dtype])
        assert mean.shape == invstd.shape == shape[: len(shape) - len(normalized)] + (1,) * len(normalized)
        expected.backward(double(g, False))
        gx, gw, gb = normalization.layer_norm_gradient(g, x, normalized, w, mean, invstd)
        np.testing.assert_allclose(gx, t.grad.numpy(), **TOLERANCE[dtype])
        if w is not None:
            np.testing.assert_allclose(gw, affine[0].grad.numpy(), rtol=1e-4, atol=2e-4)
            if dtype == np.float64:
                np.testing.assert_allclose(gw, affine[0].grad.numpy(), **TOLERANCE[dtype])
        if b is not None:
            np.testing.assert_allclose(gb, affine[1].grad.numpy(), rtol=1e-4, atol=2e-4)


def test_empty_inputs():
    x = np.zeros((0, 3, 4, 4))
    y, mean, invstd, _ = normalization.batch_norm_forward(
        x, None, None, np.zeros(3), np.ones(3), training=False
    )
    assert y.shape == x.shape
    assert [v.shape for v in normalization.batch_norm_gradient(y, x, None, mean, invstd)] == [
        x.shape,
        (3,),
        (3,),
    ]
    y, mean, invstd = normalization.group_norm_forward(x, 3)
    gradients = normalization.group_norm_gradient(y, x, 3, None, mean, invstd)
    assert [v.shape for v in gradients] == [x.shape, (3,), (3,)]
    y, mean, invstd = normalization.layer_norm_forward(x, (4, 4))
    gradients = normalization.layer_norm_gradient(y, x, (4, 4), None, mean, invstd)
    assert [v.shape for v in gradients] == [x.shape, (4, 4), (4, 4)]


def test_batch_norm_of_an_empty_batch_in_training():
    for shape in ((0, 3), (0, 3, 4, 4), (2, 3, 0)):
        x = np.zeros(shape)
        y, mean, invstd, var = normalization.batch_norm_forward(x)
        assert y.shape == shape
        gradients = normalization.batch_norm_gradient(y, x, None, mean, invstd)
        assert [v.tolist() for v in gradients[1:]] == [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
        assert gradients[0].shape == shape
        assert var.shape == (3,)


def test_errors():
    x = np.zeros((2, 3, 4))
    with pytest.raises(ShapeError, match=r"batch_norm: expected weight of shape \(3,\).*found \(4,\)"):
        normalization.batch_norm_forward(x, np.ones(4))
    with pytest.raises(ShapeError, match="expected running_mean and running_var"):
        normalization.batch_norm_forward(x, training=False)
    with pytest.raises(ShapeError, match=r"expected an input \(N, C, ...\), found shape \(4,\)"):
        normalization.batch_norm_forward(x[0, 0])
    with pytest.raises(ShapeError, match="gradient of the input's shape"):
        normalization.batch_norm_gradient(x[:1], x, None, np.zeros(3), np.ones(3))
    with pytest.raises(ShapeError, match="num_groups to divide the channels, found 2 groups"):
        normalization.group_norm_forward(x, 2)
    with pytest.raises(ShapeError, match=r"normalized_shape \(3,\), found \(2, 3, 4\)"):
        normalization.layer_norm_forward(x, (3,))


@pytest.mark.parametrize("order", ["contiguous", "channels_last"])
def test_the_weights_gradient_where_the_input_lies_close_to_the_running_mean(order):
    rng = np.random.default_rng(0)
    x = lay_out((1 + 1e-4 * rng.standard_normal((16, 8, 20, 20))).astype(np.float32), order)
    g = lay_out((1 + 0.1 * rng.standard_normal(x.shape)).astype(np.float32), order)
    one = np.ones(8, np.float32)
    _, gweight, _ = normalization.batch_norm_gradient(g, x, one, one, one, training=False)
    exact = (g.astype(np.float64) * (x.astype(np.float64) - 1)).sum(axis=(0, 2, 3))
    np.testing.assert_allclose(gweight, exact, rtol=1e-5, atol=1e-6)
