"""Addresses, storages and elements computed by functions of Python, against PyTorch's."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

import cnn_physics77 as ours

VIEWS = [
    lambda x: x,
    lambda x: x[1],
    lambda x: x.T,
    lambda x: x[:, ::2],
    lambda x: x[0].expand(2, 3),
    lambda x: x.reshape(-1)[2:],
    lambda x: x[:0],
]


def both(make):
    return [make(framework) for framework in (ours, torch)]


@pytest.mark.parametrize("view", VIEWS)
def test_places_in_memory(view):
    found, wanted = both(lambda f: (x := f.arange(6.0).reshape(2, 3).clone(), view(x)))
    (x, y), (u, v) = found, wanted
    assert y.storage_offset() == v.storage_offset() or not v.numel()
    if y.stride() == v.stride() and 0 not in y.stride():
        assert y.dim_order() == v.dim_order()
    assert y.data_ptr() - x.data_ptr() == v.data_ptr() - u.data_ptr() or not v.numel()
    assert (y.data_ptr() == 0) == (v.data_ptr() == 0)
    assert y.is_set_to(x) == v.is_set_to(u) and y.is_set_to(view(x))
    assert y.untyped_storage() == x.untyped_storage() != ours.ones(6).untyped_storage()
    assert y.untyped_storage().nbytes() == v.untyped_storage().nbytes() == len(y.untyped_storage())
    assert y.untyped_storage().data_ptr() == x.data_ptr()
    assert y.untyped_storage().tolist() == v.untyped_storage().tolist()
    assert (x._cdata == x._cdata, x._cdata == y._cdata) == (u._cdata == u._cdata, u._cdata == v._cdata)


@pytest.mark.filterwarnings("ignore:TypedStorage is deprecated")
def test_storage():
    found, wanted = both(lambda f: f.arange(6, dtype=f.int16).reshape(2, 3).T.storage())
    assert repr(found) == repr(wanted) and repr(found.untyped()) == repr(wanted.untyped())
    for name in ("size", "nbytes", "element_size", "tolist", "__len__"):
        assert getattr(found, name)() == getattr(wanted, name)()
    assert str(found.dtype) == str(wanted.dtype) and str(found.device) == str(wanted.device)
    assert found.untyped()[1:3].tolist() == wanted.untyped()[1:3].tolist() and found[-1] == wanted[-1]
    assert ours.is_storage(found) and not ours.is_storage([1])
    assert isinstance(found, ours.TypedStorage) and isinstance(found.untyped(), ours.UntypedStorage)
    assert len({found, found[:]}) == 1


@pytest.mark.filterwarnings("ignore:TypedStorage is deprecated")
def test_set():
    def run(framework):
        x, y = framework.zeros(2), framework.arange(6.0)
        assert x.set_(y) is x
        x[0] = 9
        z = framework.zeros(1).set_(y.storage(), 1, (2, 2), (2, 1))
        z[1, 1] = 7
        w = framework.zeros(1).set_(y.untyped_storage(), 2, (2, 2))
        return [x, y, z, w, framework.ones(2).set_(), framework.zeros(1).set_(y, 3, (2,))]

    for found, wanted in zip(*both(run), strict=True):
        np.testing.assert_array_equal(found.numpy(), wanted.numpy())
    for framework in (ours, torch):
        x = framework.ones(2)
        for call in (
            lambda f, x=x: x.set_(f.ones(2, dtype=f.float64)),
            lambda f, x=x: f.ones(2, requires_grad=True).set_(x),
        ):
            with pytest.raises(RuntimeError):
                call(framework)
    with pytest.raises(RuntimeError):
        ours.ones(2).set_(ours.ones(2).storage(), 1, (2,))  # PyTorch's grows
    np.testing.assert_array_equal(ours.zeros(2).numpy(), 0)


def test_elements_by_functions_of_python():
    def run(framework):
        x = framework.arange(6.0).reshape(2, 3)
        n = framework.arange(3)
        return [
            x.clone().T.apply_(lambda a: a * a - 1),
            x.clone().map_(framework.arange(3.0), lambda a, b: a - 2 * b),
            x.clone().map2_(framework.ones(1), framework.arange(3.0), lambda a, b, c: a + b * c),
            n.clone().apply_(lambda a: a + 0.7),
            framework.zeros(0).apply_(abs),
        ]

    for found, wanted in zip(*both(run), strict=True):
        assert str(found.dtype) == str(wanted.dtype)
        np.testing.assert_array_equal(found.numpy(), wanted.numpy())
    x = ours.ones(2, requires_grad=True)
    for call in (lambda: x.apply_(abs), lambda: ours.ones(2).map_(x, max), lambda: x.map2_(x, x, max)):
        with pytest.raises(RuntimeError, match="requires grad"):
            call()
    with pytest.raises(RuntimeError):
        ours.ones(2).map_(ours.ones(3), max)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frozen = ours.from_numpy(np.broadcast_to(1.0, 2))
        with pytest.raises(ValueError, match="more than one element"):
            frozen.apply_(abs)
    assert frozen.tolist() == [1, 1]


@pytest.mark.parametrize("shared", [False, True])
def test_the_memory_of_a_file(tmp_path, shared):
    """What is written goes into the file if it is shared. asarray takes memory without a copy."""
    seen = []
    for framework in (ours, torch):
        path = tmp_path / framework.__name__
        path.write_bytes(np.arange(4, dtype=np.float32).tobytes())
        memory = framework.UntypedStorage.from_file(str(path), shared, 16 + 8 * shared)
        x = framework.asarray(memory.untyped()[4:12], dtype=framework.uint8).view(framework.float32)
        x[1] = 7.0
        seen.append((x.tolist(), memory.nbytes(), np.fromfile(path, np.float32).tolist()))
    assert seen[0] == seen[1]
    assert ours.zeros(9, 9).untyped_storage().__sizeof__() >= 324
    (tmp_path / "empty").touch()
    assert ours.UntypedStorage.from_file(tmp_path / "empty").nbytes() == 0
