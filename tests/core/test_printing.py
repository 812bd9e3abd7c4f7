"""The text of tensors is PyTorch's, to the character."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import cnn_physics77 as ours
from cnn_physics77.core.random import Generator

DTYPES = [
    *("float16", "float32", "float64", "complex64", "complex128", "bool"),
    *("uint8", "int8", "int16", "int32", "int64"),
]


@pytest.fixture(autouse=True)
def options_are_restored():
    yield
    for t in (ours, torch):
        t.set_printoptions(profile="default")


def same(array, requires_grad=False):
    array = np.asarray(array)
    mine, theirs = ours.from_numpy(array.copy()), torch.from_numpy(array.copy())
    if requires_grad and array.dtype.kind in "fc":
        mine.requires_grad_(), theirs.requires_grad_()
    assert repr(mine) == repr(theirs)
    assert str(mine) == str(theirs)


def drawn(rng, shape, dtype, kind):
    """Numbers of one kind, of the dtype."""
    size = int(np.prod(shape))
    numbers = {
        "ordinary": lambda: rng.normal(size=size) * 10.0 ** rng.integers(-3, 4),
        "whole": lambda: np.round(rng.normal(size=size) * 10.0 ** rng.integers(0, 6)),
        "wide": lambda: rng.normal(size=size) * 10.0 ** rng.integers(-9, 10, size),
        "tiny": lambda: rng.normal(size=size) * 1e-6,
        "with holes": lambda: np.where(rng.random(size) < 0.5, 0.0, rng.normal(size=size)),
        "not finite": lambda: rng.choice([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.5, 100.0], size),
        "not finite and whole": lambda: rng.choice([np.nan, -np.inf, 0.0, -0.0, 7.0], size),
        "nothing finite": lambda: rng.choice([np.nan, np.inf, -np.inf, 0.0], size),
        "zero": lambda: np.zeros(size),
    }
    with np.errstate(all="ignore"):
        values = numbers[kind]()
        if np.dtype(dtype).kind == "c":
            values = values + 1j * rng.permutation(numbers[kind]())
        elif np.dtype(dtype).kind not in "f":
            values = np.nan_to_num(values, posinf=100, neginf=-100)
        return values.astype(dtype).reshape(shape)


KINDS = [
    *("ordinary", "whole", "wide", "tiny", "with holes", "not finite", "not finite and whole"),
    *("nothing finite", "zero"),
]
SHAPES = [(), (1,), (5,), (30,), (0,), (0, 3), (2, 0, 4), (1, 1), (3, 4), (2, 40), (2, 3, 4), (1, 2, 1, 3, 2)]
SHAPES += [
    (1001,),
    (2000, 1),
    (1, 2000),
    (7, 200),
    (6, 200),
    (9, 8, 20),
    (200, 2, 5),
    (2, 3, 5, 40),
    (4, 300),
]


@pytest.mark.filterwarnings("ignore:.*cast")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", KINDS)
def test_numbers_of_all_kinds_and_shapes(dtype, kind):
    rng = np.random.default_rng(len(kind) * 31 + len(dtype))
    for shape in SHAPES:
        for requires_grad in (False, True):
            same(drawn(rng, shape, dtype, kind), requires_grad)


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 2**32),
    st.lists(st.sampled_from([0, 1, 2, 3, 6, 7, 8, 30]), max_size=4),
    st.sampled_from(DTYPES),
    st.sampled_from(KINDS),
    st.fixed_dictionaries(
        {},
        optional={
            "precision": st.integers(0, 8),
            "threshold": st.sampled_from([0, 5, 100, float("inf")]),
            "edgeitems": st.integers(0, 4),
            "linewidth": st.sampled_from([1, 20, 40, 200]),
            "profile": st.sampled_from(["default", "short", "full"]),
            "sci_mode": st.booleans(),
        },
    ),
)
def test_with_any_options(seed, shape, dtype, kind, options):
    array = drawn(np.random.default_rng(seed), tuple(shape), dtype, kind)
    for t in (ours, torch):
        t.set_printoptions(profile="default")
        t.set_printoptions(**options)
    same(array, requires_grad=bool(seed % 2))


def test_what_is_set_stays():
    for t in (ours, torch):
        t.set_printoptions(precision=2, sci_mode=True)
        t.set_printoptions(linewidth=30)
    same(np.linspace(0, 1, 20, dtype=np.float32))
    with pytest.raises(ValueError, match=r"expected a profile of .*'short'.* found 'long'"):
        ours.set_printoptions(profile="long")


def test_the_default_dtype_is_not_written():
    try:
        for t in (ours, torch):
            t.set_default_dtype(t.float64)
        for dtype in DTYPES:
            same(np.ones(2, dtype))
            same(np.ones((0, 2), dtype))
    finally:
        for t in (ours, torch):
            t.set_default_dtype(t.float32)


RECORDED = {
    "product": lambda t, x: x * 2,
    "long row": lambda t, x: t.cat([x] * 7) + 0.5,
    "sum": lambda t, x: x.sum(),
    "log_softmax": lambda t, x: x.log_softmax(0),
    "matrix": lambda t, x: t.stack([x, x]).exp(),
    "in place": lambda t, x: (x + 1).mul_(3),
    "view of it": lambda t, x: (x * 2).expand(2, 3),
}


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_results(name):
    mine, theirs = (
        repr(RECORDED[name](t, t.tensor([1.0, 2.0, 3.0], requires_grad=True))) for t in (ours, torch)
    )
    assert mine == theirs and "grad_fn=<" in mine


@pytest.mark.parametrize("t", [ours, torch])
def test_functions_of_the_user(t):
    class myDouble(t.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return 2 * x

        @staticmethod
        def backward(ctx, g):
            return 2 * g

    y = myDouble.apply(t.ones(2, requires_grad=True))
    assert repr(y) == "tensor([2., 2.], grad_fn=<myDoubleBackward>)"


@pytest.mark.parametrize("t", [ours, torch])
def test_subclasses_and_parameters(t):
    class Length(t.Tensor):
        pass

    assert repr(Length([1, 2])) == "Length([1., 2.])"
    assert repr(t.nn.Buffer(t.ones(2))) == "tensor([1., 1.])"
    parameter = t.nn.Parameter(t.arange(30.0).reshape(1, 30))
    assert repr(parameter) == "Parameter containing:\n" + repr(parameter.data.requires_grad_())


def test_views_and_unusual_memory():
    big = np.random.default_rng(3).normal(size=(40, 60)).astype(np.float32)
    same(big[::2, ::3])
    same(big.T)
    same(np.broadcast_to(np.float32(2.5), (30, 40)))


def test_printing_needs_no_grad_and_draws_nothing():
    x = ours.rand(3, generator=Generator().manual_seed(1)).requires_grad_()
    with ours.no_grad():
        assert "requires_grad=True" in repr(x)
    with np.errstate(all="raise"):
        assert repr(ours.tensor([1e300, 1e-300, float("nan")], dtype=ours.float64)).startswith("tensor([")
