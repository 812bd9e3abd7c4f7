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
    Screen,
    all_finite,
    channel_counts,
    telling_planes,
)
from cnn_physics77.core.kernels.convolution.screened import ExactPieces
from cnn_physics77.core.kernels.convolution.shapes import convolution_shapes
from cnn_physics77.core.kernels.convolution.toom_cook import matrices
from cnn_physics77.core.kernels.convolution.winograd_1d import Strips

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


PIECES = [(slice(n, n + 4), slice(k, min(k + 2, 5))) for n in (0, 4, 8) for k in (0, 2, 4)]


def judged(images, above, m, pieces):
    """Whether each piece is in order for F(m x 1, 3 x 1)."""
    strips = Strips(images.transpose(0, 3, 1, 2), above, m, m + 2)
    with np.errstate(all="ignore"):
        screen = strips.screen(np.ones(images.shape[3], np.float32), pieces, telling_planes(m, 3, FLOAT32))
        for piece in pieces if images.size else []:
            count = (piece[0].stop - piece[0].start) * (piece[1].stop - piece[1].start)
            lines = np.empty((count, m + 2, images.shape[2] * images.shape[3]), np.float32)
            strips.transform(matrices(m, FLOAT32)[2], piece, lines, screen)
        return screen.in_order().tolist()


def refused(images, padding=1):
    """The pieces that are not in order, of samples of 19 + 2 (padding - 1) rows by F(4 x 1, 3 x 1)."""
    return [piece for piece, passes in zip(PIECES, judged(images, padding, 4, PIECES)) if not passes]


def that_read(row, samples=range(12), padding=1):
    """The pieces that read a row of some samples."""
    return [
        (n, k)
        for n, k in PIECES
        if not set(samples).isdisjoint(range(12)[n])
        and row in range(4 * k.start - padding, 4 * k.stop + 2 - padding)
    ]


@pytest.mark.parametrize("padding", [0, 1, 2])
@pytest.mark.parametrize("value", [1e3, 1e6, 1e20, -1e20, np.inf, np.nan])
def test_an_outlier_at_any_row_is_seen(value, padding):
    ordinary = np.random.default_rng(3).standard_normal((12, 21 - 2 * (padding - 1), 9, 8)).astype(np.float32)
    for row in range(ordinary.shape[1]):
        images = ordinary.copy()
        images[row % 12, row, row % 9, row % 8] = value
        assert refused(images, padding) == that_read(row, [row % 12], padding)


@pytest.mark.parametrize("period", range(2, 10))
@pytest.mark.parametrize("axis", [1, 2])
def test_stripes_of_every_period_are_seen(period, axis):
    images = np.random.default_rng(4).standard_normal((12, 19, 13, 8)).astype(np.float32)
    for phase in range(period):
        striped = images.copy()
        np.moveaxis(striped, axis, 0)[phase::period] = 1e6
        met = [
            (n, k)
            for n, k in PIECES
            if axis == 2
            or any(r % period == phase for r in range(max(0, 4 * k.start - 1), min(19, 4 * k.stop + 1)))
        ]
        assert refused(striped) == met


def test_the_screen_takes_other_columns_in_other_rows():
    images = np.random.default_rng(8).standard_normal((64, 9, 32, 8)).astype(np.float32)
    piece = slice(0, 64), slice(0, 3)
    for phase in range(8):
        striped = images.copy()
        striped[:, :, phase::8] = 1e6
        assert judged(striped, 1, 4, [piece]) == [False]


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e15])
@pytest.mark.parametrize(
    "kind", ["normal", "rectified", "mostly zero rows", "strided", "unlike samples", "zero samples"]
)
def test_ordinary_pieces_are_in_order(kind, scale):
    images = np.random.default_rng(5).standard_normal((12, 19, 13, 16)).astype(np.float32)
    if kind == "rectified":
        images = np.maximum(images, 0)
    elif kind == "mostly zero rows":
        images[:, ::2] = 0
    elif kind == "strided":
        images = np.ascontiguousarray(images.transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1)
    elif kind == "unlike samples":  # as gradients are
        images *= np.logspace(-4, 0, 12, dtype=np.float32)[:, None, None, None]
    elif kind == "zero samples":
        images[1::2] = 0
    images *= np.float32(scale)
    assert refused(images) == []
    images[4, 10, 6, 3] = 1e4 * scale
    assert refused(images) == that_read(10, [4])


def test_numbers_whose_squares_leave_the_range_are_not_in_order():
    images = np.random.default_rng(5).standard_normal((12, 19, 13, 16)).astype(np.float32)
    for scale in (1e-25, 1e20):
        assert refused(images * np.float32(scale)) == PIECES


def test_the_typical_size_is_that_of_each_sample():
    """A large value of a small sample, beside samples for which it is ordinary."""
    images = np.random.default_rng(6).standard_normal((12, 19, 13, 16)).astype(np.float32)
    images[6] *= np.float32(1e-4)
    images[6, 9, 6] = 1
    assert refused(images) == that_read(9, [6])


@pytest.mark.parametrize("share", [0.5, 0.8, 0.9])
def test_one_sample_of_fill_values_among_ordinary_ones(share):
    """The pixels that are taken of it may all be filled: the other samples tell what is ordinary."""
    images = np.random.default_rng(9).standard_normal((12, 19, 13, 8)).astype(np.float32)
    for index in range(12):
        filled = images.copy()
        filled[index, :, : int(13 * share)] = 1e7
        assert refused(filled) == [piece for piece in PIECES if index in range(12)[piece[0]]]


@pytest.mark.parametrize("value", [1e3, 1e20, np.inf, np.nan])
def test_a_sample_of_zeros_hides_no_outlier_of_another_sample(value):
    images = np.random.default_rng(10).standard_normal((12, 19, 13, 8)).astype(np.float32)
    images[::4] = 0
    images[6, 9, 6, 3] = value
    assert refused(images) == that_read(9, [6])


def test_strips_outside_of_the_image_and_no_images():
    for images in (
        np.random.default_rng(1).random((2, 5, 5, 4), np.float32),
        np.ones((0, 5, 5, 4), np.float32),
    ):
        pieces = [(slice(0, len(images)), slice(0, 1)), (slice(0, len(images)), slice(3, 4))]
        assert judged(images, -2, 4, pieces) == [True, True]


def strokes(generator, samples):
    """As a layer makes them of digits: a fifth of the pixels is two thousand times as large as the rest."""
    images = generator.standard_normal((samples, 28, 28, 16)).astype(np.float32)
    images *= np.float32(4e-3)
    images[:, 4:24, 10:18] *= np.float32(2e3)
    return images * np.logspace(-4, 0, samples, dtype=np.float32)[:, None, None, None]  # as gradients differ


@pytest.mark.parametrize("algorithm", ["F(4x4, 3x3)", "F(7x1, 3x1)"])
def test_large_values_that_are_common_stay_with_the_fast_algorithm(monkeypatch, algorithm):
    generator = np.random.default_rng(11)
    images, weight = strokes(generator, 16), generator.standard_normal((16, 16, 3, 3)).astype(np.float32)
    exact = []
    monkeypatch.setattr(ExactPieces, "write", lambda *a: exact.append(a))
    x = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    with override(algorithm):
        y = convolution(x, weight, (1, 1), (1, 1), (1, 1), 1)
    assert not exact
    expected = torch.conv2d(*(torch.from_numpy(a.astype(np.float64)) for a in (x, weight)), padding=1).numpy()
    largest = np.abs(expected).max(axis=(1, 2, 3), keepdims=True)
    assert (np.abs(y - expected) <= 1e-5 * largest).all()  # of each sample
    background = np.abs(expected)[..., :8].std(axis=(1, 2, 3), keepdims=True)
    assert (np.abs(y - expected)[..., :8] <= 3e-2 * background).all()


@pytest.mark.parametrize("value", [1e4, 1e6, np.nan])
def test_common_large_values_hide_no_outlier(value):
    images = strokes(np.random.default_rng(12), 4)
    images[:, 14, 14] *= np.float32(value)
    piece = slice(0, 4), slice(0, 4)
    assert judged(images, 1, 7, [piece]) == [False]


@pytest.mark.parametrize("padding", [0, 2])
def test_fill_values_everywhere_but_at_the_border(padding):
    """With a padding of 2 the outputs at the border read one row or column alone."""
    generator = np.random.default_rng(7)
    x = generator.standard_normal((2, 8, 9, 12)).astype(np.float32)
    weight = generator.standard_normal((8, 8, 3, 3)).astype(np.float32)
    x[:, :, : -1 if padding else -3, :] = 1e12
    expected = torch.conv2d(*(torch.from_numpy(a.astype(np.float64)) for a in (x, weight)), padding=padding)
    with override("F(4x1, 3x1)"):
        y = convolution(x, weight, (1, 1), (padding, padding), (1, 1), 1)
    np.testing.assert_allclose(y[:, :, -1], expected[:, :, -1], atol=1e-4)


@pytest.mark.parametrize("fill", [1e6, 1e10, "beside zeros"])
@pytest.mark.parametrize("algorithm", ["F(4x4, 3x3)", "F(7x1, 3x1)"])
def test_a_few_ordinary_pixels_among_equal_fill_values(algorithm, fill):
    """Nine of 1296 pixels are ordinary; at most of these places none of them is looked at."""
    generator = np.random.default_rng(13)
    weight = generator.standard_normal((8, 8, 3, 3)).astype(np.float32)
    for row, column in ((4, 5), (12, 30), (21, 9), (31, 20)):
        x = np.full((1, 8, 36, 36), 1e7 if fill == "beside zeros" else fill, np.float32)
        if fill == "beside zeros":
            x[:, :, :, ::2] = 0
        hole = generator.standard_normal((8, 3, 3)).astype(np.float32)
        x[0, :, row - 1 : row + 2, column - 1 : column + 2] = hole
        with override(algorithm):
            y = convolution(x, weight, (1, 1), (1, 1), (1, 1), 1)[0, :, row, column]
        np.testing.assert_allclose(y, np.einsum("kcij,cij->k", weight, hole, dtype=np.float64), atol=1e-4)


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


def test_a_sum_of_squares_tells_what_is_not_finite():
    assert all_finite(np.ones((2, 3))) and not all_finite(np.array([1, np.nan]))
    assert not all_finite(np.array([np.inf, -np.inf])) and not all_finite(np.full((4, 4), np.inf)[::2, ::2])


def test_the_check_is_what_keeps_outliers_apart(monkeypatch):
    """Without it the results beside an outlier are wrong: the tests above can fail."""
    monkeypatch.setattr(Screen, "in_order", lambda screen: np.ones(len(screen._starts), bool))
    x, weight = np.ones((1, 8, 16, 16), np.float32), np.ones((8, 8, 3, 3), np.float32)
    x[0, 0, 8, 8] = 1e6
    with override("F(7x1, 3x1)"):
        y = convolution(x, weight, (1, 1), (1, 1), (1, 1), 1)
    assert np.abs(y[:, :, 12, 8] - 72).max() > 1e-2
