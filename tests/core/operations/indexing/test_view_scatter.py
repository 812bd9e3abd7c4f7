"""Strided views against PyTorch: values, memory, gradients, changes in place."""

import numpy as np
import pytest
import torch

import cnn_physics77 as ours
from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.testing.gradcheck import gradcheck, gradgradcheck

VIEWS = [
    # shape of the input, size, stride, storage offset
    ((6,), (2, 2), (1, 2), None),
    ((6,), (3, 3), (1, 1), 1),
    ((6,), (2, 3), (0, 1), 0),
    ((6,), (), (), 3),
    ((6,), (0, 2), (1, 1), None),
    ((2, 3), (3, 2), (1, 3), None),
    ((2, 3), (2, 2), (3, 1), 1),
]


def values(shape):
    return np.arange(1.0, 1 + np.prod(shape)).reshape(shape) ** 2


@pytest.mark.needs_torch
@pytest.mark.parametrize(("shape", "size", "stride", "offset"), VIEWS)
def test_values_and_gradients(shape, size, stride, offset):
    results = []
    for package in (ours, torch):
        x = package.from_numpy(values(shape)).requires_grad_(True)
        y = package.as_strided(x, size, stride, offset)
        (y * y * 2).sum().backward()
        results.append((y.detach().numpy(), x.grad.numpy()))
    for found, expected in zip(*results):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(("shape", "size", "stride", "offset"), [v for v in VIEWS if 0 not in v[1]])
def test_derivatives(shape, size, stride, offset):
    x = ours.from_numpy(values(shape)).requires_grad_(True)
    assert gradcheck(lambda x: x.as_strided(size, stride, offset), x)
    assert gradgradcheck(lambda x: x.as_strided(size, stride, offset) ** 2, x)


@pytest.mark.needs_torch
def test_views_of_views():
    """A view counts from the start of the memory, by default from its own first element."""
    results = []
    for package in (ours, torch):
        x = package.from_numpy(values((4, 3)))
        results.append(
            [
                package.as_strided(x[1:], (2, 2), (3, 1)).numpy(),
                package.as_strided(x[1:], (2, 2), (3, 1), 1).numpy(),
                package.as_strided(x.t(), (3, 2), (1, 3)).numpy(),
                package.as_strided(x[:, 1], (2,), (2,)).numpy(),
            ]
        )
    for found, expected in zip(*results):
        np.testing.assert_array_equal(found, expected)


def test_gradient_of_a_view_of_a_view():
    x = ours.from_numpy(values((6,))).requires_grad_(True)
    y = x[2:] * 1
    assert gradcheck(lambda x: x[2:].as_strided((2, 2), (1, 1)), x)
    y.as_strided((2, 2), (1, 1)).sum().backward()
    assert x.grad.tolist() == [0, 0, 1, 2, 1, 0]


def test_it_is_a_view():
    x = ours.zeros(4)
    x.as_strided((2,), (3,))[:] = 5
    assert x.tolist() == [5, 0, 0, 5]
    assert x.as_strided_((2, 2), (1, 2)).tolist() == [[5, 0], [0, 5]]
    y = (ours.ones(4, requires_grad=True) * 1).requires_grad_(True)
    y.as_strided((2,), (2,)).mul_(3)
    assert y.tolist() == [3, 1, 3, 1]


def test_scatter():
    """PyTorch's gradient of the input is that of the elements that are replaced, which is wrong."""
    x, s = (ours.from_numpy(values(n)).requires_grad_(True) for n in ((6,), (2, 2)))
    expected = values((6,))
    expected[[1, 4, 2, 5]] = values((2, 2)).reshape(-1)
    np.testing.assert_array_equal(ours.as_strided_scatter(x, s, (2, 2), (1, 3), 1).detach().numpy(), expected)
    assert gradcheck(lambda x, s: ours.as_strided_scatter(x, s, (2, 2), (1, 3), 1), (x, s))
    assert gradgradcheck(lambda x, s: ours.as_strided_scatter(x, s, (2, 2), (1, 3)) ** 2, (x, s))


@pytest.mark.parametrize(
    ("size", "stride", "offset", "message"),
    [
        ((2, 4), (2, 2), None, "out of bounds"),
        ((2,), (1,), 5, "out of bounds"),
        ((2,), (1,), -1, "out of bounds"),
        ((2,), (1, 2), None, "mismatch in length"),
        ((2,), (-1,), None, "negative"),
    ],
)
def test_what_is_not_in_memory_is_refused(size, stride, offset, message):
    with pytest.raises(ShapeError, match=message):
        ours.as_strided(ours.arange(6), size, stride, offset)


def test_memory_with_gaps_is_refused():
    with pytest.raises(ShapeError, match="dense memory"):
        ours.from_numpy(np.arange(6)[::2]).as_strided((1,), (1,))
    with pytest.raises(DtypeError, match="one dtype"):
        ours.ones(2, dtype=ours.complex64).real.as_strided((1,), (1,))
    x = ours.zeros(4)[1:3]
    with pytest.raises(ShapeError, match="clone"):
        ours.as_strided_scatter(x, ours.ones(1), (1,), (1,), 0)
    with pytest.raises(ShapeError, match="size equal to the slice"):
        ours.as_strided_scatter(x, ours.ones(3), (2,), (1,))


def test_as_strided_as_a_copy():
    values = np.random.default_rng(0).normal(size=(3, 4))
    results = []
    for framework in (ours, torch):
        x = framework.from_numpy(values.copy()).requires_grad_()
        y = framework.as_strided_copy(x, (2, 3), (1, 4), 2)
        (y * y).sum().backward()
        results.append((y.detach().numpy(), x.grad.numpy()))
        with framework.no_grad():
            y += 1  # the copy alone
        assert x.tolist() == values.tolist()
    for found, wanted in zip(*results, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-14)
