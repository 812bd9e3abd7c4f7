"""The order of memory that layers choose is never in the way of what works in PyTorch."""

import threading

import numpy as np
import pytest
import torch

import cnn_physics77
from cnn_physics77.core.errors import ShapeError

WEIGHT = np.random.default_rng(0).standard_normal((16, 3, 3, 3))
IMAGES = np.random.default_rng(1).standard_normal((2, 3, 8, 8))


def features(framework):
    x = framework.tensor(IMAGES, requires_grad=True)
    y = framework.nn.functional.conv2d(x, framework.tensor(WEIGHT))
    return x, framework.nn.functional.max_pool2d(framework.relu(y), 2)


def test_view_of_what_a_convolution_answers_is_a_view_with_torch_gradients():
    gradients = []
    for framework in (cnn_physics77, torch):
        x, y = features(framework)
        flat = y.view(-1, 16 * 3 * 3)
        (flat**2).sum().backward()
        gradients.append(x.grad.numpy())
        with framework.no_grad():
            flat[0, 0] = 7.0
        assert y[0, 0, 0, 0].item() == 7.0
        assert flat.stride() == (144, 1) and y.is_contiguous()
    np.testing.assert_allclose(*gradients, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "see", [lambda y: y.detach(), lambda y: y.data, lambda y: y.detach().numpy(), lambda y: y[0]]
)
def test_memory_that_something_else_lies_on_is_not_left_behind(see):
    _, y = features(cnn_physics77)
    seen = see(y)
    with pytest.raises(ShapeError, match="view size is not compatible"):
        y.view(-1)
    assert y.reshape(-1).shape == (288,)
    del seen


@pytest.mark.parametrize("function, shape", [("conv2d", (20, 3, 3, 3)), ("conv_transpose2d", (3, 20, 3, 3))])
def test_view_of_what_a_convolution_of_one_image_answers(function, shape):
    gradients = []
    for framework in (torch, cnn_physics77):
        x = framework.ones(3, 5, 6, requires_grad=True)
        y = getattr(framework.nn.functional, function)(x, framework.ones(*shape))
        assert y.is_contiguous()
        flat = y.view(-1)
        flat[0] = 7.0
        assert y[0, 0, 0].item() == 7.0
        flat.sum().backward()
        gradients.append(x.grad.numpy())
    np.testing.assert_array_equal(*gradients)


def test_a_view_in_another_order_stays_one():
    x = cnn_physics77.zeros(2, 3)
    with pytest.raises(ShapeError, match="view size is not compatible"):
        x.t().view(-1)


def test_two_threads_may_view_one_result():
    x, weight = cnn_physics77.rand(8, 3, 28, 28), cnn_physics77.rand(16, 3, 3, 3)
    for _ in range(20):
        y = cnn_physics77.nn.functional.conv2d(x, weight)
        views, barrier = [], threading.Barrier(2, timeout=20)

        def view(y=y, views=views, barrier=barrier):
            barrier.wait()
            views.append(y.view(8, -1))

        both = [threading.Thread(target=view) for _ in range(2)]
        for thread in both:
            thread.start()
        for thread in both:
            thread.join()
        assert len(views) == 2 and all(np.shares_memory(v.array, y.array) for v in views)


@pytest.mark.parametrize("t", [cnn_physics77, torch])
def test_memory_formats_can_be_given_wherever_memory_is_new(t):
    x, order = t.ones(2, 3, 4, 5), t.channels_last
    expected = (60, 1, 15, 3)
    assert t.empty(2, 3, 4, 5, memory_format=order).stride() == expected
    for name in ("zeros", "ones", "empty", "rand", "randn"):
        assert getattr(t, f"{name}_like")(x, memory_format=order).stride() == expected
    assert t.full_like(x, 2, memory_format=order).stride() == expected
    assert t.randint_like(x, 5, memory_format=order).stride() == expected
    for made in (x.double(memory_format=order), x.to(t.float64, memory_format=order), x.to(t.int8)):
        assert made.stride() == (expected if made.dtype == t.float64 else x.stride())
    assert x.to(t.float32, copy=True, memory_format=order).stride() == expected
    assert x.to(memory_format=order).stride() == expected and x.float(memory_format=t.preserve_format) is x
    assert t.zeros_like(x, memory_format=order, requires_grad=True).is_leaf


@pytest.mark.parametrize("t", [cnn_physics77, torch])
def test_layout_and_pin_memory_are_taken_with_the_device(t):
    options = {"layout": t.strided, "pin_memory": False, "device": "cpu"}
    for made in (
        t.zeros(2, **options),
        t.normal(0.0, 1.0, (2,), **options),
        t.arange(2, **options),
        t.ones(1).new_zeros(2, **options),
        t.rand_like(t.ones(2), **options),
    ):
        assert made.shape == (2,)


def test_another_layout_is_refused():
    with pytest.raises(RuntimeError, match="zeros: expected the layout"):
        cnn_physics77.zeros(2, layout=3)


LIKE = {
    "a row repeated": lambda T: T.arange(12.0).view(1, 3, 4).expand(5, 3, 4),
    "a column repeated": lambda T: T.arange(3.0).view(3, 1).expand(3, 4),
    "repeated and turned": lambda T: T.arange(8.0).view(2, 1, 4).expand(2, 3, 4).permute(2, 0, 1),
    "repeated with gaps": lambda T: T.ones(4, 1, 6)[::2, :, ::2].expand(2, 3, 3).permute(2, 1, 0),
    "one number": lambda T: T.ones(()).expand(3, 4),
    "turned": lambda T: T.arange(24.0).view(2, 3, 4).permute(2, 0, 1),
    "with gaps": lambda T: T.arange(24.0).view(4, 6)[:, ::2].t(),
    "overlapping": lambda T: T.arange(10.0).as_strided((4, 3), (1, 2)),
    "channels last": lambda T: T.ones(2, 3, 4, 5).contiguous(memory_format=T.channels_last)[:, 1:],
    "nothing": lambda T: T.ones(2, 0, 4),
}
COPIES = {
    "rand_like": lambda T, x: T.rand_like(x),
    "randn_like": lambda T, x: T.randn_like(x),
    "randint_like": lambda T, x: T.randint_like(x, 9),
    "empty_like": lambda T, x: T.empty_like(x),
    "zeros_like": lambda T, x: T.zeros_like(x),
    "full_like": lambda T, x: T.full_like(x, 2),
    "clone": lambda T, x: x.clone(),
    "to": lambda T, x: x.to(T.int64),
    "to copy": lambda T, x: x.to(T.float32, copy=True),
    "contiguous": lambda T, x: x.contiguous(),
    "row-major clone": lambda T, x: x.clone(memory_format=T.contiguous_format),
    "relu": lambda T, x: T.relu(x),
}


@pytest.mark.parametrize("kind", LIKE)
@pytest.mark.parametrize("copy", COPIES)
def test_copies_lie_in_memory_as_torch_has_them(kind, copy):
    found, expected = [], []
    for framework, results in ((cnn_physics77, found), (torch, expected)):
        framework.manual_seed(0)
        x = LIKE[kind](framework)
        results += [x, COPIES[copy](framework, x)]
    assert found[1].stride() == expected[1].stride()
    if copy != "empty_like":
        np.testing.assert_allclose(found[1].numpy(), expected[1].numpy(), rtol=1e-5, atol=1e-6)
