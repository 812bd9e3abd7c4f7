"""Every fast convolution against PyTorch in float64, each with its tolerance, on any number of threads."""

from contextlib import nullcontext
from functools import lru_cache

import numpy as np
import pytest
import torch

from cnn_physics77.core.kernels.convolution import (
    convolution,
    convolution_input_gradient,
    convolution_weight_gradient,
    nhwc_windows,
    reference,
    sum_of_parts,
    winograd_1d,
)
from cnn_physics77.core.kernels.convolution.algorithm import (
    FORWARD,
    INPUT_GRADIENT,
    Algorithm,
    Problem,
    has_avx512,
)
from cnn_physics77.core.kernels.convolution.dispatch import ALGORITHMS, choose, override
from cnn_physics77.core.kernels.convolution.nhwc_windows import NHWCWindows
from cnn_physics77.core.kernels.convolution.select import select
from cnn_physics77.core.kernels.convolution.shapes import convolution_shapes
from cnn_physics77.core.kernels.gemm import matmul
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

NAMES = [algorithm.name for algorithm in ALGORITHMS]

# Root mean square error in float32 over the standard deviation of the result; "exact" algorithms share one.
TOLERANCE = {
    "F(2x2, 3x3)": 6e-7,
    "F(4x4, 3x3)": 1.5e-6,
    "F(5x5, 3x3)": 3e-6,
    "F(6x6, 3x3)": 6e-6,
    "F(4x1, 3x1)": 1e-6,
    "F(5x1, 3x1)": 1.5e-6,
    "F(6x1, 3x1)": 2e-6,
    "F(7x1, 3x1)": 3e-6,
    "F(8x1, 3x1)": 6e-6,
    "F(4x1, 5x1)": 1e-6,
    "F(5x1, 5x1)": 1.5e-6,
    "F(6x1, 5x1)": 2e-6,
}
EXACT = 6e-7


def pairs():
    for algorithm in ALGORITHMS:
        for case in CASES:
            shapes = convolution_shapes(*case)
            problem = Problem(INPUT_GRADIENT, shapes, np.dtype(float))
            if algorithm.does(problem) or len(shapes.kernel_size) == 1:
                yield pytest.param(algorithm.name, case, id=f"{algorithm.name} {case}")


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
    monkeypatch.setattr(winograd_1d, "PIECE_BYTES", 4000)
    monkeypatch.setattr(winograd_1d, "SUM_BYTES", 4000)
    monkeypatch.setattr(winograd_1d, "LEAST_RUNS", 1)
    monkeypatch.setattr(winograd_1d, "LONG_SUM", 0)  # else tap by tap
    monkeypatch.setattr(winograd_1d, "MOST_BLOCKS", 1)  # of many pieces
    monkeypatch.setattr(sum_of_parts, "MOST_PARTS", 1)


def data(case, dtype):
    x_shape, weight_shape, *rest = case
    shapes = convolution_shapes(*case)
    generator = np.random.default_rng(0)
    g_shape = shapes.batch, shapes.out_channels, *shapes.output_size
    operands = x_shape, weight_shape, g_shape, (shapes.out_channels,)
    return *(generator.standard_normal(shape).astype(dtype) for shape in operands), rest


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


@pytest.mark.parametrize("algorithm", ["im2col_nhwc", "im2col_nchw", "by_group", "depthwise"])
def test_complex_arrays(algorithm):
    case = CASES[{"by_group": 15, "depthwise": 12}.get(algorithm, 0)]
    x, weight, g, bias, rest = data(case, np.complex128)
    x, weight, g = x + 1j * x[::-1], weight * (1 - 2j), g + 1j * g[:, ::-1]
    with override("im2col_plain"):
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


@pytest.mark.parametrize("algorithm", NAMES)
def test_nothing_is_read_that_an_earlier_call_left_in_scratch_memory(algorithm):
    x, weight, g, bias, rest = data(((3, 5, 9, 11), (4, 5, 3, 3), (1, 1), (1, 1), (1, 1), 1), np.float64)
    larger = data(((4, 6, 12, 13), (6, 6, 3, 3), (1, 1), (1, 1), (1, 1), 1), np.float64)
    expected = torch_maps(x, weight, g, bias, rest)
    with override(algorithm):
        three_maps(*(np.full_like(a, np.nan) for a in larger[:4]), rest)
        for result, exact in zip(three_maps(x, weight, g, bias, rest), expected):
            np.testing.assert_allclose(result, exact, rtol=1e-11, atol=1e-11)


@lru_cache
def beside_what_is_not_finite(value, of, stride, groups):
    """Operands with ``value`` in one of them, and the three maps as loops over what the kernel reaches."""
    rest = (stride, stride), (1, 1), (1, 1), groups
    x, weight, g, bias, _ = data(((2, 4, 5, 6), (4, 4 // groups, 3, 3), *rest), np.float64)
    operands = {"x": x, "weight": weight, "g": g}
    operands[of][1, 0, 0, 2] = operands[of][1, -1, 2, -1] = value
    with np.errstate(invalid="ignore"):
        y = reference.convolution(x, weight, *rest) + bias[:, None, None]
        dx = reference.convolution_input_gradient(g, weight, x.shape[2:], *rest)
        dw = reference.convolution_weight_gradient(g, x, weight.shape[2:], *rest)
    return (x, weight, g, bias, rest), (y, dx, dw)


@pytest.mark.parametrize("algorithm", ["chosen", *NAMES])
@pytest.mark.parametrize("value", [np.inf, np.nan])
@pytest.mark.parametrize("stride, groups", [(1, 1), (2, 1), (1, 4)])
def test_what_is_not_finite_meets_only_what_the_kernel_reaches(algorithm, value, stride, groups):
    for of in ("x", "weight", "g"):
        operands, expected = beside_what_is_not_finite(value, of, stride, groups)
        with nullcontext() if algorithm == "chosen" else override(algorithm):
            for result, exact in zip(three_maps(*operands), expected):
                np.testing.assert_allclose(result, exact, rtol=1e-11, atol=1e-11)


def test_arrays_of_two_dtypes_are_promoted_by_numpy():
    x, weight, g, _, rest = data(CASES[0], np.float32)
    y, dx, dw = three_maps(x, weight.astype(np.float64), g, None, rest)
    assert y.dtype == dx.dtype == np.float64 and dw.dtype == np.float32


@pytest.mark.parametrize(
    "sizes, dtype, last, algorithm",
    [
        (((64, 1, 28, 28), (8, 1, 3, 3), (1, 1), (0, 0), (1, 1), 1), "f", False, "im2col_nchw"),
        (((64, 32, 28, 28), (32, 32, 3, 3), (1, 1), (1, 1), (1, 1), 1), "f", True, "F(7x1, 3x1)"),
        (((64, 32, 28, 28), (32, 32, 3, 3), (1, 1), (1, 1), (1, 1), 1), "d", True, "im2col_nhwc"),
        (((64, 32, 28, 28), (32, 32, 3, 3), (2, 2), (1, 1), (1, 1), 1), "f", True, "im2col_nhwc"),
        (((64, 32, 28, 28), (32, 32, 5, 5), (1, 1), (2, 2), (1, 1), 1), "f", True, "F(6x1, 5x1)"),
        (((64, 32, 28, 28), (32, 32, 1, 1), (1, 1), (0, 0), (1, 1), 1), "f", False, "im2col_nchw"),
        (((64, 32, 28, 28), (32, 1, 3, 3), (1, 1), (1, 1), (1, 1), 32), "f", True, "depthwise"),
        (((64, 32, 28, 28), (32, 8, 3, 3), (1, 1), (1, 1), (1, 1), 4), "f", True, "by_group"),
        (((64, 32, 28, 28), (64, 1, 3, 3), (1, 1), (1, 1), (1, 1), 32), "f", True, "im2col_plain"),
        (((0, 32, 28, 28), (32, 32, 3, 3), (1, 1), (1, 1), (1, 1), 1), "f", True, "im2col_plain"),
        (((2, 3, 5, 5, 5), (4, 3, 3, 3, 3), (1,) * 3, (1,) * 3, (1,) * 3, 1), "f", True, "im2col_plain"),
        (((2, 3, 5, 5), (4, 3, 3, 3), (1, 1), (1, 1), (1, 1), 1), "e", True, "im2col_plain"),
    ],
)
def test_the_choice_and_its_reason(sizes, dtype, last, algorithm):
    choice = choose(FORWARD, convolution_shapes(*sizes), np.dtype(dtype), last)
    assert choice.algorithm.name == algorithm
    assert str(choice) == f"forward: {algorithm}, {choice.reason}"


@pytest.mark.parametrize(
    "found, wide",
    [
        ({"found": ["X86_V3", "X86_V4"]}, True),
        ({"found": ["AVX512F"]}, True),
        ({"found": ["X86_V3"], "not found": ["X86_V4"]}, False),
        ({"not found": ["X86_V3", "X86_V4"]}, False),
    ],
)
def test_transforms_are_cheap_with_avx512(monkeypatch, found, wide):
    monkeypatch.setattr(np, "show_config", lambda mode: {"SIMD Extensions": found})
    has_avx512.cache_clear()
    try:
        assert has_avx512() == wide
        # with few channels the transforms decide
        shapes = convolution_shapes((64, 6, 14, 14), (16, 6, 5, 5), (1, 1), (0, 0), (1, 1), 1)
        problem = Problem(INPUT_GRADIENT, shapes, np.dtype(np.float32))
        expected = "F(5x1, 5x1)" if wide else "banded"
        assert select(problem, ALGORITHMS).algorithm.name == expected
    finally:
        has_avx512.cache_clear()


def test_the_least_cost_is_taken_and_a_larger_error_must_bring_a_fifth():
    problem = Problem(FORWARD, convolution_shapes(*CASES[0]), np.dtype(np.float32))

    def algorithm(name, cost, exact=True, able=True, **maps):
        return Algorithm(name, lambda _: able, lambda _: cost, exact=exact, **(maps or {"forward": print}))

    exact, slow = algorithm("exact", 1.0), algorithm("slow", 2.0)
    assert select(problem, [slow, exact]).algorithm is exact
    assert select(problem, [exact, algorithm("other map", 0.1, input_gradient=print)]).algorithm is exact
    assert select(problem, [exact, algorithm("unable", 0.1, able=False)]).algorithm is exact
    assert select(problem, [exact, algorithm("inexact", 0.81, exact=False)]).algorithm is exact
    inexact = algorithm("inexact", 0.79, exact=False)
    choice = select(problem, [exact, inexact])
    assert choice.algorithm is inexact
    assert str(choice) == "forward: inexact, least estimated time: inexact 0.79 ms, exact 1 ms"
    never = [algorithm("first", float("inf")), algorithm("second", float("inf"))]
    assert str(select(problem, never)) == "forward: first, no other is as fast"
    assert str(select(problem, [exact, slow], wanted="slow")) == "forward: slow, by override"


def test_override_holds_inside_and_where_it_applies():
    fits, strided = (convolution_shapes(*CASES[i]) for i in (0, 7))
    dtype = np.dtype(float)

    def chosen(shapes):
        return choose(FORWARD, shapes, dtype).algorithm.name

    with override("F(4x4, 3x3)"):
        assert str(choose(FORWARD, fits, dtype)) == "forward: F(4x4, 3x3), by override"
        assert chosen(strided) == "im2col_nhwc"
        with override("im2col_plain"):
            assert chosen(fits) == "im2col_plain"
        assert chosen(fits) == "F(4x4, 3x3)"
    assert chosen(fits) == "im2col_nhwc"
    with (
        pytest.raises(ValueError, match=r"override: expected one of im2col_plain, .*found 'fastest'"),
        override("fastest"),
    ):
        pass


def test_bits_of_the_plain_algorithm_do_not_depend_on_who_holds_blas():
    generator = np.random.default_rng(0)
    x, g = (generator.standard_normal((4, c, 12, 12, 12)).astype(np.float32) for c in (8, 16))
    arguments = (g, x, (3, 3, 3), (1, 1, 1), (1, 1, 1), (1, 1, 1), 1)
    free = convolution_weight_gradient(*arguments)
    held = blas.in_one_thread(convolution_weight_gradient, *arguments)
    np.testing.assert_array_equal(free, held)


def test_other_work_while_an_input_gradient_gathers_its_phases_is_done_at_once(monkeypatch):
    """As a signal's handler may begin it in between."""
    a, seen = np.ones((1024, 1024), np.float32), []

    def windows(*sizes):
        seen.append(bool((matmul(a, a) == 1024).all()))  # now, not when all has been done
        return NHWCWindows(*sizes)

    monkeypatch.setattr(nhwc_windows, "NHWCWindows", windows)
    g, weight = np.ones((2, 8, 64, 64)), np.ones((8, 8, 3, 3))
    convolution_input_gradient(g, weight, (128, 128), (2, 2), (1, 1), (1, 1), 1)
    assert seen == [True] * 4  # one for each phase
