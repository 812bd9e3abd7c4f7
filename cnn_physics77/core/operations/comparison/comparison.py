"""Comparisons and logical functions. Their results are boolean, and are constants for derivatives."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cnn_physics77.core.backend.conversion import as_array, wrapped
from cnn_physics77.core.backend.fp_errors import silent
from cnn_physics77.core.construction import plain_array
from cnn_physics77.core.errors import ArgumentError, DtypeError, ShapeError
from cnn_physics77.core.operations.base.broadcasting import common_dtype
from cnn_physics77.core.operations.base.operation import as_tensor_input, check_tensors_given
from cnn_physics77.core.operations.base.own_name import in_own_name
from cnn_physics77.core.tensor import Tensor, from_array, method

_KINDS = "biufc"
_NUMBERS = (bool, int, float, complex, np.generic)


def _comparison(name: str, ufunc: Callable, relation: str, ordered: bool) -> Callable:
    def function(input, other):
        try:
            a, b = input.array, other.array
            same = a.dtype is b.dtype
        except AttributeError:
            same = False
        if not same:
            check_tensors_given(name, input)
            a, b = _of_one_dtype(name, input, other)
        if ordered and "c" in (a.dtype.kind, b.dtype.kind):
            raise DtypeError(
                f"{name}: expected real numbers, found complex ones, which have no order; compare their "
                ".abs()"
            )
        try:
            return from_array(as_array(ufunc(a, b)))
        except ValueError:
            raise _mismatch(name, a, b) from None

    function.__name__ = function.__qualname__ = name
    complex_ones = "\n        DtypeError: complex numbers, which have no order." if ordered else ""
    function.__doc__ = f"""Elementwise, whether a {relation} b: a boolean tensor, without derivative.

    Both are tensors or numbers, which broadcast and are promoted to one dtype. Whatever is compared with NaN
    is {name == "ne"}.

    Raises:
        ShapeError: the shapes do not broadcast.{complex_ones}

    >>> import cnn_physics77 as torch
    >>> torch.{name}(torch.tensor([1.0, 2.0, 3.0]), 2)
    {from_array(ufunc(np.arange(1, 4), 2))}
    """
    return function


def _mismatch(name: str, a: np.ndarray, b: np.ndarray) -> ShapeError:
    return ShapeError(
        f"{name}: expected shapes that broadcast (from the last dimension: equal, or 1, or missing), found "
        f"{a.shape} and {b.shape}; reshape or unsqueeze one of them"
    )


@silent
def _of_one_dtype(name: str, *operands) -> list[np.ndarray]:
    dtype = common_dtype(name, *operands)
    return [
        (o.array if o.array.dtype == dtype else o.array.astype(dtype))
        if isinstance(o, Tensor)
        else wrapped(name, o, dtype)
        for o in operands
    ]


eq = _comparison("eq", np.equal, "=", False)
ne = _comparison("ne", np.not_equal, "≠", False)
lt = _comparison("lt", np.less, "<", True)
le = _comparison("le", np.less_equal, "≤", True)
gt = _comparison("gt", np.greater, ">", True)
ge = _comparison("ge", np.greater_equal, "≥", True)

not_equal, less, less_equal, greater, greater_equal = ne, lt, le, gt, ge

for _name, _function in (("eq", eq), ("ne", ne), ("lt", lt), ("le", le), ("gt", gt), ("ge", ge)):
    method(_name)(_function)


def _operator(function: Callable) -> Callable:
    def compare(self, other):
        if not isinstance(other, (Tensor, np.ndarray, *_NUMBERS)):
            return NotImplemented
        if isinstance(other, np.ndarray):
            other = from_array(plain_array(function.__name__, other))
        return function(self, other)

    compare.__doc__ = function.__doc__
    return compare


for _name, _function in (
    ("__eq__", eq), ("__ne__", ne), ("__lt__", lt), ("__le__", le), ("__gt__", gt), ("__ge__", ge)
):  # fmt: skip
    method(_name)(_operator(_function))

method("not_equal")(ne)
method("less")(lt)
method("less_equal")(le)
method("greater")(gt)
method("greater_equal")(ge)


# ------------------------------------------------------------------------------------------- kinds of numbers


def _test(name: str, ufunc: Callable, what: str, integers: bool) -> Callable:
    def function(input):
        array = as_tensor_input(name, input).array
        if array.dtype.kind in "fc":
            return from_array(as_array(ufunc(array)))
        return from_array(np.full(array.shape, integers))

    function.__name__ = function.__qualname__ = name
    example = from_array(ufunc(np.array([1.0, np.inf, np.nan])))
    function.__doc__ = f"""Elementwise, whether x is {what}: a boolean tensor, without derivative.

    >>> import cnn_physics77 as torch
    >>> torch.{name}(torch.tensor([1.0, float("inf"), float("nan")]))
    {example}
    """
    return method(name)(function)


isnan = _test("isnan", np.isnan, "NaN", False)
isinf = _test("isinf", np.isinf, "infinite, of either sign", False)
isfinite = _test("isfinite", np.isfinite, "neither infinite nor NaN", True)


def isposinf(input) -> Tensor:
    """Elementwise, whether x is +∞.

    Raises:
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.isposinf(torch.tensor([float("inf"), float("-inf"), 1.0]))
    tensor([ True, False, False])
    """
    return _infinite("isposinf", input, np.inf)


def isneginf(input) -> Tensor:
    """Elementwise, whether x is -∞.

    Raises:
        DtypeError: the numbers are complex.

    >>> import cnn_physics77 as torch
    >>> torch.isneginf(torch.tensor([float("inf"), float("-inf"), 1.0]))
    tensor([False,  True, False])
    """
    return _infinite("isneginf", input, -np.inf)


def _infinite(name: str, input, value: float) -> Tensor:
    array = as_tensor_input(name, input).array
    if array.dtype.kind == "c":
        raise DtypeError(f"{name}: expected real numbers, found torch.{array.dtype}; test .real and .imag")
    return from_array(as_array(array == value))


def isreal(input) -> Tensor:
    """Elementwise, whether the imaginary part is 0.

    >>> import cnn_physics77 as torch
    >>> torch.isreal(torch.tensor([1 + 0j, 1j]))
    tensor([ True, False])
    """
    return from_array(as_array(np.isreal(as_tensor_input("isreal", input).array)))


def isclose(input, other, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Tensor:
    r"""Elementwise, whether :math:`|a - b| \le \mathrm{atol} + \mathrm{rtol} \cdot |b|`.

    Infinities of the same sign are close; NaN is close to NaN if ``equal_nan``.

    Raises:
        DtypeError: a and b differ in dtype.
        ShapeError: the shapes do not broadcast.

    >>> import cnn_physics77 as torch
    >>> torch.isclose(torch.tensor([1.0, 2.0]), torch.tensor([1.000001, 2.1]))
    tensor([ True, False])
    """
    check_tensors_given("isclose", input, other)
    a, b = as_tensor_input("isclose", input).array, as_tensor_input("isclose", other).array
    if a.dtype != b.dtype:
        raise DtypeError(
            f"isclose: expected tensors of one dtype, found torch.{a.dtype} and torch.{b.dtype}; convert "
            "one of them"
        )
    if rtol < 0 or atol < 0:
        raise ArgumentError(f"isclose: expected non-negative rtol and atol, found {rtol} and {atol}")
    try:
        return from_array(as_array(_isclose(a, b, rtol, atol, equal_nan)))
    except ValueError:
        raise _mismatch("isclose", a, b) from None


@silent
def _isclose(a, b, rtol, atol, equal_nan):
    close = a == b
    if a.dtype.kind in "fc":
        if equal_nan:
            close |= np.isnan(a) & np.isnan(b)
        distance = np.abs(a - b)
        close |= np.isfinite(distance) & (distance <= atol + rtol * np.abs(b))
    elif a.dtype.kind in "iu":
        a, b = a.astype(np.float64), b.astype(np.float64)
        close |= np.abs(a - b) <= atol + rtol * np.abs(b)
    return close


@in_own_name
def allclose(input, other, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Whether all elements are close: see :func:`isclose`.

    >>> import cnn_physics77 as torch
    >>> torch.allclose(torch.tensor([1.0]), torch.tensor([1.000001]))
    True
    """
    return np.all(isclose(input, other, rtol, atol, equal_nan).array).item()


def equal(input: Tensor, other: Tensor) -> bool:
    """Whether two tensors have the same shape and the same elements. NaN is equal to nothing.

    >>> import cnn_physics77 as torch
    >>> torch.equal(torch.tensor([1, 2]), torch.tensor([1, 2]))
    True
    >>> torch.equal(torch.tensor([1]), torch.tensor([1, 1]))
    False
    """
    a, b = as_tensor_input("equal", input).array, as_tensor_input("equal", other).array
    return a.shape == b.shape and np.all(a == b).item()


method("isposinf")(isposinf)
method("isneginf")(isneginf)
method("isreal")(isreal)
method("isclose")(isclose)
method("allclose")(allclose)
method("equal")(equal)

# -------------------------------------------------------------------------------------- functions of booleans


def _logical(name: str, ufunc: Callable, formula: str) -> Callable:
    def function(input, other):
        check_tensors_given(name, input, other)
        a, b = as_tensor_input(name, input).array, as_tensor_input(name, other).array
        try:
            return from_array(as_array(ufunc(a, b)))
        except ValueError:
            raise _mismatch(name, a, b) from None

    function.__name__ = function.__qualname__ = name
    example = from_array(ufunc(np.array([True, True, False]), np.array([True, False, False])))
    function.__doc__ = f"""Elementwise y = {formula}, a boolean tensor; numbers other than 0 count as true.

    Raises:
        ShapeError: the shapes do not broadcast.

    >>> import cnn_physics77 as torch
    >>> torch.{name}(torch.tensor([True, True, False]), torch.tensor([True, False, False]))
    {example}
    """
    return method(name)(function)


logical_and = _logical("logical_and", np.logical_and, "a and b")
logical_or = _logical("logical_or", np.logical_or, "a or b")
logical_xor = _logical("logical_xor", np.logical_xor, "a or b, but not both")


@method("logical_not")
def logical_not(input) -> Tensor:
    """Elementwise, whether x is 0 or false.

    >>> import cnn_physics77 as torch
    >>> torch.logical_not(torch.tensor([0.0, 2.0]))
    tensor([ True, False])
    """
    return from_array(as_array(np.logical_not(as_tensor_input("logical_not", input).array)))


__all__ = [
    "allclose",
    "eq",
    "equal",
    "ge",
    "greater",
    "greater_equal",
    "gt",
    "isclose",
    "isfinite",
    "isinf",
    "isnan",
    "isneginf",
    "isposinf",
    "isreal",
    "le",
    "less",
    "less_equal",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "lt",
    "ne",
    "not_equal",
]
