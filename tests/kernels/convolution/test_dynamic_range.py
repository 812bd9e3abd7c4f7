"""Outliers in float32: what they do not reach is as exact as without them, in every map."""

from functools import cache

import numpy as np
import pytest
import torch

from cnn_physics77.core.kernels.convolution import (
    convolution,
    convolution_input_gradient,
    convolution_weight_gradient,
)
from cnn_physics77.core.kernels.convolution.algorithm import INPUT_GRADIENT, Problem
from cnn_physics77.core.kernels.convolution.dispatch import ALGORITHMS, override
from cnn_physics77.core.kernels.convolution.dynamic_range import (
    RangeCheck,
    all_finite,
    channel_counts,
    window_cell,
)
from cnn_physics77.core.kernels.convolution.shapes import convolution_shapes

FLOAT32 = np.dtype(np.float32)
VALUES = [1e2, 1e3, 1e6, 1e20, np.inf, np.nan]
# Of an output that no outlier reaches, over the standard deviation of the ordinary outputs.
TOLERANCE = 3e-4

# x shape, weight shape, padding
SIZES = [
    ((2, 16, 20, 19), (8, 16, 3, 3), 1),
    ((2, 8, 13, 12), (16, 8, 3, 3), 2),
    ((1, 16, 12, 17), (16, 16, 5, 5), 0),
]


def mixing_algorithms():
    """Those that combine values before they meet their weights, with the sizes that they can do."""
    for algorithm in ALGORITHMS:
        for sizes in SIZES:
            shapes = convolution_shapes(*sizes[:2], (1, 1), (sizes[2],) * 2, (1, 1), 1)
            mixes = not algorithm.exact or algorithm.name == "banded"
            if mixes and algorithm.does(Problem(INPUT_GRADIENT, shapes, FLOAT32)):
                yield pytest.param(algorithm.name, sizes, id=f"{algorithm.name} {sizes}")


def three_maps(operands, padding):
    x, weight, g = operands["x"], operands["weight"], operands["g"]
    rest = ((1, 1), (padding,) * 2, (1, 1), 1)
    return (
        convolution(x, weight, *rest),
        convolution_input_gradient(g, weight, x.shape[2:], *rest),
        convolution_weight_gradient(g, x, weight.shape[2:], *rest),
    )


def torch_maps(operands, padding):
    x, weight, g = (torch.from_numpy(operands[n].astype(np.float64)) for n in ("x", "weight", "g"))
    x.requires_grad_(), weight.requires_grad_()
    y = torch.conv2d(x, weight, padding=padding)
    y.backward(g)
    return y.detach().numpy(), x.grad.numpy(), weight.grad.numpy()


def ordinary(sizes):
    x_shape, weight_shape, padding = sizes
    generator = np.random.default_rng(0)
    g_shape = (x_shape[0], weight_shape[0]) + tuple(
        n + 2 * padding - k + 1 for n, k in zip(x_shape[2:], weight_shape[2:])
    )
    shapes = {"x": x_shape, "weight": weight_shape, "g": g_shape}
    return {name: generator.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


@cache
def exact_maps(sizes):
    return torch_maps(ordinary(sizes), sizes[2])


@cache
def beside(sizes, name, place):
    """Where the maps depend on one value of an operand, and the maps without that value."""
    operands = ordinary(sizes)
    outlier = np.zeros(operands[name].shape, bool)
    outlier[place] = True
    expected = torch_maps(operands | {name: np.where(outlier, 0, operands[name])}, sizes[2])
    return outlier, reached(operands, name, outlier, sizes[2]), expected


def places(array):
    last = array.shape[2] - 1, array.shape[3] - 1
    return [(0, 1, 0, 0), (len(array) - 1, 0, last[0] // 2, last[1] // 2), (0, 3, last[0], last[1] // 2)]


def reached(operands, name, outlier, padding):
    """Where the three maps depend on the outlier."""
    dependent = {n: np.ones(a.shape) for n, a in operands.items()} | {name: outlier.astype(float)}
    masks = [m != 0 for m in torch_maps(dependent, padding)]
    masks[{"x": 1, "weight": 2, "g": 0}[name]][...] = False  # the map that does not read the operand
    return masks


@pytest.mark.parametrize("name", ["x", "weight", "g"])
@pytest.mark.parametrize("algorithm, sizes", list(mixing_algorithms()))
def test_what_an_outlier_does_not_reach_is_as_without_it(algorithm, sizes, name):
    operands, padding = ordinary(sizes), sizes[2]
    scales = [m.std() for m in exact_maps(sizes)]
    for place in places(operands[name]):
        outlier, masks, expected = beside(sizes, name, place)
        for value in VALUES:
            if name == "weight" and not np.isfinite(value):
                continue  # times a zero of the padding it is NaN, in PyTorch too
            with override(algorithm):
                spiked = np.where(outlier, np.float32(value), operands[name])
                results = three_maps(operands | {name: spiked}, padding)
            for index, (result, exact, mask, scale) in enumerate(zip(results, expected, masks, scales)):
                if index == 2 and not np.isfinite(value) and name == "g" and padding:
                    continue  # the same
                assert result.dtype == np.float32
                error = np.abs(result - exact)[~mask]
                assert (error <= TOLERANCE * scale).all(), (place, value, index)
                if not np.isfinite(value):
                    assert not np.isfinite(result[mask]).any()


@pytest.mark.parametrize("algorithm, sizes", list(mixing_algorithms()))
@pytest.mark.parametrize("value", [1e6, 1e20])
def test_ordinary_values_beside_a_region_of_fill_values(algorithm, sizes, value):
    """As a mask of land in a field of the sea; the coast meets rows and columns everywhere."""
    operands, padding = ordinary(sizes), sizes[2]
    for name, maps in (("x", [0]), ("g", [1])):
        scales = [m.std() for m in exact_maps(sizes)]
        height, width = operands[name].shape[2:]
        rows, columns = np.ogrid[:height, :width]
        land = (columns + 2 * (rows % 7 == 3) < width // 2) & (rows != height // 2) | (
            rows % 8 + columns == 14
        )
        land = np.broadcast_to(land, operands[name].shape)
        masks = reached(operands, name, land, padding)
        expected = torch_maps(operands | {name: np.where(land, 0, operands[name])}, padding)
        with override(algorithm):
            results = three_maps(
                operands | {name: np.where(land, np.float32(value), operands[name])}, padding
            )
        for index in maps:
            error = np.abs(results[index] - expected[index])[~masks[index]]
            assert error.size and (error <= TOLERANCE * scales[index]).all()


@pytest.mark.parametrize("algorithm, sizes", list(mixing_algorithms()))
def test_a_channel_of_large_values_and_small_weights_hides_no_outlier(algorithm, sizes):
    operands, padding = ordinary(sizes), sizes[2]
    operands["x"][:, 2] *= np.float32(1e-5)
    operands["weight"][:, 2] *= np.float32(1e5)
    scale = torch_maps(operands, padding)[0].std()
    outlier = np.zeros(operands["x"].shape, bool)
    outlier[0, 2, 6, 6] = True  # ordinary beside the other channels
    mask = reached(operands, "x", outlier, padding)[0]
    expected = torch_maps(operands | {"x": np.where(outlier, 0, operands["x"])}, padding)[0]
    with override(algorithm):
        result = three_maps(operands | {"x": np.where(outlier, np.float32(1.0), operands["x"])}, padding)[0]
    assert (np.abs(result - expected)[~mask] <= TOLERANCE * scale).all()


@pytest.mark.parametrize("scale", [1e-30, 1e-20, 1.0, 1e15, 1e20])
@pytest.mark.parametrize("kind", ["normal", "rectified", "sparse", "samples of unlike scales"])
def test_ordinary_images_of_every_scale_stay_with_the_fast_algorithm(kind, scale):
    generator = np.random.default_rng(1)
    images = generator.standard_normal((16, 28, 28, 16)).astype(np.float32)
    if kind == "rectified":
        images = np.maximum(images, 0)
    elif kind == "sparse":
        images *= generator.random(images.shape) < 0.1
    elif kind == "samples of unlike scales":
        images *= np.logspace(-6, 0, 16, dtype=np.float32)[:, None, None, None]
    check = RangeCheck(np.ones(16, np.float32), (3, 3), window_cell(3, 1), 3, 7, 9)
    with np.errstate(all="ignore"):
        assert check.strips(images * np.float32(scale), -1, 4) is None
        images[3, 20, 5, 2] = 1e4
        wide = check.strips(images * np.float32(scale), -1, 4)
    expected = np.zeros((16, 4), bool)
    expected[3, 2] = True  # rows 13 to 21
    expected[3, 3] = True  # rows 20 to 28
    np.testing.assert_array_equal(wide, expected)


def test_strips_outside_of_the_image_and_images_of_zeros():
    check = RangeCheck(np.ones(4, np.float32), (3, 3), 2, 3, 4, 6)
    with np.errstate(all="ignore"):
        assert check.strips(np.zeros((2, 5, 5, 4), np.float32), -2, 3) is None
        assert check.strips(np.ones((2, 5, 5, 4), np.float32), -2, 4) is None
        assert check.strips(np.ones((2, 5, 5, 4), np.float32), 9, 2) is None


def test_kernels_of_unlike_taps():
    weight = np.random.default_rng(2).standard_normal((16, 8, 3, 3)).astype(np.float32)
    weight[:, :, 0] = 0  # zeros are no small taps
    for axis in (0, 1):
        counts = channel_counts(weight, axis)
        energies = np.square(weight).sum(axis=(1 - axis, 2, 3))
        np.testing.assert_allclose(counts, energies / energies.max(), rtol=1e-5)
        np.testing.assert_allclose(channel_counts(weight * np.float32(1e-25), axis), counts, rtol=1e-4)
        for value in (1e3, np.inf, np.nan):
            spiked = weight.copy()
            spiked[5, 3, 1, 1] = value
            assert channel_counts(spiked, axis) is None
    assert channel_counts(np.zeros_like(weight), 1) is not None


def test_a_sum_tells_what_is_not_finite():
    assert all_finite(np.ones((2, 3))) and not all_finite(np.array([1, np.nan]))
    assert not all_finite(np.array([np.inf, -np.inf]))


def test_a_window_holds_a_whole_cell():
    for width in (1, 2, 3, 5):
        for padding in range(width):
            cell = window_cell(width, padding)
            for size in range(width, 12):
                cells = [range(first, min(first + cell, size)) for first in range(0, size, cell)]
                for origin in range(-padding, size + padding - width + 1):
                    seen = {c for c in range(origin, origin + width) if 0 <= c < size}
                    assert any(seen.issuperset(c) for c in cells)


def test_the_check_is_what_keeps_outliers_apart(monkeypatch):
    """Without it the results beside an outlier are wrong: the tests above can fail."""
    monkeypatch.setattr(RangeCheck, "strips", lambda *arguments: None)
    x, weight = np.ones((1, 8, 16, 16), np.float32), np.ones((8, 8, 3, 3), np.float32)
    x[0, 0, 8, 8] = 1e6
    with override("F(7x1, 3x1)"):
        y = convolution(x, weight, (1, 1), (1, 1), (1, 1), 1)
    assert np.abs(y[:, :, 12, 8] - 72).max() > 1e-2
