"""Operations that overwrite or resize their input, against PyTorch."""

import numpy as np
import pytest
import torch as reference

import cnn_physics77 as torch
from cnn_physics77.core.errors import GradientError, ShapeError

BOTH = (reference, torch)


def same(change):
    """The results of a function of the framework, compared: values, strides, dtype."""
    theirs, ours = (change(t) for t in BOTH)
    assert ours.dtype == getattr(torch, str(theirs.dtype).removeprefix("torch."))
    assert ours.stride() == tuple(theirs.stride())
    assert ours.tolist() == theirs.tolist()


@pytest.mark.parametrize("values", [[1 + 2j, -1j], [1.5, -2.0], [1, 2], [True, False]], ids=str)
def test_functions_in_place(values):
    for name in ("conj_physical_", "zero_"):

        def change(t, name=name):
            x = t.tensor(values)
            assert getattr(t, name)(x) is x
            return x

        same(change)
    same(lambda t: t.tensor(values).conj_physical_())


def test_the_gradient_of_a_conjugate_in_place():
    gradients = []
    for t in BOTH:
        x = t.tensor([1 + 2j, -1j], requires_grad=True)
        y = x * 1
        y.conj_physical_()
        (y * t.tensor([2j, 3])).abs().sum().backward()
        gradients.append(x.grad.numpy())
    np.testing.assert_allclose(gradients[1], gradients[0], rtol=1e-6)


@pytest.mark.parametrize("size", [(4,), (3, 2), (2, 3), (0, 3), (), (6, 1, 1)])
def test_fewer_elements_remain_in_memory(size):
    same(lambda t: t.arange(6.0).reshape(2, 3).clone().resize_(size))
    if size:
        same(lambda t: t.arange(6.0).reshape(2, 3).clone().resize_(*size))
    same(lambda t: t.arange(6).reshape(2, 3).clone().resize_as_(t.zeros(size)))
    same(lambda t: t.resize_as_(t.arange(6).reshape(2, 3).clone(), t.zeros(size)))


def test_memory_in_another_order():
    def image(t):
        return t.arange(24.0).reshape(1, 2, 3, 4).clone(memory_format=t.channels_last)

    same(lambda t: image(t).resize_(24))
    same(lambda t: image(t).resize_(1, 2, 4, 3))
    same(lambda t: image(t).resize_(1, 2, 3, 4))
    same(lambda t: image(t).resize_(1, 2, 2, 3, memory_format=t.channels_last))
    same(lambda t: t.arange(24.0).resize_(1, 2, 3, 4, memory_format=t.channels_last))


def test_more_elements_are_new_memory():
    for t in BOTH:
        x = t.tensor([[1, 2], [3, 4]], dtype=t.int32)
        assert x.resize_(3, 2) is x
        assert x.dtype == t.int32 and x.shape == (3, 2)
        assert x[:2].tolist() == [[1, 2], [3, 4]]


def test_memory_of_numpy_is_shared_with_fewer_elements():
    for t in BOTH:
        array = np.arange(6.0)
        t.from_numpy(array).resize_(2, 2).zero_()
        assert array.tolist() == [0, 0, 0, 0, 4, 5]


def test_what_is_recorded_cannot_be_resized():
    for t, error in zip(BOTH, (RuntimeError, GradientError)):
        x = t.ones(2, requires_grad=True)
        for y in (x, x * 2):
            with pytest.raises(error, match="cannot resize variables that require grad"):
                y.resize_(2)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: torch.ones(2).resize_(-1), ShapeError, "negative"),
        (lambda: torch.ones(2, 2)[0].resize_(1), ShapeError, "memory of its own"),
        (lambda: torch.empty_strided((2, 2), (4, 2)).resize_(2), ShapeError, "dense memory"),
        (
            lambda: torch.ones(2).resize_(1, memory_format=torch.preserve_format),
            ValueError,
            "preserve_format",
        ),
        (lambda: torch.ones(2).resize_(1, memory_format=torch.channels_last), ShapeError, "rank 4"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error) as caught:
        call()
    assert message in str(caught.value)


def test_a_base_with_views_is_not_resized():
    x = torch.ones(2, 2)
    view = x[0]
    with pytest.raises(ShapeError, match="its base"):
        x.resize_(1)
    del view
    assert x.resize_(1).tolist() == [1.0]
