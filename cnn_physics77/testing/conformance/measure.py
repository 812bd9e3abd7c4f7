"""Two results compared: structure, shapes, dtypes, values, and errors in units in the last place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

import cnn_physics77 as ours_package


class Departure(Exception):
    """What differs between the frameworks, in words."""


class Errors:
    """The errors of many elements, in units in the last place."""

    def __init__(self) -> None:
        self._elements: list[np.ndarray] = []

    def add(self, distance: np.ndarray, size: np.ndarray) -> None:
        """Add the elements of a tensor: how far they are off, and how large they are."""
        self._elements.append((distance / np.spacing(size)).ravel())

    @property
    def summary(self) -> tuple[float, float] | None:
        """Median and worst; None without elements."""
        if not self._elements:
            return None
        errors = np.concatenate(self._elements)
        return float(np.median(errors)), float(errors.max())


def leaves(value: Any) -> Iterator[Any]:
    """What is in nested lists, tuples and dicts."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (tuple, list)) and not isinstance(value, (torch.Size, ours_package.Size)):
        for v in value:
            yield from leaves(v)
    else:
        yield value


def compare(mine: Any, theirs: Any, tolerance: float, errors: Errors, values: bool = True) -> None:
    """Raise a Departure unless the results agree.

    Args:
        tolerance: relative to the element, or to a thousandth of the largest one and 1 if that is more.
        values: whether to compare values; else only structure, shapes and dtypes.
    """
    if isinstance(theirs, dict):
        if not isinstance(mine, dict) or set(mine) != set(theirs):
            raise Departure(f"expected a dict with {list(theirs)}, found {list(mine)}")
        mine, theirs = [mine[key] for key in theirs], list(theirs.values())
    if isinstance(theirs, (tuple, list)):
        fields = getattr(theirs, "_fields", None) or _struct_fields(theirs)
        if not isinstance(mine, (tuple, list)) or len(mine) != len(theirs):
            raise Departure(f"expected {len(theirs)} results, found {mine!r}"[:200])
        if fields and getattr(mine, "_fields", None) != fields:
            raise Departure(f"expected a tuple with the names {fields}, found {type(mine).__name__}")
        for a, b in zip(mine, theirs):
            compare(a, b, tolerance, errors, values)
    elif isinstance(theirs, torch.Tensor):
        _compare_tensors(mine, theirs, tolerance, errors, values)
    elif isinstance(theirs, (bool, int, float, complex)):
        if type(mine) is not type(theirs):
            raise Departure(f"expected {type(theirs).__name__}, found {type(mine).__name__}")
        if values:
            _compare_arrays(np.asarray(mine), np.asarray(theirs), tolerance, errors)
    elif isinstance(theirs, (torch.dtype, torch.device, torch.layout, str)) and str(mine) != str(theirs):
        raise Departure(f"expected {theirs}, found {mine}")
    elif (theirs is None) != (mine is None):
        raise Departure(f"expected {theirs}, found {mine!r}"[:200])


def _struct_fields(value: Any) -> tuple[str, ...] | None:
    """The names of PyTorch's ``torch.return_types``, in their order."""
    kind = type(value)
    if not kind.__module__.startswith("torch.return_types") or kind.__name__.startswith("_"):
        return None
    return tuple(n for n in kind.__match_args__)


def _compare_tensors(mine: Any, theirs: torch.Tensor, tolerance: float, errors: Errors, values: bool) -> None:
    if not isinstance(mine, ours_package.Tensor):
        raise Departure(f"expected a tensor, found {type(mine).__name__}")
    if tuple(mine.shape) != tuple(theirs.shape):
        raise Departure(f"expected shape {tuple(theirs.shape)}, found {tuple(mine.shape)}")
    if str(mine.dtype) != str(theirs.dtype):
        raise Departure(f"expected {theirs.dtype}, found {mine.dtype}")
    if values:
        expected = theirs.numpy(force=True)
        _compare_arrays(mine.detach().numpy(), expected, tolerance, errors)


def _compare_arrays(found: np.ndarray, expected: np.ndarray, tolerance: float, errors: Errors) -> None:
    if not expected.size:
        return
    if expected.dtype.kind not in "fc":
        if not np.array_equal(found, expected):
            raise Departure(_at_worst(found, expected, found != expected))
        return
    if expected.dtype.kind == "c":
        found, expected = (np.stack([a.real, a.imag], -1) for a in (found, expected))
    finite = np.isfinite(expected)
    same = (found == expected) | (np.isnan(found) & np.isnan(expected))
    if not np.all(same | finite):
        raise Departure(_at_worst(found, expected, ~(same | finite)))
    size = np.abs(np.where(finite, expected, 0))
    with np.errstate(invalid="ignore", over="ignore"):
        distance = np.where(same, 0.0, np.abs(found - expected))
    if not np.all(np.isfinite(distance)):
        raise Departure(_at_worst(found, expected, ~np.isfinite(distance)))
    least, single = max(float(size.max()), 1.0), expected.dtype == np.float32
    tolerance = 1e-3 if single else tolerance  # its last digits depend on the processor
    size = np.maximum(size, least if single else 1e-3 * least)
    if np.any(distance > tolerance * size):
        raise Departure(_at_worst(found, expected, distance == distance.max()))
    errors.add(distance, size)


def _at_worst(found: np.ndarray, expected: np.ndarray, where: np.ndarray) -> str:
    place = tuple(int(i) for i in np.argwhere(where)[0])
    return f"expected {expected[place]!r}, found {found[place]!r}, at {place} of {expected.shape}"
