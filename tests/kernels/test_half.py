"""Conversions between half and single precision against NumPy's, bit for bit."""

import numpy as np
import pytest

import cnn_physics77 as torch
from cnn_physics77.core.kernels import half, sums
from cnn_physics77.core.kernels.elementwise import LARGE

HALVES = np.resize(np.arange(1 << 16, dtype=np.uint16), (4, LARGE // 4 + 1)).view(np.float16)
SINGLES = np.random.default_rng(0).integers(0, 1 << 32, HALVES.shape, np.uint32).view(np.float32)


@pytest.fixture(autouse=True, params=[1, 2])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("x", "dtype"), [(HALVES, np.float32), (SINGLES, np.float16)], ids=["widen", "narrow"]
)
def test_all_numbers_in_every_order(x, dtype):
    with np.errstate(all="ignore"):
        expected = x.astype(dtype)
    for layout in (lambda a: a, np.transpose, lambda a: a[:, ::-1], lambda a: a[:2, :9]):
        found = half.converted(layout(x), np.dtype(dtype))
        assert found.dtype == dtype
        assert found.tobytes() == layout(expected).tobytes()
    assert half.converted(x.T, np.dtype(dtype)).flags.f_contiguous


def test_casts_of_tensors():
    x = torch.from_numpy(HALVES[:, :-1].copy())
    with np.errstate(all="ignore"):
        assert x.float().numpy().tobytes() == x.numpy().astype(np.float32).tobytes()
        assert (x.float() * 1.1).half().numpy().tobytes() == (
            (x.numpy().astype(np.float32) * np.float32(1.1)).astype(np.float16).tobytes()
        )
    repeated = torch.ones(1, dtype=torch.float16).expand(LARGE).float()
    assert repeated.stride() == (1,) and repeated.sum() == LARGE


@pytest.mark.parametrize("axis", [(0,), (1,), (0, 1)])
def test_sums_in_single_precision(axis):
    x = np.random.default_rng(1).normal(size=HALVES.shape).astype(np.float16)
    found = sums.add_over(x, axis, dtype=np.dtype(np.float32))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, x.astype(np.float64).sum(axis), rtol=1e-6, atol=1e-3)


@pytest.mark.parametrize("function", [torch.add, torch.mul, torch.div])
def test_arithmetic_is_rounded_once(function):
    a, b = np.random.default_rng(2).normal(size=(2, LARGE)).astype(np.float16)
    found = function(torch.from_numpy(a), torch.from_numpy(b)).numpy()
    exact = function(torch.from_numpy(a.astype(np.float64)), torch.from_numpy(b.astype(np.float64))).numpy()
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(found, exact.astype(np.float16))


def test_compiled_conversions_take_other_numbers():
    @torch.compile(fullgraph=True)
    def step(x):
        return (x.float() * 1.1).half()

    for values in np.random.default_rng(3).normal(size=(5, LARGE)).astype(np.float16):
        expected = (values.astype(np.float32) * np.float32(1.1)).astype(np.float16)
        np.testing.assert_array_equal(step(torch.from_numpy(values)).numpy(), expected)
