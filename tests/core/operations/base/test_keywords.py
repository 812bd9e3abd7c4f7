"""``axis``, ``keepdims`` and ``out``, in the functions where PyTorch takes them."""

import inspect
import pickle
import warnings
import zlib

import numpy as np
import pytest
import torch

import cnn_physics77 as ours
from cnn_physics77.testing.table import Constant, all_rows

ROWS = {
    row.name: row
    for row in all_rows()
    if "." not in row.name and getattr(torch, row.name, None) is row.theirs()
}
"""The operations that are functions of torch itself."""


def samples(name, t):
    """The arguments of the samples, as constants of a framework."""

    def leaf(value):
        if isinstance(value, Constant):
            value = value.array
        if isinstance(value, np.dtype) or (isinstance(value, type) and issubclass(value, np.generic)):
            return getattr(t, np.dtype(value).name)
        return t.from_numpy(value.copy()) if isinstance(value, np.ndarray) else value

    for sample in ROWS[name].samples(np.random.default_rng(zlib.crc32(name.encode()))):
        args, named = sample.convert(leaf)
        yield args, {key: value for key, value in named.items() if key != "requires_grad"}


def tensors(result):
    return result if isinstance(result, tuple) else (result,)


def agree(found, expected, rtol=1e-10):
    for mine, theirs in zip(tensors(found), tensors(expected), strict=True):
        tolerance = rtol if theirs.dtype in (torch.float64, torch.complex128) else 2e-6
        np.testing.assert_allclose(
            mine.numpy(), theirs.resolve_conj().numpy(), rtol=tolerance, atol=tolerance / 10
        )
        assert str(mine.dtype) == str(theirs.dtype)


# ------------------------------------------------------------------------------------------ NumPy's names

WITHOUT_AXIS = {
    *("norm", "split", "unique", "unique_consecutive"),  # PyTorch has written them in Python
    *("concatenate", "split_with_sizes", "tensor_split"),  # no sample, or one that only works by position
}


WITH_DIM = sorted(name for name in ROWS if "dim" in inspect.signature(getattr(ours, name)).parameters)


@pytest.mark.parametrize("name", WITH_DIM)
def test_axis_and_keepdims(name):
    function, twin = getattr(ours, name), getattr(torch, name)
    parameters = list(inspect.signature(function).parameters)
    compared = 0
    for args, named in samples(name, torch):
        given = dict(zip(parameters, args)) | named
        if "dim" not in given or (len(args) > 1 and isinstance(args[1], bool)):
            continue
        first = [given.pop(parameters[0])]
        given["axis"] = given.pop("dim")
        if "keepdim" in given:
            given["keepdims"] = given.pop("keepdim")
        try:
            expected = twin(*first, **given)
        except TypeError:  # written in Python, PyTorch's function has no other names
            continue
        mine = convert(first, given)
        agree(function(*mine[0], **mine[1]), expected)
        compared += 1
        method = getattr(ours.Tensor, name, None)
        if method is not None:
            agree(method(*mine[0], **mine[1]), expected)
    assert compared or name in WITHOUT_AXIS


def convert(first, given):
    def leaf(value):
        if isinstance(value, torch.Tensor):
            return ours.from_numpy(value.numpy())
        if isinstance(value, torch.dtype):
            return getattr(ours, str(value).removeprefix("torch."))
        return type(value)(leaf(v) for v in value) if isinstance(value, (list, tuple)) else value

    return ([leaf(v) for v in first], {k: leaf(v) for k, v in given.items()})


@pytest.mark.parametrize("t", [ours, torch])
def test_in_place_and_descriptions(t):
    x = t.arange(6.0).view(2, 3)
    assert x.size(axis=1) == 3 and x.stride(axis=0) == 3
    assert x.clone().cumsum_(axis=1).tolist() == [[0, 1, 3], [3, 7, 12]]
    assert tuple(x.clone().unsqueeze_(axis=0).shape) == (1, 2, 3)
    assert t.nn.functional.softmax is not None and t.softmax(x, axis=0).sum().item() == pytest.approx(3)
    assert tuple(t.amax(x, axis=(0, 1), keepdims=True).shape) == (1, 1)
    assert tuple(t.linalg.vector_norm(x, axis=0, keepdims=True).shape) == (1, 3)
    assert t.linalg.vector_norm(x, out=t.empty(())).item() == pytest.approx(55**0.5)
    y = t.ones(2, 3, requires_grad=True)
    y.sum(axis=0).sum().backward()
    assert y.grad.tolist() == [[1] * 3] * 2


@pytest.mark.parametrize("t", [ours, torch])
def test_both_names(t):
    x = t.ones(2, 3)
    for call in (
        lambda: x.sum(dim=0, axis=0),
        lambda: t.sum(x, 0, axis=0),
        lambda: x.sum(0, keepdim=True, keepdims=True),
        lambda: x.exp(axis=0),
        lambda: x.unsqueeze(axis=0, keepdims=True),
        lambda: x.sum(axes=0),
    ):
        with pytest.raises(TypeError):
            call()


def test_the_refusal_of_both_names():
    with pytest.raises(TypeError, match="sum: expected dim or axis, found both; leave one out"):
        ours.ones(2).sum(dim=0, axis=0)


def test_signatures_are_those_of_the_functions():
    assert list(inspect.signature(ours.sum).parameters) == ["input", "dim", "keepdim", "dtype"]
    assert list(inspect.signature(ours.Tensor.sum).parameters) == ["input", "dim", "keepdim", "dtype"]
    assert "Σ" in ours.sum.__doc__ or "sum" in ours.sum.__doc__
    assert ours.sum.__name__ == "sum" and ours.absolute is ours.abs is ours.core.operations.abs
    for free in ("exp", "mul", "relu", "flatten", "__add__", "__mul__"):  # methods that cost nothing
        assert not hasattr(getattr(ours.Tensor, free), "__wrapped__"), free


# ------------------------------------------------------------------------------------------ out


PARTS = {"split_copy", "split_with_sizes_copy", "unbind_copy"}  # PyTorch resizes none, and returns None


def written(t, name, args, named):
    """The results written to empty tensors; None if the function has no ``out``."""
    result = getattr(t, name)(*args, **named)
    if not all(isinstance(r, t.Tensor) for r in (result if isinstance(result, list) else tensors(result))):
        return None
    if isinstance(result, list):
        return None
    out = tuple(t.empty(r.shape if name in PARTS else 0, dtype=r.dtype) for r in tensors(result))
    try:
        given = getattr(t, name)(*args, **named, out=out if len(out) > 1 else out[0])
    except (TypeError, IndexError):  # PyTorch's diff of nothing
        return None
    if name in PARTS and t is torch:
        return out
    assert all(a is b for a, b in zip(tensors(given), out, strict=True))
    assert type(given).__name__ == type(result).__name__ or t is torch
    return out


@pytest.mark.parametrize("name", sorted(set(ROWS) - {"norm"}))  # with out, PyTorch's norm(p=...) is wrong
@pytest.mark.filterwarnings("ignore")
def test_out_is_taken_where_pytorch_takes_it(name):
    taken = set()
    for (args, named), (their_args, their_named) in zip(samples(name, ours), samples(name, torch)):
        expected, found = written(torch, name, their_args, their_named), written(ours, name, args, named)
        if expected is not None:
            agree(found, expected, max(1e-10, ROWS[name].rtol))
        taken.add((found is not None, expected is not None))
    some = {mine for mine, _ in taken}, {theirs for _, theirs in taken}
    assert (True in some[0]) == (True in some[1])


@pytest.mark.parametrize("t", [ours, torch])
def test_out_is_written_in_place(t):
    x, out = t.tensor([1.0, 4.0]), t.zeros(4)
    part = out[::2]
    assert t.sqrt(x, out=part) is part
    assert out.tolist() == [1, 0, 2, 0] and part._version == 1
    assert t.sqrt(x, out=None).tolist() == [1, 2] and t.add(x, x, out=x) is x and x.tolist() == [2, 8]
    wide = t.empty(2, dtype=t.float64)
    assert t.add(x, 1, out=wide).dtype == t.float64 and wide.tolist() == [3, 9]
    values, indices = t.empty(0), t.empty(0, dtype=t.int64)
    found = t.max(t.tensor([[1.0, 3.0]]), 1, out=(values, indices))
    assert found.values is values and values.tolist() == [3] and indices.tolist() == [1]
    sums = t.empty(2, dtype=t.float64)
    t.sum(t.ones(2, 3, dtype=t.int64), axis=1, out=sums)
    assert sums.tolist() == [3, 3]
    whole = t.empty(0, dtype=t.int32)
    assert t.arange(3, out=whole).dtype == t.int32 and whole.tolist() == [0, 1, 2]
    assert t.zeros(2, out=whole[:2]).dtype == t.int32 and whole.tolist() == [0, 0, 2]


@pytest.mark.parametrize("t", [ours, torch])
def test_out_of_functions_of_networks_and_of_norms(t):
    x, functional = t.tensor([[1.0, -2.0]]), t.nn.functional
    for function in (functional.gelu, functional.softplus, functional.hardshrink, functional.logsigmoid):
        out = t.empty(1, 2)
        assert function(x, out=out) is out and out.tolist() == function(x).tolist()
    z, out = t.tensor([3 + 4j, 0j]), t.empty(())
    assert t.linalg.vector_norm(z, out=out).item() == 5  # not the norm of the real parts
    assert t.norm(z, 2, None, False, None, t.complex128).dtype == t.float64


@pytest.mark.parametrize("t", [ours, torch])
def test_out_in_the_memory_of_an_input(t):
    x, index = t.arange(6.0), t.tensor([0, 1, 2])
    assert t.sqrt(x[::2], out=x[1::2]).shape == (3,)
    assert t.exp(x, out=x) is x and t.add(x[:3], 1, out=x[3:]).shape == (3,)
    for call in (
        lambda: t.exp(x[:5], out=x[1:]),
        lambda: t.index_select(x, 0, index, out=x[:3]),
        lambda: t.cat([x[:2], x[2:]], out=x),
        lambda: t.index_select(x, 0, index, out=t.zeros(1).expand(3)),
        lambda: t.gather(x, 0, index, out=t.empty(3, dtype=t.float64)),
    ):
        with pytest.raises(RuntimeError, match=r"single memory location|to have dtype"):
            call()


@pytest.mark.parametrize("t", [ours, torch])
def test_out_of_another_shape_is_resized_with_a_warning(t):
    out = t.ones(3)
    with pytest.warns(UserWarning, match=r"resized since it had shape \[3\], which does not match .* \[2\]"):
        t.exp(t.zeros(2), out=out)
    assert out.tolist() == [1, 1]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert t.exp(t.zeros(2), out=t.empty(0)).tolist() == [1, 1]


@pytest.mark.parametrize("t", [ours, torch])
def test_out_is_not_recorded(t):
    x, out = t.ones(2, requires_grad=True), t.empty(2)
    text = "functions with out=... arguments don't support automatic differentiation"
    for call in (lambda: t.exp(x, out=out), lambda: t.exp(out, out=x), lambda: t.mul(out, x, out=out)):
        with pytest.raises(RuntimeError, match=text):
            call()
    with t.no_grad():
        assert t.exp(x, out=out) is out and not out.requires_grad
        t.exp(out, out=x)
    assert x.requires_grad and x.tolist() == out.exp().tolist()
    assert t.eq(x, x, out=t.empty(2, dtype=t.bool)).tolist() == [True, True]


@pytest.mark.parametrize("t", [ours, torch])
def test_out_that_does_not_fit(t):
    x = t.ones(2)
    for call in (
        lambda: t.exp(x, out=t.empty(2, dtype=t.int64)),
        lambda: t.exp(x, out=[1.0, 2.0]),
        lambda: t.exp(x, out=np.empty(2, np.float32)),
        lambda: t.max(x, 0, out=t.empty(0)),
        lambda: x.exp(out=t.empty(0)),
        lambda: t.exp(x, out=t.ones(1).expand(2)),
    ):
        with pytest.raises((TypeError, RuntimeError)):
            call()


# ------------------------------------------------------------------------------------- what a caller sees


WARNING_CALLS = {
    "softmax": lambda t, x: t.nn.functional.softmax(x),
    "log_softmax": lambda t, x: t.nn.functional.log_softmax(x),
    "softmin": lambda t, x: t.nn.functional.softmin(x),
    "a number first": lambda t, x: t.add(x, 2, x),
    "a method with a number first": lambda t, x: x.add(2, x),
    "out of another shape": lambda t, x: t.exp(x, out=t.empty(4)),
    "two of them": lambda t, x: t.max(x, 1, out=(t.ones(5), t.ones(5, dtype=t.int64))),
    "where": lambda t, x: t.where(x.to(t.uint8), x, 0),
    "an index": lambda t, x: x[t.ones(2, dtype=t.uint8)],
    "an assignment": lambda t, x: x.__setitem__(t.ones(2, dtype=t.uint8), 1),
    "a layer": lambda t, x: t.nn.Softmax()(x),
    "a loss": lambda t, x: t.nn.MSELoss()(x, x[:1]),
    "a constructor": lambda t, x: t.nn.Linear(0, 3),
    "vmap": lambda t, x: t.vmap(lambda v: v.median())(x),
}


@pytest.mark.parametrize("call", WARNING_CALLS)
def test_warnings_name_the_line_of_the_caller(call):
    with pytest.warns(UserWarning) as noted:
        WARNING_CALLS[call](ours, ours.ones(2, 3))
    assert {warning.filename for warning in noted} == {__file__}


@pytest.mark.parametrize("name", ["sum", "softmax", "new_zeros", "unsqueeze"])
def test_methods_with_keywords_have_their_name(name):
    method = getattr(ours.Tensor, name)
    assert (method.__name__, method.__qualname__) == (name, f"Tensor.{name}")
    assert pickle.loads(pickle.dumps(method)) is method
    x = ours.ones(2, 3)
    assert pickle.loads(pickle.dumps(x.sum))(1).tolist() == [3, 3]


def test_the_method_is_named_where_both_keywords_are_given():
    with pytest.raises(TypeError, match=r"^softmax: expected dim or axis, found both"):
        ours.ones(2, 3).softmax(dim=1, axis=1)


@pytest.mark.parametrize("t", [ours, torch])
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_the_dtype_of_a_softmax_can_be_its_third_argument(t, name):
    x = t.ones(2, 3)
    assert getattr(t, name)(x, 1, t.float64).dtype == t.float64
    assert getattr(x, name)(1, t.float64).dtype == t.float64
    assert getattr(t.nn.functional, name)(x, 1, 5, t.float64).dtype == t.float64


@pytest.mark.parametrize("t", [ours, torch])
def test_an_input_is_not_resized_as_out(t):
    x = t.tensor(2.0)
    with pytest.raises(RuntimeError, match=r"output with shape \[\] doesn't match the broadcast shape \[3\]"):
        t.mul(t.ones(3), x, out=x)
    assert x.shape == () and x.item() == 2
