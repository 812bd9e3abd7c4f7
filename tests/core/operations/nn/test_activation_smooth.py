"""Smooth activation functions in half precision."""

import numpy as np
import pytest
import torch
import torch.nn.functional as TF

import cnn_physics77 as our
import cnn_physics77.nn.functional as F


@pytest.mark.parametrize("beta", [2.0, -1.0])
def test_softplus_of_half_precision_below_its_threshold(beta):
    x = torch.arange(-20, 21).half()
    found = F.softplus(our.tensor(x.numpy()), beta).numpy()
    np.testing.assert_array_equal(found, TF.softplus(x, beta).numpy())
