"""Interpolation: the older names, and pixels that are known without a formula."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import cnn_physics77 as ours
from cnn_physics77.core.errors import DtypeError


@pytest.mark.parametrize("name", ["upsample", "upsample_nearest", "upsample_bilinear"])
def test_the_older_names_warn(name):
    results = []
    for framework in (ours, torch):
        x = framework.from_numpy(np.random.default_rng(0).normal(size=(1, 2, 3, 4)))
        with pytest.warns(UserWarning, match=f"functional.{name}` is deprecated"):
            results.append(getattr(framework.nn.functional, name)(x, scale_factor=2).numpy())
    np.testing.assert_allclose(*results, rtol=1e-12)


@pytest.mark.parametrize("mode", ["bilinear", "bicubic", "lanczos"])
def test_filters_keep_a_constant(mode):
    """Also where PyTorch's antialiasing of images that get one pixel wide does not."""
    x = ours.full((1, 1, 9, 7), 3.0, dtype=ours.float64)
    for size in ((4, 1), (20, 1), (1, 9), (3, 3)):
        y = ours.nn.functional.interpolate(x, size, mode=mode, antialias=True)
        np.testing.assert_allclose(y.numpy(), 3.0, rtol=1e-14)


def test_one_pixel_wide_is_the_image_transposed():
    x = ours.from_numpy(np.random.default_rng(0).normal(size=(1, 1, 5, 4)))
    y = ours.nn.functional.interpolate(x, (19, 1), mode="bilinear", antialias=True)
    z = torch.nn.functional.interpolate(
        torch.from_numpy(x.numpy()).mT, (1, 19), mode="bilinear", antialias=True
    )
    np.testing.assert_allclose(y.numpy(), z.mT.numpy(), rtol=1e-12)


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_infinite_pixels_reach_as_far_as_in_pytorch(mode):
    x = np.random.default_rng(0).normal(size=(1, 1, 6, 6))
    x[0, 0, 2, 3] = np.inf
    x[0, 0, 4, 0] = np.nan
    found = ours.nn.functional.interpolate(ours.from_numpy(x), 9, mode=mode).numpy()
    expected = torch.nn.functional.interpolate(torch.from_numpy(x), size=9, mode=mode).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_half_precision_is_rounded_once():
    x = (np.random.default_rng(0).normal(size=(1, 2, 5, 6)) * 100).astype(np.float16)
    found = ours.nn.functional.interpolate(ours.from_numpy(x), 9, mode="bilinear").numpy()
    exact = torch.nn.functional.interpolate(torch.from_numpy(x.astype(float)), size=9, mode="bilinear")
    assert found.dtype == np.float16
    np.testing.assert_allclose(found, exact.numpy(), rtol=2.0**-10, atol=2.0**-20)


@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_bytes_are_rounded_after_each_dimension(mode, antialias):
    """Within the precision of PyTorch's weights of bytes, which have 16 bits."""
    x = np.random.default_rng(0).integers(0, 256, (4, 3, 9, 8)).astype(np.uint8)
    settings = {"size": (5, 13), "mode": mode, "antialias": antialias}
    found = ours.nn.functional.interpolate(ours.from_numpy(x), **settings).numpy()
    expected = torch.nn.functional.interpolate(torch.from_numpy(x), **settings).numpy()
    assert found.dtype == np.uint8
    difference = np.abs(found.astype(int) - expected)
    assert difference.max() <= 2 and (difference > 0).mean() < 0.05


@pytest.mark.needs_torch
def test_sizes_are_tensors_of_one_element():
    def shapes(t):
        x, size = t.ones(1, 1, 4, 4), t.tensor(2)
        images = [t.nn.functional.interpolate(x, size=s) for s in ([size, t.tensor([3])], (size, 3))]
        return [
            *map(list, (y.shape for y in images)),
            list(t.nn.functional.adaptive_avg_pool2d(x, (size, 1)).shape),
        ]

    assert shapes(ours) == shapes(torch)
    with pytest.raises(DtypeError, match="interpolate: expected sizes as integers"):
        ours.nn.functional.interpolate(ours.ones(1, 1, 4), size=2.0)
