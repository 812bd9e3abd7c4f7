"""Passes over large arrays are shared among the threads, and give what NumPy gives."""

import threading

import numpy as np
import pytest

import cnn_physics77 as torch
from cnn_physics77.core.kernels import elementwise

N = elementwise.LARGE


pytestmark = pytest.mark.usefixtures("two_threads")


def arrays(dtype):
    """Pairs of large arrays: alike, channels-last, of different orders, with holes, broadcast."""
    rng = np.random.default_rng(3)
    a, b = (rng.standard_normal((4, 8, 128, 128)).astype(dtype) for _ in range(2))
    last = a.transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2)
    yield a, b
    yield last, b.transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2)
    yield last, b
    yield a[:, ::2], b[:, ::2]
    yield a, np.broadcast_to(b[:1], b.shape)
    yield a, b.astype(np.float16)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("function", [np.add, np.multiply, np.divide, np.maximum])
def test_shared_is_the_ufunc(function, dtype):
    for a, b in arrays(dtype):
        with np.errstate(all="ignore"):
            expected = function(a, b)
        found = elementwise.shared(function, a, b)
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == expected.dtype and found.strides == expected.strides


def test_add_into_either_operand():
    for a, b in arrays(np.float32):
        expected = np.add(a, b, dtype=np.float32)
        first, second = a.copy(order="K"), b.astype(np.float32)
        elementwise.add_into(first, b, out=first)
        elementwise.add_into(a, second, out=second)
        np.testing.assert_array_equal(first, expected)
        np.testing.assert_array_equal(second, expected)


@pytest.mark.parametrize("size, threads", [(N, 2), (N - 1, 1)])
def test_from_which_size_on_both_threads_work(size, threads):
    a = np.zeros(size, np.float32)
    if threads == 1:
        assert not elementwise._share(a)
        return
    names, both = set(), threading.Event()

    def function(a, out):
        names.add(threading.current_thread().name)
        if len(names) == 2:
            both.set()
        assert both.wait(20)  # else the caller may do both blocks before a sleeping worker is awake
        np.exp(a, out=out)

    np.testing.assert_array_equal(elementwise.elementwise(function, elementwise.NANOSECONDS, a), 1.0)
    assert len(names) == 2


def test_no_thread_warns_of_infinities():
    a = np.full(2 * N, np.inf)
    assert np.isnan(elementwise.shared(np.subtract, a, a)).all()  # warnings are errors in tests


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["erfinv", "erfc", "lgamma", "digamma", "sinc", "nan_to_num", "angle"])
def test_pieces_are_those_of_short_arrays(name, dtype):
    """Many elements are computed in pieces; each piece as if it were alone."""
    x = np.random.default_rng(0).normal(size=(3, elementwise.PIECE + 5)).astype(dtype)
    x[0, :4] = np.nan, np.inf, -np.inf, 0
    function = getattr(torch, name)
    found = function(torch.from_numpy(x.T)).numpy()
    parts = [function(torch.from_numpy(row[start : start + 50])) for row in x for start in range(0, 300, 50)]
    expected = np.concatenate([part.numpy() for part in parts]).reshape(3, 300)
    np.testing.assert_array_equal(found[:300].T, expected)
    assert found.dtype == x.dtype


@pytest.mark.parametrize("shapes", [((2, 3000), ()), ((), (3, 3000)), ((2, 1), (3000,)), ((), ())], ids=str)
def test_pieces_broadcast(shapes):
    a, b = (torch.from_numpy(np.random.default_rng(0).uniform(2, 3, shape)) for shape in shapes)
    found = torch.special.zeta(a, b)
    whole = torch.broadcast_tensors(a, b)
    assert found.shape == whole[0].shape
    for index in (0, found.numel() // 2, found.numel() - 1):
        single = torch.special.zeta(*(x.reshape(-1)[index] for x in whole))
        assert found.reshape(-1)[index] == single


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["logaddexp", "logaddexp2"])
@pytest.mark.filterwarnings("ignore:invalid value")
def test_logarithms_of_sums_of_many(name, dtype):
    a, b = np.random.default_rng(0).normal(0, 30, (2, 3, elementwise.SMALL)).astype(dtype)
    a[0, :5], b[0, :5] = [np.inf, -np.inf, np.inf, np.nan, 1], [np.inf, -np.inf, -np.inf, 1, 1]
    found = getattr(torch, name)(torch.from_numpy(a), torch.from_numpy(b)).numpy()
    expected = getattr(np, name)(a.astype(np.longdouble), b.astype(np.longdouble))
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(found, expected, rtol=4 * eps, atol=4 * eps)
