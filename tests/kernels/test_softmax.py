"""Softmax, log-softmax and cross-entropy against PyTorch in float64: values, gradients, edges."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from cnn_physics77.core.kernels import softmax as kernels

TOLERANCE = {np.float32: {"rtol": 2e-5, "atol": 2e-6}, np.float64: {"rtol": 1e-12, "atol": 1e-13}}


def frozen(x):
    x = x.view()
    x.setflags(write=False)
    return x


def double(x):
    """For PyTorch in float64, the truth for our float32 as well: its own depends on the processor."""
    return torch.tensor(x, dtype=torch.float64, requires_grad=True)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=4),
    st.integers(0, 3),
    st.integers(0, 100),
    st.booleans(),
    st.sampled_from([np.float32, np.float64]),
)
def test_softmax_and_log_softmax_agree_with_torch(shape, axis, seed, transposed, dtype):
    axis %= len(shape)
    rng = np.random.default_rng(seed)
    x, g = ((5 * rng.standard_normal(shape)).astype(dtype) for _ in range(2))
    if transposed:
        x = np.asfortranarray(x)
    x, g = frozen(x), frozen(g)
    for ours, gradient, theirs in (
        (kernels.softmax, kernels.softmax_gradient, F.softmax),
        (kernels.log_softmax, kernels.log_softmax_gradient, F.log_softmax),
    ):
        t = double(x)
        expected = theirs(t, dim=axis)
        y = ours(x, axis)
        assert y.dtype == dtype
        np.testing.assert_allclose(y, expected.detach().numpy(), **TOLERANCE[dtype])
        expected.backward(double(g))
        total = np.abs(g).sum(axis=axis).max(initial=1)  # what is subtracted is rounded in its own size
        tolerance = TOLERANCE[dtype] | {"atol": TOLERANCE[dtype]["atol"] * total}
        np.testing.assert_allclose(gradient(g, frozen(y), axis), t.grad.numpy(), **tolerance)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_many_rows_in_blocks(axis):
    x = np.random.default_rng(0).standard_normal((300, 40, 30), dtype=np.float32)
    t = double(x).detach()
    np.testing.assert_allclose(kernels.softmax(x, axis), F.softmax(t, axis).numpy(), rtol=1e-5)
    expected = F.log_softmax(t, axis).numpy()
    np.testing.assert_allclose(kernels.log_softmax(x, axis), expected, rtol=1e-5, atol=1e-6)


def test_infinite_and_huge_logits_as_in_torch():
    inf, nan = np.inf, np.nan
    x = np.array(
        [[0.0, -inf, 1.0], [-inf, -inf, -inf], [inf, 0.0, 1.0], [nan, 0.0, 1.0], [1e300, -1e300, 1e300]]
    )
    np.testing.assert_allclose(kernels.softmax(x), F.softmax(torch.tensor(x), -1).numpy())
    np.testing.assert_allclose(kernels.log_softmax(x), F.log_softmax(torch.tensor(x), -1).numpy())
    target = np.array([1, 0, 0, 1, 1])
    loss, *_ = kernels.cross_entropy_forward(x, target, reduction="none")
    np.testing.assert_allclose(
        loss, F.cross_entropy(torch.tensor(x), torch.tensor(target), reduction="none").numpy()
    )


def compare(logits, target, tolerance, **options):
    weight, ignored = options.pop("weight", None), options.get("ignore_index", -100)
    t = double(logits)
    w = None if weight is None else double(weight).detach()
    expected = F.cross_entropy(t, torch.tensor(target), w, **options)
    options.pop("ignore_index", None)
    kept = target != ignored
    classes = np.where(kept, target, 0)
    if kept.all():
        kept = None
    loss, probabilities, divisor = kernels.cross_entropy_forward(
        frozen(logits), frozen(classes), kept, weight, **options
    )
    assert loss.dtype == logits.dtype
    assert loss.shape == tuple(expected.shape)
    np.testing.assert_allclose(loss, expected.detach().numpy(), **tolerance)
    axis = 0 if logits.ndim == 1 else 1
    np.testing.assert_allclose(probabilities, F.softmax(t, axis).detach().numpy(), **tolerance)
    g = np.random.default_rng(7).standard_normal(loss.shape).astype(logits.dtype)
    expected.backward(double(g))
    options.pop("reduction", None)
    gx = kernels.cross_entropy_gradient(
        g, frozen(probabilities), classes, kept, weight, divisor=divisor, **options
    )
    assert gx.dtype == logits.dtype
    np.testing.assert_allclose(gx, t.grad.numpy(), **tolerance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(7,), (5, 7), (4, 7, 3), (2, 7, 3, 4), (0, 7), (3, 1)])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_cross_entropy_agrees_with_torch(shape, reduction, dtype):
    rng = np.random.default_rng(0)
    axis = 0 if len(shape) == 1 else 1
    classes = shape[axis]
    logits = (3 * rng.standard_normal(shape)).astype(dtype)
    target = np.asarray(rng.integers(0, classes, shape[:axis] + shape[axis + 1 :]))
    weight = rng.random(classes).astype(dtype)
    for w in (None, weight):
        for smoothing in (0.0, 0.1, 1.0):
            for ignore_index in (-100, 0, int(target.flat[0]) if target.size else 2):
                if ignore_index == 0 and target.size == 1:
                    continue
                compare(
                    logits,
                    target,
                    TOLERANCE[dtype],
                    weight=w,
                    reduction=reduction,
                    label_smoothing=smoothing,
                    ignore_index=ignore_index,
                )


def test_ignored_targets_need_not_be_classes():
    logits = np.random.default_rng(0).standard_normal((6, 3))
    target = np.array([0, -100, 2, -100, 1, 0])
    for options in (
        {},
        {"reduction": "none"},
        {"label_smoothing": 0.2},
        {"weight": np.array([1.0, 2.0, 0.5])},
    ):
        compare(logits, target, TOLERANCE[np.float64], **options)
    compare(logits, np.full(6, 300), TOLERANCE[np.float64], ignore_index=300, reduction="sum")
    compare(logits, np.full(6, 300), TOLERANCE[np.float64], ignore_index=300)  # the mean over nothing is NaN


def test_channels_last_logits():
    x = np.random.default_rng(0).standard_normal((20, 6, 5, 4)).transpose(0, 3, 1, 2)
    compare(x, np.random.default_rng(1).integers(0, 4, (20, 6, 5)), TOLERANCE[np.float64])


def test_many_classes_in_float32():
    rng = np.random.default_rng(0)
    compare(
        rng.standard_normal((512, 1000), dtype=np.float32),
        rng.integers(0, 1000, 512),
        {"rtol": 1e-5, "atol": 1e-8},
        label_smoothing=0.1,
    )
