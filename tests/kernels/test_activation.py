"""The activations' kernels against PyTorch and SciPy, in every memory order and at the edges."""

import numpy as np
import pytest
import torch

from cnn_physics77.core.kernels import activation

EDGES = np.array(
    [0.0, -0.0, np.inf, -np.inf, np.nan, 1e-310, -1e-310, 1.0, -1.0, 20.0, -20.0, 700.0, -700.0, 89.0, -104.0]
)


def layouts(x):
    """The same values, read-only: contiguous, channels-last, with holes, reversed, broadcast."""
    yield x
    yield np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
    wide[..., ::2] = x
    yield wide[..., ::2]
    yield np.ascontiguousarray(x[::-1, ..., ::-1])[::-1, ..., ::-1]
    yield np.broadcast_to(x[:1], x.shape)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(3, 4, 5, 6), (20, 16, 26, 26), (0, 2, 3, 1)])
def test_relu_and_its_gradient_agree_with_torch(shape, dtype):
    rng = np.random.default_rng(0)
    values, g = ((3 * rng.standard_normal(shape)).astype(dtype) for _ in range(2))
    if values.size:
        values.flat[: len(EDGES)] = EDGES.astype(dtype)
        g.flat[:4] = np.inf, np.nan, -np.inf, np.inf
    for x in layouts(values):
        x.setflags(write=False)
        t = torch.tensor(x.copy(), requires_grad=True)
        expected = torch.relu(t)
        y = activation.relu(x)
        assert y.dtype == dtype
        np.testing.assert_array_equal(y, expected.detach().numpy())
        for gradient in layouts(g):
            t.grad = None
            expected.backward(torch.tensor(gradient.copy()), retain_graph=True)
            np.testing.assert_array_equal(activation.relu_gradient(gradient, y), t.grad.numpy())


def test_scalars():
    assert activation.relu(np.array(-2.0)) == 0
    assert activation.relu(np.array(2.0)).shape == ()
