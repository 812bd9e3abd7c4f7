"""Python numbers that a dtype cannot hold: operands wrap, and what is stored or multiplied with is refused,
as by PyTorch. Both compute every case; they must agree in values and dtype, or in refusing."""

import numpy as np
import pytest
import torch

import cnn_physics77 as ours
from cnn_physics77.core.errors import DtypeError, RangeError

INTEGERS = ["uint8", "int8", "int16", "int32", "int64"]
NUMBERS = [
    -1, 127, 128, 255, 256, 300, -255, -256, -300, 2**15, -(2**15) - 1, 2**31, 2**40,
    2**63 - 1, -(2**63), 2**63, 2**64 - 1, 2**64, -(2**63) - 1,
]  # fmt: skip

OPERANDS = {
    "+": lambda t, x, n: x + n,
    "reflected +": lambda t, x, n: n + x,
    "-": lambda t, x, n: x - n,
    "reflected -": lambda t, x, n: n - x,
    "*": lambda t, x, n: x * n,
    "reflected *": lambda t, x, n: n * x,
    "//": lambda t, x, n: x // n,
    "reflected //": lambda t, x, n: n // (x | 1),
    "%": lambda t, x, n: x % n,
    "reflected %": lambda t, x, n: n % (x | 1),
    "fmod": lambda t, x, n: t.fmod(x, n),
    "div, truncated": lambda t, x, n: t.div(x, n, rounding_mode="trunc"),
    "reflected **": lambda t, x, n: n**x,
    "&": lambda t, x, n: x & n,
    "|": lambda t, x, n: x | n,
    "^": lambda t, x, n: x ^ n,
    "reflected &": lambda t, x, n: n & x,
    "<": lambda t, x, n: x < n,
    "<=": lambda t, x, n: x <= n,
    "==": lambda t, x, n: x == n,
    "!=": lambda t, x, n: x != n,
    "reflected <": lambda t, x, n: n < x,
    "ge": lambda t, x, n: t.ge(x, n),
    "add_": lambda t, x, n: x.add_(n),
    "sub_": lambda t, x, n: x.sub_(n),
    "mul_": lambda t, x, n: x.mul_(n),
    "+=": lambda t, x, n: x.__iadd__(n),
    "floor_divide_": lambda t, x, n: x.floor_divide_(n),
    "remainder_": lambda t, x, n: x.remainder_(n),
    "bitwise_and_": lambda t, x, n: x.bitwise_and_(n),
    "eq_": lambda t, x, n: x.eq_(n),
    "NumPy's number": lambda t, x, n: x + np.int64(n) if -(2**63) <= n < 2**63 else x + n,
}
STORED = {
    "where": lambda t, x, n: t.where(x > 1, x, n),
    "where, first": lambda t, x, n: t.where(x > 1, n, x),
    "full": lambda t, x, n: t.full((2,), n, dtype=x.dtype),
    "full without dtype": lambda t, x, n: t.full((2,), n),
    "full_like": lambda t, x, n: t.full_like(x, n),
    "new_full": lambda t, x, n: x.new_full((2,), n),
    "fill_": lambda t, x, n: x.fill_(n),
    "masked_fill": lambda t, x, n: x.masked_fill(x > 1, n),
    "masked_fill_": lambda t, x, n: x.masked_fill_(x > 1, n),
    "index_fill": lambda t, x, n: x.index_fill(0, t.tensor([0]), n),
    "fill_diagonal_": lambda t, x, n: t.stack([x, x, x]).fill_diagonal_(n),
    "scatter": lambda t, x, n: x.scatter(0, t.tensor([0]), n),
    "clamp, min": lambda t, x, n: x.clamp(min=n),
    "clamp, max": lambda t, x, n: x.clamp(max=n),
    "clamp_": lambda t, x, n: x.clamp_(min=n),
    "clip": lambda t, x, n: t.clip(x, None, n),
    "x[0] =": lambda t, x, n: (x.__setitem__(0, n), x)[1],
    "x[:2] =": lambda t, x, n: (x.__setitem__(slice(2), n), x)[1],
    "x[mask] =": lambda t, x, n: (x.__setitem__(x > 1, n), x)[1],
    "x[list] =": lambda t, x, n: (x.__setitem__([0, 1], n), x)[1],
    "tensor": lambda t, x, n: t.tensor(n, dtype=x.dtype),
    "tensor of a list": lambda t, x, n: t.tensor([[1, n]], dtype=x.dtype),
    "tensor without dtype": lambda t, x, n: t.tensor([n]),
    "as_tensor": lambda t, x, n: t.as_tensor(n, dtype=x.dtype),
    "new_tensor": lambda t, x, n: x.new_tensor([n]),
    "add, alpha": lambda t, x, n: t.add(x, x, alpha=n),
    "add_, alpha": lambda t, x, n: x.add_(1, alpha=n),
    "addcmul": lambda t, x, n: t.addcmul(x, x, x, value=n),
    "index_add": lambda t, x, n: x.index_add(0, t.tensor([0]), x[:1].clone(), alpha=n),
    "**": lambda t, x, n: x**n,
    "pow_": lambda t, x, n: x.pow_(n),
}
CASES = OPERANDS | STORED


def outcome(t, name, dtype, number):
    """Dtype and values; or None if it is refused."""
    x = t.tensor([0, 200, 255] if dtype == "uint8" else [0, 100, -120], dtype=getattr(t, dtype))
    try:
        y = CASES[name](t, x, number)
    except (OverflowError, RuntimeError, ValueError):
        return None
    return str(y.numpy().dtype), y.tolist()


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("name", CASES)
def test_integers_of_any_size(name, dtype):
    refused = 0
    for number in NUMBERS:
        expected = outcome(torch, name, dtype, number)
        assert outcome(ours, name, dtype, number) == expected, number
        refused += expected is None
    assert refused < len(NUMBERS)


@pytest.mark.parametrize("name", OPERANDS)
@pytest.mark.parametrize("number", [2**64, -(2**63) - 1])
def test_what_is_too_long_for_any_integer_is_refused_by_name(name, number):
    """Neither in NumPy's words nor silently: an error of ours, which is PyTorch's OverflowError too."""
    with pytest.raises(RangeError, match="int too big to convert"):
        CASES[name](ours, ours.tensor([1, 2], dtype=ours.int8), number)


def test_the_refusal_says_what_was_found():
    with pytest.raises(
        RangeError, match=r"fill_: value cannot be converted to type torch.uint8 without overflow, found 300"
    ):
        ours.ones(2, dtype=ours.uint8).fill_(300)
    with pytest.raises(RangeError, match="found values from 1 to 300"):
        ours.tensor([1, 300], dtype=ours.uint8)
    for raised in (OverflowError, ValueError, RuntimeError):
        with pytest.raises(raised):
            ours.tensor(2**63)


@pytest.mark.parametrize("value", [1.9, -0.9, 255.0, 255.5, 256.0, -1.0, float("nan"), float("inf"), 2.0**63])
@pytest.mark.parametrize("dtype", ["uint8", "int8", "int64", "bool"])
@pytest.mark.parametrize(
    "name", ["full_like", "fill_", "masked_fill", "x[0] =", "tensor", "tensor of a list"]
)
def test_floating_numbers_for_integers(name, dtype, value):
    """Fractions are cut off, and what lies outside is refused. 2^63 is one more than an int64 holds; PyTorch,
    which compares with the limit rounded to float64, lets it through, and the result is undefined."""
    if value == 2.0**63 and dtype == "int64":
        with pytest.raises(RangeError):
            CASES[name](ours, ours.tensor([1, 2, 3]), value)
        return

    def run(t):
        x = t.tensor([0, 1, 2], dtype=getattr(t, dtype))
        try:
            return CASES[name](t, x, value).tolist()
        except (OverflowError, RuntimeError, ValueError):
            return None

    if dtype == "bool" and name == "masked_fill":
        return  # the mask is x > 1, of no element
    assert run(ours) == run(torch)


BEYOND = ["+", "reflected *", "<", "where", "full", "fill_", "x[0] =", "masked_fill", "clamp, max", "tensor"]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("value", [1e6, -1e9, 1e40, float("inf"), float("nan"), True, 10**18])
@pytest.mark.parametrize("name", BEYOND)
def test_numbers_beyond_a_floating_range(name, value, dtype):
    """Operands, and numbers for float16 that are assigned, become infinite without a warning; what fills, and
    bounds, are refused."""

    def run(t):
        x = t.tensor([0.5, 1.5, 2.5], dtype=getattr(t, dtype))
        try:
            return CASES[name](t, x, value)
        except (OverflowError, RuntimeError, ValueError):
            return None

    found, expected = run(ours), run(torch)
    assert (found is None) == (expected is None)
    if found is not None:
        assert str(found.dtype) == str(expected.dtype)
        np.testing.assert_array_equal(found.numpy(), expected.numpy())


def test_integers_of_any_length_are_floating_numbers_for_floating_tensors():
    """PyTorch refuses those of more than 64 bits; the nearest floating number is meant."""
    for name in ("+", "reflected *", "where", "full", "fill_", "x[0] =", "masked_fill", "tensor"):
        found = CASES[name](ours, ours.tensor([1.0, 1.0, 3.0]), 10**30)
        assert np.float32(1e30) in found.numpy() or np.float32(3e30) in found.numpy()


def test_an_integer_beyond_int64_raises_the_kind_of_no_boolean():
    """There is no dtype to which booleans and 2^63 would be promoted."""
    for t in (torch, ours):
        with pytest.raises(RuntimeError):
            t.tensor([True]) + 2**63
        assert (t.tensor([True]) + 300).tolist() == [301]


def test_a_complex_number_for_a_real_tensor():
    for name in ("full_like", "fill_", "masked_fill", "x[0] =", "index_fill", "tensor", "tensor of a list"):
        for dtype in ("float32", "int64"):
            with pytest.raises(DtypeError, match="complex"):
                CASES[name](ours, ours.tensor([0, 1, 2], dtype=getattr(ours, dtype)), 1j)


def test_division_by_what_wraps_to_zero():
    """256 is 0 in uint8."""
    for t in (torch, ours):
        for name in ("//", "%", "fmod", "div, truncated", "floor_divide_"):
            with pytest.raises(RuntimeError, match="ZeroDivisionError"):
                CASES[name](t, t.tensor([1, 2], dtype=t.uint8), 256)


def test_alpha_of_integers():
    for t in (torch, ours):
        x = t.tensor([1, 2])
        with pytest.raises(
            (RuntimeError, TypeError), match="argument alpha must not be a floating point number"
        ):
            t.add(x, x, alpha=0.5)
        assert t.sub(x, x, alpha=3).tolist() == [-2, -4]


@pytest.mark.parametrize("dtype", [*INTEGERS, "float16", "float32", "float64", "bool"])
@pytest.mark.parametrize("number", [300, -1, 0.1, 2**40, 1e39, np.int64(300), 0.5j])
def test_float_power_takes_its_numbers_as_they_are(dtype, number):
    for power in (lambda t, x: t.float_power(x, number), lambda t, x: t.float_power(number, x)):
        found, expected = (
            power(t, t.tensor([0, 1, 3], dtype=getattr(t, dtype))).numpy() for t in (ours, torch)
        )
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, rtol=1e-14)


@pytest.mark.parametrize("number", [300, np.int64(300), 300.0, np.float64(300), float("nan"), -300])
def test_borders_and_spaced_numbers_of_integers_do_not_wrap(number):
    for t in (torch, ours):
        with pytest.raises((RuntimeError, ValueError, OverflowError)):
            t.linspace(0, number, 3, dtype=t.uint8)
        with pytest.raises((RuntimeError, ValueError, OverflowError)):
            t.nn.functional.pad(t.zeros(2, dtype=t.uint8), (1, 1), value=number)
    assert ours.nn.functional.pad(ours.zeros(1), (1, 0), value=number)[0].item() == pytest.approx(
        float(number), nan_ok=True
    )


def test_an_unsigned_number_of_numpy_beyond_int64_is_refused():
    number = np.uint64(2**63)
    for data in ([number], [np.array([number])]):
        with pytest.raises(RangeError):
            ours.tensor(data, dtype=ours.int64)
    assert ours.tensor([number], dtype=ours.uint64).item() == 2**63
    assert ours.tensor([np.uint64(7)], dtype=ours.int64).tolist() == [7]


def test_arange_in_a_narrow_dtype_counts_in_int64():
    for bounds in ((-3, 0), (254, 258), (300, 295, -1)):
        expected = torch.arange(*bounds, dtype=torch.uint8)
        assert ours.arange(*bounds, dtype=ours.uint8).tolist() == expected.tolist()
