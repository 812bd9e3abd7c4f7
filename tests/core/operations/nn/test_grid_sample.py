"""Sampling of images: places far outside, infinite ones and NaN, and the zero gradient of nearest pixels."""

from __future__ import annotations

import warnings
from fractions import Fraction

import numpy as np
import pytest
import torch

import cnn_physics77 as ours

PLACES = [0.0, 1.0, -1.0, 0.5, -3.7, 5.2, 1e9, -1e12, np.inf, -np.inf, np.nan]


@pytest.mark.parametrize("align_corners", [True, False])
@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic"])
def test_places_far_outside(mode, padding_mode, align_corners):
    image = np.random.default_rng(0).normal(size=(1, 2, 3, 4))
    places = PLACES if padding_mode == "zeros" else [p for p in PLACES if np.isfinite(p) and abs(p) < 1e6]
    grid = np.array([[[(x, y) for x in places] for y in places]])
    results = []
    for framework in (ours, torch):
        given = [framework.tensor(image, requires_grad=True), framework.tensor(grid, requires_grad=True)]
        y = framework.nn.functional.grid_sample(*given, mode, padding_mode, align_corners)
        results.append([y.detach().numpy()])
        if padding_mode != "zeros":
            y.sum().backward()
            results[-1] += [t.grad.numpy() for t in given]
    for found, wanted in zip(*results, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9)


def test_places_of_nearest_pixels_have_gradient_zero():
    grid = ours.zeros(1, 2, 2, 2, requires_grad=True)
    y = ours.nn.functional.grid_sample(ours.ones(1, 1, 3, 3), grid, "nearest", align_corners=False)
    y.sum().backward()
    assert grid.grad.tolist() == ours.zeros(1, 2, 2, 2).tolist()


@pytest.mark.parametrize("name", ["grid_sample", "affine_grid"])
def test_the_default_warns(name):
    for framework in (ours, torch):
        arguments = {
            "grid_sample": (framework.ones(1, 1, 2, 2), framework.zeros(1, 1, 1, 2)),
            "affine_grid": (framework.ones(1, 2, 3), (1, 1, 2, 2)),
        }[name]
        with pytest.warns(UserWarning, match="align_corners=False"):
            getattr(framework.nn.functional, name)(*arguments)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            getattr(framework.nn.functional, name)(*arguments, align_corners=True)


def test_a_grid_of_one_pixel_warns():
    for framework in (ours, torch):
        theta = framework.tensor(np.array([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]))
        with pytest.warns(UserWarning, match="unit-size grids"):
            grid = framework.nn.functional.affine_grid(theta, (1, 1, 1, 1), align_corners=True)
        assert grid.tolist() == [[[[3.0, 6.0]]]]


def test_the_warnings_name_the_line_of_the_caller():
    for call in (
        lambda: ours.nn.functional.grid_sample(ours.ones(1, 1, 2, 2), ours.zeros(1, 1, 1, 2)),
        lambda: ours.nn.functional.affine_grid(ours.ones(1, 2, 3), (1, 1, 2, 2)),
        lambda: ours.nn.functional.gumbel_softmax(ours.zeros(2), eps=0.1),
    ):
        with pytest.warns(UserWarning) as caught:
            call()
        assert caught[0].filename == __file__


@pytest.mark.parametrize("n", [7, 27, 28, 50])
def test_places_are_rounded_once(n):
    """At the identity, where spatial transformers begin, the last bit decides which derivative there is."""
    theta = np.array([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
    grids = [
        lib.nn.functional.affine_grid(lib.from_numpy(theta), (1, 1, 3, n), align_corners=False).numpy()
        for lib in (ours, torch)
    ]
    np.testing.assert_allclose(grids[0], grids[1], rtol=0, atol=3e-16)
    x = grids[0][0, 0, :, 0]
    squares = ours.from_numpy((np.arange(n) ** 2.0)[None, None, None].repeat(3, 2))
    places = ours.from_numpy(grids[0]).requires_grad_()
    ours.nn.functional.grid_sample(squares, places, align_corners=False).sum().backward()
    exact = [float(Fraction(float(1 + p)) * n / 2 - Fraction(1, 2)) for p in x]
    slopes = 2 * np.floor(exact) + 1  # of the line between two squares
    np.testing.assert_allclose(places.grad.numpy()[0, 1, 1:-1, 0], slopes[1:-1] * n / 2, rtol=1e-9)
