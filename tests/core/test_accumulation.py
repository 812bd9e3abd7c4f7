"""Where a result is used several times its gradients are added in place, if nobody else sees the memory."""

import numpy as np
import pytest

import cnn_physics77 as ours
from cnn_physics77.core.kernels import elementwise


def _residual(retained: bool):
    """r = 2 x; y = r + w + f(r): the sum hands one gradient to r and to w, and f a fresh one to r."""
    n = 2 * elementwise.LARGE
    x = ours.arange(float(n)).requires_grad_()
    w = ours.ones(n).requires_grad_()
    r = x * 2.0
    y = (r + w) + r * 3.0
    seen = []
    if retained:
        r.register_hook(lambda g: seen.append(g))
    seed = ours.ones(n)
    y.backward(seed)
    return x, w, seed, seen


@pytest.mark.parametrize("retained", [False, True])
def test_a_shared_gradient_is_not_written_into(retained):
    x, w, seed, seen = _residual(retained)
    np.testing.assert_array_equal(x.grad.numpy(), 8.0)
    np.testing.assert_array_equal(w.grad.numpy(), 1.0)
    np.testing.assert_array_equal(seed.numpy(), 1.0)
    for gradient in seen:
        np.testing.assert_array_equal(gradient.numpy(), 4.0)


def test_a_fresh_gradient_takes_up_one_that_is_shared(monkeypatch):
    sums = []

    def spy(a, b):
        sums.append((a.copy(), b.copy()))
        a += b

    monkeypatch.setattr("cnn_physics77.core.autograd.add_in_place", spy)
    _residual(False)
    assert len(sums) == 1  # one addition, and it needed no new memory


def test_the_gradient_of_a_slice_has_the_memory_order_of_what_it_is_added_to():
    x = ours.ones(2, 3, 4, 4).requires_grad_()
    y = x[:, :, ::2, ::2]
    g = ours.from_numpy(np.ones((2, 2, 2, 3), np.float32).transpose(0, 3, 1, 2))
    (gradient,) = ours.autograd.grad(y, x, g)
    assert gradient.numpy().transpose(0, 2, 3, 1).flags.c_contiguous
    assert gradient.sum().item() == 24.0
