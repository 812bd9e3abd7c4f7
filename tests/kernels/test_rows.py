"""Rows that an index sends to one place, against a loop over them."""

from __future__ import annotations

import numpy as np
import pytest

from cnn_physics77.core.kernels import rows
from cnn_physics77.core.kernels.scatter import positions_along, take_along

WIDTH = 2 * rows.SPLIT + 1
INDICES = {
    "few": np.random.default_rng(0).integers(0, 5, 7),
    "in order": np.sort(np.random.default_rng(1).integers(0, 50, 300)),
    "one large": np.where(np.arange(300) % 3, 7, np.random.default_rng(2).integers(0, 50, 300)),
    "all equal": np.full(200, 3),
    "once each": np.random.default_rng(3).permutation(200),
    "none": np.empty(0, np.int64),
}


def looped(ufunc: np.ufunc, y: np.ndarray, index: np.ndarray, values: np.ndarray) -> np.ndarray:
    for place, value in zip(index, values):
        y[place] = ufunc(y[place], value)
    return y


@pytest.mark.parametrize("name", INDICES)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "complex128", "int32", "bool"])
def test_sums(name, dtype):
    index, rng = INDICES[name], np.random.default_rng(4)
    values = rng.integers(0, 5, (len(index), WIDTH)).astype(dtype)  # whose sums are exact
    expected = looped(np.add, np.zeros((200, WIDTH), dtype), index, values)
    np.testing.assert_array_equal(rows.sum_rows(values, index, 200), expected)
    x = rng.integers(0, 5, (200, WIDTH)).astype(dtype)
    np.testing.assert_array_equal(rows.add_rows(x, index, values), np.add(x, expected))
    narrow = values[:, :3]
    np.testing.assert_array_equal(rows.sum_rows(narrow, index, 200), expected[:, :3])
    np.testing.assert_array_equal(rows.sum_rows(values[:, 0], index, 200), expected[:, 0])


@pytest.mark.parametrize("name", INDICES)
def test_largest(name):
    index = INDICES[name]
    values = np.random.default_rng(5).normal(size=(len(index), WIDTH))
    values[np.random.default_rng(6).random(values.shape) < 0.01] = np.nan
    expected = looped(np.maximum, np.full((200, WIDTH), -np.inf), index, values)
    np.testing.assert_array_equal(rows.largest_rows(values, index, 200), expected)
    if len(index):
        first = rows.first_largest(values, np.ones(len(index), bool), index, 200)
        found = np.take_along_axis(values, first, 0)
        np.testing.assert_array_equal(found[index], expected[index])
        assert (first[index] <= np.arange(len(index))[:, None])[values == expected[index]].all()


@pytest.mark.parametrize("name", INDICES)
@pytest.mark.parametrize("width", [1, WIDTH])
def test_products_with_a_sparse_matrix(name, width):
    row, rng = INDICES[name], np.random.default_rng(7)
    column, factors = rng.integers(0, 40, len(row)), rng.normal(size=len(row))
    b, g = rng.normal(size=(40, width)), rng.normal(size=(200, width))
    matrix = looped(np.add, np.zeros((200, 40)).reshape(-1), row * 40 + column, factors).reshape(200, 40)
    np.testing.assert_allclose(rows.weighted_rows(factors, row, column, b, 200), matrix @ b, atol=1e-12)
    expected = [g[i] @ b[j] for i, j in zip(row, column)]
    np.testing.assert_allclose(rows.inner_products(g, row, b, column), expected, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "complex128", "bool"])
@pytest.mark.parametrize("shape", [(200, 150), (3, 5, 2000), (40000,), (150, 0)], ids=str)
def test_take_along(shape, dtype):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 50, shape).astype(dtype)
    for axis in range(x.ndim):
        index = rng.integers(0, max(shape[axis], 1), shape)
        for source in (x, np.asfortranarray(x), x[..., ::-1]):
            expected = np.take_along_axis(source, index, axis)
            np.testing.assert_array_equal(take_along(source, index, axis), expected)
    few = rng.integers(0, max(shape[-1], 1), (*shape[:-1], min(shape[-1], 700)))
    np.testing.assert_array_equal(take_along(x, few, x.ndim - 1), np.take_along_axis(x, few, -1))


@pytest.mark.parametrize("shape", [(200, 150), (3, 25, 400), (2, 3, 10, 300), (3, 200, 9), (20000,)], ids=str)
@pytest.mark.parametrize("count", [30, 700])
def test_take_along_repeated_indices(shape, count):
    """What is expanded repeats itself in memory: rows and columns are taken, and positions added, at once."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape)
    for axis in range(x.ndim):
        whole = (*shape[:axis], count, *shape[axis + 1 :])
        for repeated in range(x.ndim):
            once = [1 if other == repeated != axis else n for other, n in enumerate(whole)]
            index = np.broadcast_to(rng.integers(0, shape[axis], once), whole)
            expected = np.take_along_axis(x, index, axis)
            np.testing.assert_array_equal(take_along(x, index, axis), expected)
            np.testing.assert_array_equal(x.reshape(-1)[positions_along(shape, index, axis)], expected)


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8"])
def test_take_rows(dtype):
    x = np.random.default_rng(0).normal(size=(9, 20, 5))
    for index in (np.arange(5), np.arange(90).reshape(9, 10) % 9, np.zeros((0, 3))):
        for axis in range(x.ndim):
            key = (slice(None),) * axis + ((index % x.shape[axis]).astype(dtype),)
            for source in (x, x.copy(order="F")):
                np.testing.assert_array_equal(rows.take_rows(source, key[-1], axis), source[key])
    np.testing.assert_array_equal(
        rows.take_rows(x, -1 - np.arange(90) % 5, 2), x[..., -1 - np.arange(90) % 5]
    )
    with pytest.raises(IndexError):
        rows.take_rows(x, np.full(90, 9))
