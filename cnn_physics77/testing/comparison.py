"""``torch.testing.assert_close``: whether tensors, numbers, and what is nested of them, are close."""

from __future__ import annotations

import cmath
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from cnn_physics77.core.backend.dtypes import bool as bool_
from cnn_physics77.core.backend.dtypes import uint8
from cnn_physics77.core.operations.base.broadcasting import promote_types
from cnn_physics77.core.operations.comparison.comparison import isclose
from cnn_physics77.core.operations.creation.creation import as_tensor
from cnn_physics77.core.tensor import Tensor

_TOLERANCES = {
    "float16": (1e-3, 1e-5),
    "float32": (1.3e-6, 1e-5),
    "float64": (1e-7, 1e-7),
    "complex64": (1.3e-6, 1e-5),
    "complex128": (1e-7, 1e-7),
}
"""(rtol, atol) by dtype; zero for all others."""

_NUMBERS = {int: "int64", float: "float64", complex: "complex128"}


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: str | Callable[[str], str] | None = None,
) -> None:
    r"""Raise AssertionError unless :math:`|actual - expected| \le atol + rtol \cdot |expected|`.

    Infinities are close if they are equal.

    Args:
        actual: a tensor, an array, a number, or None; or sequences and mappings of these.
        expected: the same, of a related type, the same shape and the same structure.
        allow_subclasses: whether the types may differ, if one is a subclass of the other.
        rtol: the relative tolerance; given with ``atol`` or not at all. By default 1.3e-6 for float32, 1e-7
            for float64, 1e-3 for float16, 0 for integers; the larger one of two dtypes.
        atol: the absolute tolerance; by default 1e-5, 1e-7 for float64, 0 for integers.
        equal_nan: NaN is close to NaN.
        check_device: not used; there is one device.
        check_dtype: the dtypes, or the types of numbers, must be equal.
        check_layout: not used; there is one layout.
        check_stride: the strides must be equal.
        msg: the message where values or attributes differ, or a function that makes it from the
            generated one.

    Raises:
        AssertionError: they are not close, or differ in shape, dtype or structure.
        TypeError: their types are not related.
        ValueError: only one tolerance is given.

    >>> import cnn_physics77 as torch
    >>> torch.testing.assert_close(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.5]))
    Traceback (most recent call last):
        ...
    AssertionError: Tensor-likes are not close!
    <BLANKLINE>
    Mismatched elements: 1 / 2 (50.0%)
    Greatest absolute difference: 0.5 at index (1,) (up to 1e-05 allowed)
    Greatest relative difference: 0.20000000298023224 at index (1,) (up to 1.3e-06 allowed)
    """
    __tracebackhide__ = True
    options = {"equal_nan": equal_nan, "check_dtype": check_dtype, "check_stride": check_stride}
    comparisons = []
    for place, a, e in _pairs(actual, expected, ()):
        with _At(place):
            comparisons.append((place, *_comparable(a, e, rtol, atol, allow_subclasses)))
    try:
        for place, compare, a, e, tolerances in comparisons:
            with _At(place):
                compare(a, e, *tolerances, **options)
    except AssertionError as error:
        text = msg if isinstance(msg, str) else msg(str(error)) if callable(msg) else str(error)
        raise AssertionError(text) from None


class _At:
    """Adds the place, such as ``[0]['x']``, to the message of an error."""

    def __init__(self, place: tuple) -> None:
        self.place = place

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        if error is not None and self.place:
            where = "".join(f"[{item!r}]" for item in self.place)
            raise kind(f"{error}\n\nThe failure occurred for item {where}") from None


def _pairs(actual: Any, expected: Any, place: tuple) -> Iterator[tuple[tuple, Any, Any]]:
    """(place, actual, expected) of everything that is nested in the two."""
    if _is_sequence(actual) and _is_sequence(expected):
        with _At(place):
            if len(actual) != len(expected):
                raise AssertionError(
                    f"The length of the sequences mismatch: {len(actual)} != {len(expected)}"
                )
        for i in range(len(actual)):
            yield from _pairs(actual[i], expected[i], (*place, i))
    elif isinstance(actual, Mapping) and isinstance(expected, Mapping):
        keys: Any = set(actual)
        with _At(place):
            if keys != set(expected):
                raise AssertionError(
                    "The keys of the mappings do not match:\n"
                    f"Missing keys in the actual mapping: {sorted(set(expected) - keys)}\n"
                    f"Additional keys in the actual mapping: {sorted(keys - set(expected))}"
                )
        with suppress(TypeError):
            keys = sorted(keys)
        for key in keys:
            yield from _pairs(actual[key], expected[key], (*place, key))
    else:
        yield place, actual, expected


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _comparable(
    actual: Any, expected: Any, rtol: float | None, atol: float | None, allow_subclasses: bool
) -> tuple[Callable, Any, Any, tuple[float, float]]:
    """The function that compares the two, the two in the form it takes, and the tolerances.

    Raises:
        TypeError: there is no such function.
    """
    if actual is None or expected is None:
        return _compare_none, actual, expected, (0.0, 0.0)
    if isinstance(actual, bool | np.bool_) and isinstance(expected, bool | np.bool_):
        return _compare_booleans, bool(actual), bool(expected), (0.0, 0.0)
    kinds = (int, float, complex, np.number)
    if isinstance(actual, kinds) and isinstance(expected, kinds):
        numbers = [x.item() if isinstance(x, np.number) else x for x in (actual, expected)]
        dtypes = [_NUMBERS.get(type(x), "bool") for x in numbers]
        return _compare_numbers, numbers[0], numbers[1], _tolerances(dtypes, rtol, atol)
    related = isinstance(actual, type(expected)) or isinstance(expected, type(actual))
    if related and (allow_subclasses or type(actual) is type(expected)):
        try:
            a, e = as_tensor(actual).detach(), as_tensor(expected).detach()
        except Exception:  # an object that is not like a tensor
            pass
        else:
            return _compare_tensors, a, e, _tolerances([a.array.dtype.name, e.array.dtype.name], rtol, atol)
    raise TypeError(
        f"No comparison pair was able to handle inputs of type {type(actual)} and {type(expected)}."
    )


def _tolerances(dtypes: list[str], rtol: float | None, atol: float | None) -> tuple[float, float]:
    if rtol is not None and atol is not None:
        return rtol, atol
    if rtol is not None or atol is not None:
        missing = "rtol" if rtol is None else "atol"
        raise ValueError(f"Both 'rtol' and 'atol' must be either specified or omitted, but got no {missing}.")
    rtols, atols = zip(*(_TOLERANCES.get(dtype, (0.0, 0.0)) for dtype in dtypes))
    return max(rtols), max(atols)


def _compare_none(actual: Any, expected: Any, rtol: float, atol: float, **options: bool) -> None:
    if actual is not expected:
        raise AssertionError(f"None mismatch: {actual} is not {expected}")


def _compare_booleans(actual: bool, expected: bool, rtol: float, atol: float, **options: bool) -> None:
    if actual is not expected:
        raise AssertionError(f"Booleans mismatch: {actual} is not {expected}")


def _compare_numbers(
    actual: Any,
    expected: Any,
    rtol: float,
    atol: float,
    *,
    equal_nan: bool,
    check_dtype: bool,
    **options: bool,
) -> None:
    if check_dtype and type(actual) is not type(expected):
        raise AssertionError(f"The (d)types do not match: {type(actual)} != {type(expected)}.")
    if actual == expected or (equal_nan and cmath.isnan(actual) and cmath.isnan(expected)):
        return
    difference = abs(actual - expected)
    if not (cmath.isfinite(difference) and difference <= atol + rtol * abs(expected)):
        raise AssertionError(_numbers_differ(actual, expected, rtol, atol))


def _compare_tensors(
    actual: Tensor,
    expected: Tensor,
    rtol: float,
    atol: float,
    *,
    equal_nan: bool,
    check_dtype: bool,
    check_stride: bool,
) -> None:
    if actual.shape != expected.shape:
        raise AssertionError(_attribute("shape", actual.shape, expected.shape))
    if check_stride and actual.stride() != expected.stride():
        raise AssertionError(_attribute("stride()", actual.stride(), expected.stride()))
    if check_dtype and actual.dtype != expected.dtype:
        raise AssertionError(_attribute("dtype", actual.dtype, expected.dtype))
    common = promote_types(actual.dtype, expected.dtype)
    actual, expected = actual.to(common), expected.to(common)
    numbers = (actual.to(uint8), expected.to(uint8)) if common == bool_ else (actual, expected)
    matches = isclose(*numbers, rtol=rtol, atol=atol, equal_nan=equal_nan).array
    if matches.all():
        return
    if actual.ndim == 0:
        raise AssertionError(_numbers_differ(actual.item(), expected.item(), rtol, atol))
    raise AssertionError(_arrays_differ(actual.array, expected.array, matches, rtol, atol))


def _attribute(name: str, actual: Any, expected: Any) -> str:
    return f"The values for attribute '{name}' do not match: {actual} != {expected}."


def _numbers_differ(actual: Any, expected: Any, rtol: float, atol: float) -> str:
    absolute = abs(actual - expected)
    relative = float("inf") if expected == 0 else absolute / abs(expected)
    return (
        f"Scalars are not {_close(rtol, atol)}!\n\nExpected {expected} but got {actual}.\n"
        f"Absolute difference: {absolute}{_allowed(atol, rtol, atol)}\n"
        f"Relative difference: {relative}{_allowed(rtol, rtol, atol)}"
    )


def _arrays_differ(actual: Any, expected: Any, matches: np.ndarray, rtol: float, atol: float) -> str:
    if actual.dtype.kind not in "fc":
        actual, expected = actual.astype(np.int64), expected.astype(np.int64)
    with np.errstate(all="ignore"):
        absolute = np.where(matches, 0, np.abs(actual - expected))
        scale = np.abs(expected)
        relative = np.where(matches, 0, absolute / (scale if scale.dtype.kind == "f" else np.float32(scale)))
    count = matches.size - np.count_nonzero(matches)
    lines = [
        f"Tensor-likes are not {_close(rtol, atol)}!\n",
        f"Mismatched elements: {count} / {matches.size} ({count / matches.size:.1%})",
    ]
    for kind, difference, tolerance in (("absolute", absolute, atol), ("relative", relative, rtol)):
        place = tuple(int(i) for i in np.unravel_index(difference.argmax(), difference.shape))
        lines.append(
            f"Greatest {kind} difference: {difference[place].item()} at index {place}"
            f"{_allowed(tolerance, rtol, atol)}"
        )
    return "\n".join(lines)


def _close(rtol: float, atol: float) -> str:
    return "equal" if rtol == 0 == atol else "close"


def _allowed(tolerance: float, rtol: float, atol: float) -> str:
    return "" if rtol == 0 == atol else f" (up to {tolerance} allowed)"


__all__ = ["assert_close"]
