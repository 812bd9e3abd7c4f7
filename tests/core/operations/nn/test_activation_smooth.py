"""Smooth activation functions in half precision."""

import numpy as np
import pytest
import torch
import torch.nn.functional as TF

import cnn_physics77 as our
import cnn_physics77.nn.functional as F


@pytest.mark.parametrize("name", ["sigmoid", "logsigmoid", "softplus", "silu", "softsign", "mish"])
def test_half_precision_is_rounded_once(name):
    """Also where an exponential leaves the range of float16, as exp(12) does. The errors of float32 are a few
    of its own last digits, 2**-13 of one of float16."""
    x = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    x = x[np.abs(x) < 30]
    found = getattr(F, name)(our.tensor(x)).numpy()
    expected = getattr(TF, name)(torch.tensor(x.astype(np.float64))).numpy()
    error = np.abs(found - expected) / np.spacing(np.abs(found))
    assert error.max() <= 0.5 + 2**-10


@pytest.mark.parametrize("beta", [2.0, -1.0])
def test_softplus_of_half_precision_below_its_threshold(beta):
    x = torch.arange(-20, 21).half()
    found = F.softplus(our.tensor(x.numpy()), beta).numpy()
    np.testing.assert_array_equal(found, TF.softplus(x, beta).numpy())
