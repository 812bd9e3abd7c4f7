"""Dropout: its statistics, its mask in the gradient, its seed."""

import numpy as np
import pytest

import cnn_physics77 as our
import cnn_physics77.nn.functional as F

WITH_CHANNELS = {"dropout1d": (50, 40, 3), "dropout2d": (50, 40, 2, 2), "dropout3d": (50, 40, 2, 1, 2)}


@pytest.mark.parametrize("p", [0.1, 0.5, 0.83])
def test_share_scale_and_gradient(p):
    our.manual_seed(0)
    x = our.ones(200, 500, dtype=np.float64).requires_grad_()
    y = F.dropout(x, p)
    kept = y.detach().numpy() != 0
    assert abs(kept.mean() - (1 - p)) < 4 * np.sqrt(p * (1 - p) / kept.size)
    np.testing.assert_allclose(y.detach().numpy()[kept], 1 / (1 - p))
    (g,) = our.autograd.grad(y.sum(), x)
    np.testing.assert_array_equal(g.numpy(), y.detach().numpy())


@pytest.mark.parametrize("name", WITH_CHANNELS)
def test_whole_channels(name):
    our.manual_seed(1)
    y = getattr(F, name)(our.ones(*WITH_CHANNELS[name]), 0.25).numpy().reshape(50, 40, -1)
    assert (y == y[:, :, :1]).all()
    assert abs((y[:, :, 0] != 0).mean() - 0.75) < 0.05
    np.testing.assert_allclose(y.max(), 4 / 3, rtol=1e-6)


@pytest.mark.parametrize("name", ["alpha_dropout", "feature_alpha_dropout"])
def test_alpha_keeps_mean_and_variance(name):
    our.manual_seed(2)
    x = our.randn(400, 500)
    y = getattr(F, name)(x, 0.2, training=True).numpy()
    assert abs(y.mean()) < 0.02 and abs(y.std() - 1) < 0.02


@pytest.mark.parametrize("name", ["dropout", "alpha_dropout"])
def test_the_seed_decides(name):
    x = our.ones(100)
    our.manual_seed(3)
    first, second = (getattr(F, name)(x, 0.5, True).numpy() for _ in range(2))
    our.manual_seed(3)
    np.testing.assert_array_equal(getattr(F, name)(x, 0.5, True).numpy(), first)
    assert (first != second).any()


def test_in_place_and_not_training():
    x = our.ones(100)
    assert F.dropout(x, 0.5, training=False) is x
    y = F.dropout(x, 0.5, inplace=True)
    assert y is x and set(np.unique(x.numpy())) == {0.0, 2.0}


def test_unexpected_dimensions_are_warned_of():
    with pytest.warns(UserWarning, match="3D input to dropout2d"):
        F.dropout2d(our.ones(2, 3, 4))
    with pytest.warns(UserWarning, match="deprecated"):
        F.dropout3d(our.ones(2, 3))
