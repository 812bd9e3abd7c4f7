"""The table of operations: one row for each public operation, used by many tests.

A row has the function, samples of arguments, wrong calls, and a reference to compare with. The tests of
values, dtypes, gradients, second gradients, strided and read-only inputs, and errors are derived from the
rows.

The rows of a family are in ``testing/rows/<family>.py``::

    rows = [
        Row("exp", lambda rng: [Sample(draw(rng, 3, 4)), Sample(draw(rng, 0)), Sample(draw(rng))]),
        Row(
            "sum",
            lambda rng: [Sample(draw(rng, 2, 3), 1, keepdim=True)],
            bad=[Bad(IndexError, "dim", np.ones(2), 5)],
        ),
    ]
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import numpy as np


class Constant:
    """Wraps a floating array of a sample that must not become a variable."""

    def __init__(self, array: np.ndarray):
        self.array = array


class Sample:
    """The arguments of one call.

    NumPy arrays, also in lists and tuples, become tensors; floating and complex ones become variables, except
    in a :class:`Constant`. Dtypes are NumPy's.
    """

    def __init__(self, *args: Any, **kwargs: Any):
        self.args = args
        self.kwargs = kwargs

    def __repr__(self) -> str:
        return f"Sample{_describe(self.args)}{_describe(self.kwargs) if self.kwargs else ''}"

    def convert(self, leaf: Callable) -> tuple[tuple, dict]:
        """The arguments, with ``leaf`` applied to everything that is not a container."""
        return _map(leaf, self.args), _map(leaf, self.kwargs)


class Bad(Sample):
    """A wrong call: it must raise ``error``, with ``message`` in its text."""

    def __init__(self, error: type[Exception], message: str, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.error = error
        self.message = message


@dataclass(frozen=True)
class Row:
    """One public operation.

    Attributes:
        name: dotted path below ``cnn_physics77``, and below ``torch`` unless ``reference`` is given:
            ``"exp"``, ``"nn.functional.relu"``, ``"Tensor.masked_fill"``.
        samples: makes the samples, float64 and complex128 arrays, from a seeded generator.
        reference: dotted path below ``torch``, or a function of torch tensors.
        order: the highest derivative to compare: 2, 1, or 0 for none.
        bad: wrong calls.
        rtol, atol: tolerance of values and first derivatives in float64; that of second derivatives is ten
            times as large.
        float32_rtol: tolerance of the values in float32, relative to the largest value.
        invariant: a function of the result that both sides are given to before they are compared, for results
            that are not unique, such as the signs of eigenvectors.
    """

    name: str
    samples: Callable[[np.random.Generator], Sequence[Sample]]
    reference: str | Callable | None = None
    order: int = 2
    bad: Sequence[Bad] = field(default_factory=tuple)
    rtol: float = 1e-10
    atol: float = 1e-12
    float32_rtol: float = 2e-6
    invariant: Callable | None = None

    def ours(self) -> Callable:
        """The function of this package."""
        return self._unique(_resolve("cnn_physics77", self.name))

    def theirs(self) -> Callable:
        """The function to compare with (imports torch)."""
        reference = self.reference
        return self._unique(reference if callable(reference) else _resolve("torch", reference or self.name))

    def _unique(self, function: Callable) -> Callable:
        invariant = self.invariant
        return function if invariant is None else lambda *args, **kwargs: invariant(function(*args, **kwargs))


def draw(
    rng: np.random.Generator, *shape: int, low: float = -2.0, high: float = 2.0, apart: float = 0.0
) -> np.ndarray:
    """Uniform float64 numbers in [low, high), none closer than ``apart`` to zero, where functions have kinks
    or poles."""
    x = np.asarray(rng.uniform(low, high, shape))
    return np.where(np.abs(x) < apart, np.copysign(apart + np.abs(x), x), x) if apart else x


def distinct(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Numbers in random order that differ by at least 0.1: for maxima and sorting, whose derivatives jump at
    ties."""
    size = int(np.prod(shape))
    return (rng.permutation(size).reshape(shape) - size / 2 + rng.uniform(0, 0.9)) / 10


def all_rows() -> Iterator[Row]:
    """The rows of all families, in the order of the families' names."""
    package = importlib.import_module("cnn_physics77.testing.rows")
    modules = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    for name in sorted(module.name for module in modules if not module.ispkg):
        yield from importlib.import_module(name).rows


def _resolve(root: str, path: str) -> Callable:
    parts = path.split(".")
    module = importlib.import_module(root)
    while len(parts) > 1 and not hasattr(module, parts[0]):
        module = importlib.import_module(f"{module.__name__}.{parts.pop(0)}")
    found: Any = reduce(getattr, parts, module)
    return found


def _map(leaf: Callable, value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _map(leaf, v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_map(leaf, v) for v in value)
    return leaf(value)


def _describe(value: Any) -> str:
    def short(v):
        if isinstance(v, Constant):
            v = v.array
        return f"{v.dtype}{list(v.shape)}" if isinstance(v, np.ndarray) else v

    return repr(_map(short, value))
