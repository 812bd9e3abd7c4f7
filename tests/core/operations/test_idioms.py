"""What scripts write besides the plain calls: other orders and names of arguments, operands of other classes,
functions of NumPy."""

import warnings
from itertools import product

import numpy as np
import pytest
import torch

import cnn_physics77 as ours
from cnn_physics77.core.errors import DtypeError

both = pytest.mark.parametrize("t", [ours, torch])


# ------------------------------------------------------------------------------------------ sizes, randint


@both
def test_size_as_a_keyword(t):
    for name in ("zeros", "ones", "empty", "rand", "randn"):
        for size in ((2, 3), [2], (), t.Size([0, 2])):
            made = getattr(t, name)(size=size, dtype=t.float64)
            assert tuple(made.shape) == tuple(size) and made.dtype == t.float64
        with pytest.raises(TypeError):
            getattr(t, name)(2, size=(3,))
    x = t.ones(1, dtype=t.int32)
    for name in ("new_zeros", "new_ones", "new_empty"):
        assert tuple(getattr(x, name)(size=(2, 3)).shape) == (2, 3)
    assert x.new_full(size=(2,), fill_value=7).tolist() == t.full(size=(2,), fill_value=7).tolist() == [7, 7]


RANDINT = {
    "high, size": lambda t: t.randint(4, (50,)),
    "high, size=": lambda t: t.randint(4, size=(50,)),
    "high=, size=": lambda t: t.randint(high=4, size=[50]),
    "size=, high=": lambda t: t.randint(size=(50,), high=4),
    "low, high, size": lambda t: t.randint(0, 4, (50,)),
    "low, high, size=": lambda t: t.randint(0, 4, size=(50,)),
    "low=, high=, size=": lambda t: t.randint(low=0, high=4, size=(50,)),
    "like, high": lambda t: t.randint_like(t.zeros(50), 4),
    "like, high=": lambda t: t.randint_like(t.zeros(50), high=4),
    "like, low, high": lambda t: t.randint_like(t.zeros(50), 0, 4),
    "like, low=, high=": lambda t: t.randint_like(t.zeros(50), low=0, high=4),
}


@both
@pytest.mark.parametrize("name", RANDINT)
def test_randint(name, t):
    t.manual_seed(8)
    drawn = RANDINT[name](t)
    assert tuple(drawn.shape) == (50,) and sorted(set(drawn.tolist())) == [0, 1, 2, 3]
    assert drawn.dtype == (t.float32 if "like" in name else t.int64)


@both
def test_wrong_calls_of_randint(t):
    for call in (
        lambda: t.randint(4),
        lambda: t.randint(0, 4),
        lambda: t.randint(0, 4, 2),
        lambda: t.randint(size=(2,)),
        lambda: t.randint(4, 2, (2,)),
    ):
        with pytest.raises((TypeError, ValueError, RuntimeError)):
            call()


# ------------------------------------------------------------------------------------------ where


@both
def test_where_of_one_argument_is_nonzero(t):
    for values in ([0.0, 1.5, float("nan")], [[0, 1], [2, 0]], [[True, False]], 3.0, 0, [1j, 0]):
        x = t.tensor(values)
        found = t.where(x)
        expected = torch.where(torch.tensor(values))
        assert type(found) is tuple and [i.tolist() for i in found] == [i.tolist() for i in expected]
        assert all(i.dtype == t.int64 for i in found)
    assert t.where(condition=t.tensor([0, 2]))[0].tolist() == [1]
    with pytest.raises((TypeError, RuntimeError)):
        t.where(t.tensor([1.0]), 1.0, 2.0) if t is ours else t.where(t.tensor([1.0]), 1.0)


# ------------------------------------------------------------------------------------------ deprecated orders

NUMBER_FIRST = {
    "add": lambda t, x, y: t.add(x, 2, y),
    "sub": lambda t, x, y: t.sub(x, 2.5, y),
    "x.add": lambda t, x, y: x.add(2, y),
    "x.sub": lambda t, x, y: x.sub(2, y),
    "x.add_": lambda t, x, y: x.add_(2, y),
    "x.sub_": lambda t, x, y: x.sub_(-1.5, y),
    "addcmul": lambda t, x, y: t.addcmul(x, 2, y, y),
    "addcdiv": lambda t, x, y: t.addcdiv(x, 0.5, y, y),
    "x.addcmul_": lambda t, x, y: x.addcmul_(2, y, y),
    "x.addcdiv_": lambda t, x, y: x.addcdiv_(2, y, y),
}


@pytest.mark.parametrize("name", NUMBER_FIRST)
def test_the_number_first(name):
    found = []
    for t in (ours, torch):
        x, y = t.tensor([1.0, 2.0], requires_grad=True), t.tensor([3.0, 5.0], requires_grad=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            z = NUMBER_FIRST[name](t, x * 1, y)
            gradients = t.autograd.grad(z.sum(), (x, y))
        found.append([part.tolist() for part in (z, *gradients)])
    assert found[0] == found[1]
    with pytest.warns(UserWarning, match="This overload of .* is deprecated"):
        NUMBER_FIRST[name](ours, ours.ones(2), ours.ones(2))


def test_the_orders_of_today_do_not_warn():
    x = ours.ones(2)
    x.add(x, alpha=2).add_(x).sub_(1, alpha=2).addcmul(x, x, value=2).addcdiv_(x, x)
    for call in (lambda: ours.add(x, 1, x, alpha=2), lambda: x.add_(), lambda: x.add(1, x, x)):
        with pytest.raises(TypeError):
            call()


# ------------------------------------------------------------------------------------------ other classes


class Quantity:
    """Answers every operator of the other operand with its name."""

    def __getattr__(self, name):
        raise AttributeError(name)


def _answer(name):
    return lambda self, other: name


REFLECTED = {
    "radd": lambda x, q: x + q,
    "rsub": lambda x, q: x - q,
    "rmul": lambda x, q: x * q,
    "rtruediv": lambda x, q: x / q,
    "rfloordiv": lambda x, q: x // q,
    "rmod": lambda x, q: x % q,
    "rpow": lambda x, q: x**q,
    "rmatmul": lambda x, q: x @ q,
    "rand": lambda x, q: x & q,
    "ror": lambda x, q: x | q,
    "rxor": lambda x, q: x ^ q,
    "rlshift": lambda x, q: x << q,
    "rrshift": lambda x, q: x >> q,
    "gt": lambda x, q: x < q,
    "le": lambda x, q: x >= q,
    "eq": lambda x, q: x == q,
}
for _name in REFLECTED:
    setattr(Quantity, f"__{_name}__", _answer(_name))


@both
@pytest.mark.parametrize("name", REFLECTED)
def test_the_other_class_is_asked(name, t):
    for x in (t.ones(2, dtype=t.int64), t.ones(2, dtype=t.float32, requires_grad=True)):
        assert REFLECTED[name](x, Quantity()) == name


OPERATORS = [name for name in REFLECTED if name not in ("gt", "le", "eq")]


@both
@pytest.mark.parametrize("name", OPERATORS)
def test_without_an_answer_it_is_a_type_error(name, t):
    x = t.ones(2, dtype=t.int64)
    for other in (None, object(), {}, "a"):
        with pytest.raises(TypeError):
            REFLECTED[name](x, other)
        if (name, other) != ("rmod", "a"):  # a text that is formatted
            with pytest.raises(TypeError):
                REFLECTED[name](other, x)


def test_functions_and_methods_still_say_what_they_expect():
    x = ours.ones(2)
    for call in (lambda: ours.mul(x, Quantity()), lambda: x.mul(Quantity()), lambda: ours.add(x, Quantity())):
        with pytest.raises(DtypeError, match="expected tensors or numbers, found Quantity"):
            call()


def test_operators_are_the_functions():
    """With the same derivatives and promotion, on both sides."""
    for t in (ours, torch):
        x, y = t.tensor([2.0, 3.0], requires_grad=True), t.tensor([5.0, 7.0], requires_grad=True)
        z = (x + y) * x - y / x + 2 * x - 1 / y + (3 - x) + x * True
        gradients = t.autograd.grad(z.sum(), (x, y))
        values = [v for part in (z, *gradients) for v in part.tolist()]
        if t is ours:
            mine = values
    assert mine == pytest.approx(values, rel=1e-6)
    assert (ours.ones(2, dtype=ours.int64) * ours.ones(2)).dtype is ours.float32
    assert [f.__name__ for f in (ours.Tensor.__add__, ours.Tensor.__mul__)] == ["add", "mul"]


# ------------------------------------------------------------------------------------------ NumPy

ARRAYS = {
    "integers": np.array([1, 2]),
    "doubles": np.array([1.5, 2.0]),
    "singles": np.array([1.5, 2.0], np.float32),
    "a double without dimensions": np.array(2.5),
    "booleans": np.array([True, False]),
    "small integers": np.array([1, 2], np.uint8),
    "complex": np.array([1j, 2.0]),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("kind", "dtype"),
    [
        pair
        for pair in product(ARRAYS, ["float32", "float64", "int32", "int64", "bool", "float16"])
        if pair != ("booleans", "bool")  # which PyTorch makes uint8
    ],
)
def test_with_an_array_the_dtype_is_numpys(kind, dtype):
    array = ARRAYS[kind]
    for operator in (lambda a, b: a + b, lambda a, b: a * b, lambda a, b: a / (b + 3)):
        mine, theirs = (operator(t.ones(2, dtype=getattr(t, dtype)), array) for t in (ours, torch))
        assert type(mine) is ours.Tensor and str(mine.dtype) == str(theirs.dtype)
        np.testing.assert_allclose(mine.numpy(), theirs.numpy(), rtol=1e-3 if dtype == "float16" else 1e-6)
        reverse = operator(array, ours.ones(2, dtype=getattr(ours, dtype)))
        assert type(reverse) is ours.Tensor
    if array.ndim and dtype != "bool":
        mine, theirs = (t.ones(2, dtype=getattr(t, dtype)) @ array for t in (ours, torch))
        assert str(mine.dtype) == str(theirs.dtype) and mine.item() == theirs.item()


def test_an_array_is_a_constant():
    x = ours.ones(2, dtype=ours.float64, requires_grad=True)
    (x * np.array([1, 2]) + np.array([3.0, 4.0]) @ x).sum().backward()
    assert x.grad.tolist() == [1 + 2 * 3, 2 + 2 * 4]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", ["sqrt", "exp", "sin", "floor", "absolute", "negative", "log1p"])
def test_ufuncs_give_tensors(name):
    for values in ([1.0, 4.0], [[1, 2]], 4.0):
        mine, theirs = (getattr(np, name)(t.tensor(values)) for t in (ours, torch))
        assert type(mine) is ours.Tensor and str(mine.dtype) == str(theirs.dtype)
        np.testing.assert_array_equal(mine.numpy(), theirs.numpy())


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@both
def test_other_ufuncs_give_tensors_too(t):
    x = t.tensor([1.5, -2.0])
    for found, expected in (
        (np.add(x, x), [3, -4]),
        (np.maximum(x, 0), [1.5, 0]),
        (np.add.reduce(x), -0.5),
        (np.modf(x)[1], [1, -2]),
        (np.clip(x, 0, 1), [1, 0]),
        (np.sqrt(t.tensor([4.0]), dtype=np.float64), [2]),
    ):
        assert type(found) is t.Tensor and found.tolist() == expected
    assert type(np.add(x, 1, out=np.empty(2, np.float32))) is np.ndarray or t is torch
    assert type(np.asarray(x)) is type(np.sort(x)) is np.ndarray
    with pytest.raises(RuntimeError):
        np.sqrt(t.ones(2, requires_grad=True))


def test_a_ufunc_with_booleans_stays_boolean():
    """PyTorch makes them uint8."""
    assert np.isnan(ours.tensor([1.0, float("nan")])).dtype is ours.bool


# ------------------------------------------------------------------------------------------ class indices


@both
@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "bool"])
def test_class_indices_are_int64_or_uint8(dtype, t):
    logits = t.zeros(2, 3)
    for good in (t.int64, t.uint8):
        assert t.nn.CrossEntropyLoss()(logits, t.tensor([0, 1], dtype=good)).item() == pytest.approx(
            np.log(3)
        )
    for loss in (t.nn.CrossEntropyLoss(), t.nn.NLLLoss(), t.nn.functional.nll_loss):
        with pytest.raises(RuntimeError, match="expected target dtype to be Long or Byte, but got"):
            loss(logits, t.tensor([0, 1], dtype=getattr(t, dtype)))


def test_where_takes_a_condition_of_uint8_with_a_warning():
    condition = np.array([1, 0, 2], np.uint8)
    for f in (torch, ours):
        with pytest.warns(UserWarning, match="where received a uint8 condition tensor"):
            torch.set_warn_always(True)
            found = f.where(f.tensor(condition), f.arange(3.0), -1.0)
        torch.set_warn_always(False)
        assert found.tolist() == [0.0, -1.0, 2.0]
    with pytest.raises(TypeError):
        ours.where(ours.tensor([1, 0]), 1.0, 2.0)
