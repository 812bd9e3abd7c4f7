"""Pooling and windows: ties, NaN, and maps that are each other's adjoints."""

import numpy as np
import pytest
import torch
import torch.nn.functional as TF
from hypothesis import given, settings
from hypothesis import strategies as st

import cnn_physics77 as our
import cnn_physics77.nn.functional as F
from cnn_physics77.core.errors import ShapeError


@pytest.mark.parametrize(
    "values", [np.zeros((1, 1, 4, 4)), np.full((1, 1, 4, 4), -np.inf), np.full((1, 1, 4, 4), np.nan)]
)
@pytest.mark.parametrize("window", [(2,), (3, 1, 1), (2, 1, 0, 2)])
def test_ties_and_nan_send_the_gradient_where_torch_does(values, window):
    ours, theirs = our.tensor(values, requires_grad=True), torch.tensor(values, requires_grad=True)
    F.max_pool2d(ours, *window).backward(our.ones_like(F.max_pool2d(ours, *window)))
    TF.max_pool2d(theirs, *window).sum().backward()
    np.testing.assert_array_equal(ours.grad.numpy(), theirs.grad.numpy())


def test_positions_are_not_computed_where_nobody_asks_for_them(monkeypatch):
    from cnn_physics77.core.operations.nn import pooling

    asked = []
    original = pooling.kernels.max_pool

    def spy(*args, with_positions):
        asked.append(with_positions)
        return original(*args, with_positions=with_positions)

    monkeypatch.setattr(pooling.kernels, "max_pool", spy)
    x = our.randn(1, 1, 4, 4, requires_grad=True)
    F.max_pool2d(x, 2)
    with our.no_grad():
        F.max_pool2d(x, 2)
    assert asked == [True, False]


def test_unpooling_undoes_pooling():
    x = our.randn(2, 3, 5, 7)
    y, indices = F.max_pool2d(x, 2, return_indices=True)
    back = F.max_unpool2d(y, indices, 2, output_size=x.shape)
    np.testing.assert_array_equal(back.numpy(), np.where(back.numpy() != 0, x.numpy(), 0))
    np.testing.assert_array_equal(F.max_pool2d(back.abs(), 2).numpy() > 0, np.ones(y.shape, bool))


@pytest.mark.parametrize("window", [(2,), ((2, 3), (2, 1), (1, 0), (1, 2))])
def test_unfold_and_fold_are_adjoint_and_convolution_is_their_product(window):
    rng = np.random.default_rng(0)
    x = our.tensor(rng.normal(size=(2, 3, 6, 7)))
    columns = F.unfold(x, *window)
    c = our.tensor(rng.normal(size=columns.shape))
    left, right = (columns * c).sum(), (x * F.fold(c, (6, 7), *window)).sum()
    assert left.item() == pytest.approx(right.item(), rel=1e-12)
    size = (window[0],) * 2 if isinstance(window[0], int) else window[0]
    w = our.tensor(rng.normal(size=(4, 3, *size)))
    dilation, padding, stride = window[1:] or (1, 0, 1)
    expected = F.conv2d(x, w, None, stride, padding, dilation)
    found = (w.reshape(4, -1) @ columns).reshape(expected.shape)
    np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-12, atol=1e-12)


def test_windows_of_a_dimension_are_a_view():
    x = our.arange(5.0)
    x.unfold(0, 2, 1)[1, 0] = 7.0
    assert x[1].item() == 7.0


@settings(max_examples=200, deadline=None)
@given(
    st.integers(0, 8),
    st.integers(0, 4),
    st.integers(0, 4),
    st.integers(0, 3),
    st.integers(0, 3),
    st.booleans(),
)
def test_the_size_law_and_its_conditions_are_those_of_torch(
    size, kernel, stride, padding, dilation, ceil_mode
):
    x = np.zeros((1, 1, size, 9))
    window = (kernel, 1), (stride, 1), (padding, 0), (dilation, 1), ceil_mode
    try:
        expected = TF.max_pool2d(torch.from_numpy(x), *window).shape
    except RuntimeError:
        with pytest.raises(ShapeError):
            F.max_pool2d(our.from_numpy(x), *window)
    else:
        assert F.max_pool2d(our.from_numpy(x), *window).shape == tuple(expected)


@pytest.mark.parametrize(
    "call, message",
    [
        (
            lambda x: F.max_pool2d(x, 3, 1, (2, 0)),
            r"max_pool2d: pad should be at most half of the kernel size, "
            r"but got padding \(2, 0\) and kernel_size \(3, 3\)",
        ),
        (
            lambda x: F.avg_pool2d(x, (5, 2)),
            r"avg_pool2d: Given input size \(4, 4\), calculated output size \(0, 2\): "
            "output size is too small",
        ),
        (lambda x: F.max_pool2d(x[:, :, :0], 1), r"max_pool2d: Given input size \(0, 4\)"),
        (lambda x: F.avg_pool2d(x, 2, divisor_override=0), "avg_pool2d: divisor must be not zero"),
        (lambda x: F.max_pool2d(x, 2, (0, 1)), r"max_pool2d: expected .* at least 1 .*stride \(0, 1\)"),
        (lambda x: F.max_pool2d(x, 2, dilation=0), r"at least 1 .*dilation \(0, 0\)"),
        (lambda x: F.max_pool2d(x, 2, padding=-1), r"at least 0, .*padding \(-1, -1\)"),
        (lambda x: F.avg_pool1d(x[0], (0,)), r"avg_pool1d: expected .*kernel_size \(0,\)"),
        (lambda x: F.max_pool2d(x, 2, (1, 1, 1)), "expected stride to be an int or 2 ints"),
        (lambda x: F.max_pool2d(x[0, 0], 2), r"max_pool2d: expected 3D \(unbatched\) or 4D"),
        (lambda x: F.adaptive_max_pool2d(x, -1), "adaptive_max_pool2d: expected output_size .*not below 0"),
        (lambda x: F.adaptive_avg_pool2d(x[:, :, :0], 1), "adaptive_avg_pool2d: expected input to have non-"),
    ],
)
def test_windows_that_do_not_fit_are_named_by_the_function_that_was_called(call, message):
    with pytest.raises(ShapeError, match=message):
        call(our.zeros(1, 1, 4, 4))
