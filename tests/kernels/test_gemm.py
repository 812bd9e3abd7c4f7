"""Products cut into blocks: the values of numpy.matmul, the same bits for any number of threads."""

import numpy as np
import pytest
import threadpoolctl

from cnn_physics77.core.kernels.gemm import matmul
from cnn_physics77.core.kernels.runtime.pool import get_num_threads, set_num_threads

SHAPES = [
    ((3, 4), (4, 5)),
    ((40, 33), (33, 50)),
    ((1, 100), (100, 100)),
    ((100, 300), (300, 1)),
    ((64, 5408), (5408, 128)),
    ((64, 128), (128, 5408)),
    ((128, 64), (64, 5408)),
    ((700, 512), (512, 400)),
    ((1, 5408), (5408, 128)),
    ((1001, 600), (600, 37)),
    ((700, 1), (1, 5000)),
    ((2000, 700), (700, 300)),
    ((8, 300, 200), (8, 200, 300)),
    ((5, 3, 200, 200), (3, 200, 201)),
    ((9, 300, 200), (200, 300)),
    ((1, 2, 300, 600), (2, 600, 300)),
    ((4, 300), (300,)),
    ((300,), (2, 300, 3)),
    ((300,), (300,)),
    ((0, 5), (5, 3)),
    ((2, 0), (0, 3)),
    ((0, 4, 5), (0, 5, 6)),
    ((2, 3, 0, 5), (5, 4)),
]


@pytest.fixture
def one_to_three_threads():
    """Numbers of threads, each set while it is the current one."""
    before = get_num_threads()

    def numbers():
        for count in (1, 2, 3):
            set_num_threads(count)
            yield count

    yield numbers()
    set_num_threads(before)


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64])
def test_matmul_is_numpys_and_its_bits_do_not_depend_on_the_threads(shapes, dtype, one_to_three_threads):
    generator = np.random.default_rng(0)
    a, b = (generator.standard_normal(shape) for shape in shapes)
    if dtype == np.complex64:
        a, b = a + 1j * a[..., ::-1], b - 1j * b[..., ::-1]
    exact = a @ b
    a, b = a.astype(dtype), b.astype(dtype)
    results = [matmul(a, b) for _ in one_to_three_threads]
    set_num_threads(1)
    for of_blas in (1, 2):
        with threadpoolctl.threadpool_limits(of_blas, user_api="blas"):
            results.append(matmul(a, b))
    assert results[0].shape == exact.shape and results[0].dtype == dtype
    relative = 1e-12 if dtype == np.float64 else 2e-6
    scale = relative * np.sqrt(a.shape[-1] + 1)
    np.testing.assert_allclose(results[0], exact, rtol=scale, atol=scale)
    for other in results[1:]:
        np.testing.assert_array_equal(other, results[0])


@pytest.mark.parametrize(
    "shapes", [pair for pair in SHAPES if [len(shape) for shape in pair] == [2, 2]], ids=str
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64])
def test_a_bias_is_added_to_every_row(shapes, dtype, one_to_three_threads):
    generator = np.random.default_rng(0)
    a, b, bias = (generator.integers(-9, 9, shape).astype(dtype) for shape in (*shapes, shapes[1][1:]))
    a.setflags(write=False)
    out = np.empty((len(a), len(bias)), dtype)
    expected = a @ b + bias  # whole numbers: exact in every order
    for _ in one_to_three_threads:
        for given in (None, out):
            result = matmul(a, b, given, bias=bias)
            np.testing.assert_array_equal(result, expected)
            assert result.dtype == dtype and (given is None or result is out)


def test_a_bias_that_does_not_fit_is_an_error():
    a = np.ones((2, 3))
    with pytest.raises(ValueError, match=r"a bias of shape \(4,\), found \(1,\)"):
        matmul(a, np.ones((3, 4)), bias=np.ones(1))
    with pytest.raises(ValueError, match="two matrices with a bias"):
        matmul(a[None], np.ones((3, 4)), bias=np.ones(4))


def test_transposed_strided_and_read_only_factors_and_out():
    generator = np.random.default_rng(1)
    a = generator.standard_normal((1400, 800)).T[::2]  # (400, 1400)
    b = generator.standard_normal((900, 1400)).T
    b.flags.writeable = False
    expected = np.array(a) @ np.array(b)
    np.testing.assert_allclose(matmul(a, b), expected, rtol=1e-10, atol=1e-10)
    out = np.zeros((900, 400)).T
    assert matmul(a, b, out=out) is out
    np.testing.assert_allclose(out, expected, rtol=1e-10, atol=1e-10)


def test_integers_take_numpys_own_loop():
    a = np.arange(6).reshape(2, 3)
    np.testing.assert_array_equal(matmul(a, a.T), [[5, 14], [14, 50]])
    result = matmul(a, a.T, bias=np.array([1, 2]))
    np.testing.assert_array_equal(result, [[6, 16], [15, 52]])
    assert result.dtype == a.dtype


@pytest.mark.parametrize(
    "shapes",
    [
        ((2, 3), (4, 5)),
        ((700, 1), (700, 5000)),
        ((900, 900), (901, 900)),
        ((9, 200, 300), (9, 200, 300)),
        ((3,), (4,)),
    ],
)
def test_sizes_that_do_not_fit_are_an_error(shapes):
    with pytest.raises(ValueError, match="mismatch"):
        matmul(*map(np.ones, shapes))
