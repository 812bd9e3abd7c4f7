"""The proof of a capture: another call, recorded again, must make the same calls and give the same values."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnn_physics77.compile.capture.trace import CONSTANT, Choice, Guard, Operand, Step, Trace

TOLERANCES = {"d": 1e-12, "D": 1e-12, "f": 1e-5, "F": 1e-5, "e": 1e-2}
"""By dtype, of the largest value: the kernels may add in another order."""


def first_difference(expected: list[np.ndarray], found: list[np.ndarray], rounded: bool = False) -> str:
    """Where arrays differ by more than the kernels may; "" if nowhere.

    Args:
        rounded: the sums were made in another order, and rounding errors grow from layer to layer: a hundred
            times the difference is allowed. Arrays that are nothing but rounding errors (such as the gradient
            of a bias before batch norm) differ wholly: a thousandth of the largest value of all arrays counts
            as theirs.
    """
    least = 1e-3 * max((_largest(array) for array in expected), default=0.0) if rounded else 0.0
    for one, other in zip(expected, found, strict=True):
        message = _other_values(one, other, least, 100.0 if rounded else 1.0)
        if message:
            return message
    return ""


def _largest(array: np.ndarray) -> float:
    """The largest finite size of a value."""
    if array.dtype.kind not in "fc":
        return 0.0
    sizes = np.abs(array[np.isfinite(array)])
    return float(sizes.max()) if sizes.size else 0.0


def _other_values(expected: np.ndarray, found: np.ndarray, least: float, factor: float) -> str:
    if expected.dtype.kind not in "fc":
        return "" if np.array_equal(expected, found) else f"integers of shape {expected.shape} differ"
    finite = np.isfinite(expected)
    if not np.array_equal(expected[~finite], found[~finite], equal_nan=True):
        return f"infinite or NaN values of an array of shape {expected.shape} differ"
    if not finite.any():
        return ""
    size = max(_largest(expected), least)
    error = float(np.abs(expected[finite] - found[finite]).max())
    if error <= factor * TOLERANCES[expected.dtype.char] * size:
        return ""
    return f"an array of shape {expected.shape} differs by {error:.2g}, where its largest value is {size:.2g}"


def first_other_step(a: Trace, b: Trace) -> str:
    """Which step of two recordings of one call differs; "" if none does."""
    for index, (one, other) in enumerate(zip(a.steps, b.steps)):
        if _form(one) != _form(other):
            was, now = _words(one), _words(other)
            now = (
                "that of arrays of another shape, layout or dtype, or of other constants"
                if now == was
                else now
            )
            return f"call {index} was {was} when it was captured, and is {now} now"
    if len(a.steps) != len(b.steps):
        return f"there were {len(a.steps)} calls when it was captured, and {len(b.steps)} now"
    return ""


def _form(step: Step) -> Any:
    """All of a step but the values in memory, with the values of constants."""
    if isinstance(step, Guard):
        return "guard", step.expected, _form_of(step.operand)
    if isinstance(step, Choice):
        return (
            "choice",
            _form_of(step.condition),
            *(tuple(map(_form, way)) for way in (step.first, step.other)),
        )
    return step.operation, step.function, _form_of(step.arguments), _form_of(tuple(step.options.items()))


def _form_of(value: Any) -> Any:
    if isinstance(value, Operand):
        form = value.shape, value.strides, value.dtype
        buffer = value.buffer
        owner = buffer.owner
        is_number = owner.size == 1 and not owner.flags.writeable  # kept by an operation, perhaps for long
        if is_number or (buffer.kind == CONSTANT and buffer.initial is None and buffer.size <= 1 << 16):
            return *form, np.asarray(buffer.owner).tobytes()
        return form
    if isinstance(value, (tuple, list)):
        return tuple(map(_form_of, value))
    if isinstance(value, np.ndarray):
        return value.shape, value.dtype
    if isinstance(value, np.generic):
        return value.dtype, value.tobytes()
    if isinstance(value, float):
        return value.hex()
    return value if type(value) in (int, str, bool, type(None), np.dtype) else type(value)


def _words(step: Step) -> str:
    if isinstance(step, Guard):
        return f"the truth of a value in {step.operation or 'the function'}, {step.expected}"
    if isinstance(step, Choice):
        return f"a choice in {step.operation or 'the function'}"
    values = [
        repr(v) for v in (*step.arguments, *step.options.values()) if not isinstance(v, (Operand, tuple))
    ]
    name = getattr(step.function, "__name__", str(step.function))
    return f"{name} of {step.operation or 'the function'}" + (f" ({', '.join(values)})" if values else "")
