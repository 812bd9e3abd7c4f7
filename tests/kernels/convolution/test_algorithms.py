"""Every fast convolution against PyTorch in float64, each with its tolerance, on any number of threads."""

from contextlib import nullcontext

import numpy as np
import pytest
import torch

from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.kernels import pixel_windows, winograd_rows
from cnn_physics77.core.kernels.choose import ALGORITHMS, FORWARD, INPUT_GRADIENT, applies, choose, override
from cnn_physics77.core.kernels.convolution import (
    convolution,
    convolution_input_gradient,
    convolution_weight_gradient,
)
from cnn_physics77.core.kernels.geometry import geometry
from cnn_physics77.core.kernels.pixel_windows import Windows
from cnn_physics77.core.kernels.products import matmul
from cnn_physics77.core.kernels.runtime import tiling
from cnn_physics77.core.kernels.runtime.blas import blas
from cnn_physics77.core.kernels.runtime.pool import get_num_threads, set_num_threads

# (x shape, weight shape, stride, padding, dilation, groups)
CASES = [
    ((3, 5, 9, 11), (4, 5, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    ((2, 16, 14, 14), (8, 16, 3, 3), (1, 1), (0, 2), (1, 1), 1),
    ((1, 1, 3, 3), (1, 1, 3, 3), (1, 1), (0, 0), (1, 1), 1),
    ((2, 3, 1, 2), (4, 3, 3, 3), (1, 1), (2, 1), (1, 1), 1),
    ((5, 1, 12, 10), (8, 1, 3, 3), (1, 1), (0, 0), (1, 1), 1),
    ((3, 6, 8, 8), (5, 6, 1, 1), (1, 1), (0, 0), (1, 1), 1),
    ((3, 6, 8, 9), (5, 6, 1, 1), (2, 2), (0, 1), (1, 1), 1),
    ((2, 4, 13, 12), (6, 4, 3, 3), (2, 2), (1, 1), (1, 1), 1),
    ((2, 4, 13, 12), (6, 4, 5, 4), (3, 2), (2, 0), (1, 1), 1),
    ((2, 4, 13, 12), (6, 4, 3, 3), (2, 3), (1, 1), (2, 3), 1),
    ((2, 4, 13, 12), (6, 4, 3, 2), (4, 6), (2, 1), (6, 4), 1),
    ((1, 4, 9, 9), (3, 4, 2, 2), (5, 5), (0, 0), (1, 1), 1),  # pixels that no window reads
    ((2, 6, 10, 9), (6, 1, 3, 3), (1, 1), (1, 1), (1, 1), 6),
    ((2, 6, 10, 9), (6, 1, 3, 5), (2, 1), (0, 2), (1, 2), 6),
    ((2, 6, 10, 9), (12, 1, 3, 3), (1, 1), (1, 1), (1, 1), 6),
    ((2, 6, 10, 9), (9, 2, 3, 3), (1, 1), (1, 1), (1, 1), 3),
    ((2, 4, 20), (6, 2, 5), (2,), (2,), (1,), 2),
    ((2, 4, 20), (6, 4, 3), (1,), (1,), (3,), 1),
    ((3, 4, 13, 12), (6, 4, 5, 5), (1, 1), (2, 0), (1, 1), 1),
    ((2, 4, 9, 12), (3, 4, 5, 2), (1, 1), (4, 1), (1, 1), 1),
    ((2, 4, 9, 12), (3, 4, 3, 1), (1, 1), (1, 0), (1, 1), 1),
]

# Root mean square error in float32 over the standard deviation of the result; "exact" algorithms share one.
TOLERANCE = {"winograd2": 6e-7, "winograd4": 1.5e-6, "winograd5": 3e-6, "winograd6": 6e-6} | {
    "rows4": 1e-6,
    "rows5": 1.5e-6,
    "rows6": 2e-6,
    "rows7": 3e-6,
    "rows8": 6e-6,
}
EXACT = 6e-7


def pairs():
    for algorithm in ALGORITHMS:
        for case in CASES:
            q = geometry(*case, "test")
            if applies(algorithm, INPUT_GRADIENT, q, np.dtype(float)) or len(q.kernel_size) == 1:
                yield pytest.param(algorithm, case, id=f"{algorithm} {case}")


def channels_last(a):
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(a, 1, -1)), -1, 1)


def three_maps(x, weight, g, bias, rest):
    return (
        convolution(x, weight, *rest, bias=bias),
        convolution_input_gradient(g, weight, x.shape[2:], *rest),
        convolution_weight_gradient(g, x, weight.shape[2:], *rest),
    )


def torch_maps(x, weight, g, bias, rest):
    tx, tw, tb, tg = (torch.from_numpy(np.array(a, np.float64)) for a in (x, weight, bias, g))
    tx.requires_grad_(), tw.requires_grad_()
    operation = {3: torch.conv1d, 4: torch.conv2d}[x.ndim]
    y = operation(tx, tw, tb, *rest)
    y.backward(tg)
    return y.detach().numpy(), tx.grad.numpy(), tw.grad.numpy()


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks so small that every case is cut along samples and rows."""
    monkeypatch.setattr(tiling, "BLOCK_BYTES", 4000)
    monkeypatch.setattr(winograd_rows, "PIECE_BYTES", 4000)
    monkeypatch.setattr(winograd_rows, "SUM_BYTES", 4000)
    monkeypatch.setattr(winograd_rows, "LEAST_RUNS", 1)
    monkeypatch.setattr(winograd_rows, "LONG_SUM", 0)  # else tap by tap
    monkeypatch.setattr(winograd_rows, "MOST_BLOCKS", 1)  # of many pieces
    monkeypatch.setattr(winograd_rows, "MOST_PARTIAL_SUMS", 1)


def data(case, dtype):
    x_shape, weight_shape, *rest = case
    q = geometry(*case, "test")
    generator = np.random.default_rng(0)
    shapes = (x_shape, weight_shape, (q.batch, q.out_channels, *q.output_size), (q.out_channels,))
    return *(generator.standard_normal(shape).astype(dtype) for shape in shapes), rest


@pytest.mark.parametrize("algorithm, case", list(pairs()))
@pytest.mark.parametrize("cut", [False, True], ids=["whole", "cut"])
def test_every_algorithm_is_torch(algorithm, case, cut, request):
    if cut:
        request.getfixturevalue("small_blocks")
    x, weight, g, bias, rest = data(case, np.float64)
    expected = torch_maps(x, weight, g, bias, rest)
    with override(algorithm):
        for order in (np.ascontiguousarray, channels_last, lambda a: a[:, ::-1][:, ::-1]):
            inputs = [order(x), weight, order(g), bias]
            for a in inputs:
                a.flags.writeable = False
            for result, exact in zip(three_maps(*inputs, rest), expected):
                assert result.shape == exact.shape and result.dtype == np.float64
                np.testing.assert_allclose(result, exact, rtol=1e-11, atol=1e-11)
                assert result.flags.writeable and not any(np.shares_memory(result, a) for a in inputs)
        inputs = [a.astype(np.float32) for a in (x, weight, g, bias)]
        for result, exact in zip(three_maps(*inputs, rest), expected):
            assert result.dtype == np.float32
            error = np.sqrt(np.mean((result - exact) ** 2)) / max(exact.std(), 1.0)
            assert error < TOLERANCE.get(algorithm, EXACT)


@pytest.mark.parametrize("algorithm, case", list(pairs()))
def test_bits_do_not_depend_on_the_number_of_threads(algorithm, case, small_blocks):
    x, weight, g, bias, rest = data(case, np.float32)
    before = get_num_threads()
    results = []
    try:
        with override(algorithm):
            for threads in (1, 2, 3):
                set_num_threads(threads)
                results.append(three_maps(channels_last(x), weight, channels_last(g), bias, rest))
    finally:
        set_num_threads(before)
    for one, more in zip(results[0], zip(*results[1:])):
        for other in more:
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("shape", [(64, 1, 28, 28, 8, 0), (32, 16, 32, 32, 16, 1), (16, 32, 14, 14, 32, 1)])
def test_large_maps_have_the_same_bits_with_one_and_two_threads(shape):
    batch, channels, height, width, out_channels, padding = shape
    case = (
        (batch, channels, height, width),
        (out_channels, channels, 3, 3),
        (1, 1),
        (padding,) * 2,
        (1, 1),
        1,
    )
    x, weight, g, bias, rest = data(case, np.float32)
    before = get_num_threads()
    try:
        set_num_threads(2)
        two = three_maps(x, weight, g, bias, rest)
        set_num_threads(1)
        one = three_maps(x, weight, g, bias, rest)
    finally:
        set_num_threads(before)
    for a, b in zip(one, two):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("algorithm", ["channels_last", "slabs", "by_group", "depthwise"])
def test_complex_arrays(algorithm):
    case = CASES[{"by_group": 15, "depthwise": 12}.get(algorithm, 0)]
    x, weight, g, bias, rest = data(case, np.complex128)
    x, weight, g = x + 1j * x[::-1], weight * (1 - 2j), g + 1j * g[:, ::-1]
    with override("plain"):
        expected = three_maps(x, weight, g, bias, rest)
    with override(algorithm):
        for result, exact in zip(three_maps(x, weight, g, bias, rest), expected):
            np.testing.assert_allclose(result, exact, rtol=1e-11, atol=1e-11)


def test_infinity_and_nan_reach_only_the_outputs_that_read_them():
    x = np.zeros((1, 4, 9, 9))
    x[0, 2, 4, 4] = np.nan
    weight = np.ones((3, 4, 3, 3))
    y = convolution(x, weight, (1, 1), (1, 1), (1, 1), 1)
    expected = np.zeros((9, 9), bool)
    expected[3:6, 3:6] = True
    np.testing.assert_array_equal(np.isnan(y[0, 0]), expected)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_nothing_is_read_that_an_earlier_call_left_in_scratch_memory(algorithm):
    x, weight, g, bias, rest = data(((3, 5, 9, 11), (4, 5, 3, 3), (1, 1), (1, 1), (1, 1), 1), np.float64)
    larger = data(((4, 6, 12, 13), (6, 6, 3, 3), (1, 1), (1, 1), (1, 1), 1), np.float64)
    expected = torch_maps(x, weight, g, bias, rest)
    with override(algorithm):
        three_maps(*(np.full_like(a, np.nan) for a in larger[:4]), rest)
        for result, exact in zip(three_maps(x, weight, g, bias, rest), expected):
            np.testing.assert_allclose(result, exact, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("algorithm", ["chosen", *ALGORITHMS])
@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_what_is_not_finite_stays_in_its_sample(algorithm, value):
    x, weight, g, bias, rest = data(((3, 5, 9, 11), (4, 5, 3, 3), (1, 1), (1, 1), (1, 1), 1), np.float64)
    x[1, 2, 4, 5] = g[1, 1, 4, 5] = value
    expected = torch_maps(x, weight, g, bias, rest)
    with nullcontext() if algorithm == "chosen" else override(algorithm), np.errstate(invalid="ignore"):
        for result, exact in zip(three_maps(x, weight, g, bias, rest)[:2], expected):
            np.testing.assert_allclose(result[[0, 2]], exact[[0, 2]], rtol=1e-11, atol=1e-11)
            assert not np.isfinite(result[1][~np.isfinite(exact[1])]).any()
            if algorithm == "chosen":  # float64: exactly where PyTorch's are not
                np.testing.assert_array_equal(np.isfinite(result), np.isfinite(exact))


def test_arrays_of_two_dtypes_are_promoted_by_numpy():
    x, weight, g, _, rest = data(CASES[0], np.float32)
    y, dx, dw = three_maps(x, weight.astype(np.float64), g, None, rest)
    assert y.dtype == dx.dtype == np.float64 and dw.dtype == np.float32


@pytest.mark.parametrize(
    "sizes, dtype, last, algorithm, why",
    [
        (((64, 1, 28, 28), (8, 1, 3, 3), (1, 1), (0, 0), (1, 1), 1), "f", False, "slabs", "too few"),
        (((64, 32, 28, 28), (32, 32, 3, 3), (1, 1), (1, 1), (1, 1), 1), "f", True, "rows7", "least est"),
        (((64, 32, 28, 28), (32, 32, 3, 3), (1, 1), (1, 1), (1, 1), 1), "d", True, "channels_last", "exact"),
        (((64, 32, 28, 28), (32, 32, 3, 3), (2, 2), (1, 1), (1, 1), 1), "f", True, "channels_last", ""),
        (((64, 32, 28, 28), (32, 32, 1, 1), (1, 1), (0, 0), (1, 1), 1), "f", False, "slabs", "no copy"),
        (((64, 32, 28, 28), (32, 1, 3, 3), (1, 1), (1, 1), (1, 1), 32), "f", True, "depthwise", "its own"),
        (((64, 32, 28, 28), (32, 8, 3, 3), (1, 1), (1, 1), (1, 1), 4), "f", True, "by_group", "4 groups"),
        (((64, 32, 28, 28), (64, 1, 3, 3), (1, 1), (1, 1), (1, 1), 32), "f", True, "plain", "too many"),
        (((0, 32, 28, 28), (32, 32, 3, 3), (1, 1), (1, 1), (1, 1), 1), "f", True, "plain", "nothing"),
        (
            ((2, 3, 5, 5, 5), (4, 3, 3, 3, 3), (1,) * 3, (1,) * 3, (1,) * 3, 1),
            "f",
            True,
            "plain",
            "3 spatial",
        ),
        (((2, 3, 5, 5), (4, 3, 3, 3), (1, 1), (1, 1), (1, 1), 1), "e", True, "plain", "float16"),
    ],
)
def test_the_choice_and_its_reason(sizes, dtype, last, algorithm, why):
    choice = choose(FORWARD, geometry(*sizes, "test"), np.dtype(dtype), last)
    assert choice.algorithm == algorithm and why in choice.reason
    assert str(choice) == f"forward: {algorithm}, {choice.reason}"


def test_override_holds_inside_and_where_it_applies():
    fits, strided = (geometry(*CASES[i], "test") for i in (0, 7))
    dtype = np.dtype(float)
    with override("winograd4"):
        assert str(choose(FORWARD, fits, dtype)) == "forward: winograd4, by override"
        assert choose(FORWARD, strided, dtype).algorithm == "channels_last"
        with override("plain"):
            assert choose(FORWARD, fits, dtype).algorithm == "plain"
        assert choose(FORWARD, fits, dtype).algorithm == "winograd4"
    assert choose(FORWARD, fits, dtype).algorithm == "channels_last"
    with (
        pytest.raises(ValueError, match=r"override: expected one of plain, .*found 'fastest'"),
        override("fastest"),
    ):
        pass


@pytest.mark.parametrize("size", [(0, 5), (5, 0)])
def test_images_without_pixels_are_refused(size):
    with pytest.raises(ShapeError, match="at least one pixel, found input"):
        convolution(np.zeros((2, 8, *size)), np.ones((8, 8, 3, 3)), (1, 1), (2, 2), (1, 1), 1)


def test_bits_of_the_plain_algorithm_do_not_depend_on_who_holds_blas():
    generator = np.random.default_rng(0)
    x, g = (generator.standard_normal((4, c, 12, 12, 12)).astype(np.float32) for c in (8, 16))
    arguments = (g, x, (3, 3, 3), (1, 1, 1), (1, 1, 1), (1, 1, 1), 1)
    free = convolution_weight_gradient(*arguments)
    with blas:
        held = convolution_weight_gradient(*arguments)
    np.testing.assert_array_equal(free, held)


def test_other_work_while_an_input_gradient_gathers_its_phases_is_done_at_once(monkeypatch):
    """As a signal's handler may begin it in between."""
    a, seen = np.ones((1024, 1024), np.float32), []

    def windows(*sizes):
        seen.append(bool((matmul(a, a) == 1024).all()))  # now, not when all has been done
        return Windows(*sizes)

    monkeypatch.setattr(pixel_windows, "Windows", windows)
    g, weight = np.ones((2, 8, 64, 64)), np.ones((8, 8, 3, 3))
    convolution_input_gradient(g, weight, (128, 128), (2, 2), (1, 1), (1, 1), 1)
    assert seen == [True] * 4  # one for each phase
