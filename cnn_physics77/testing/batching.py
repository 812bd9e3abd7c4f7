"""``vmap`` against a loop, on the rows of the table of operations.

For each sample the first array, and all of them, are given for three examples. Compared are the values, the
gradients for all examples together (``grad`` of ``vmap``), and those of each (``vmap`` of ``grad``).

    python -m cnn_physics77.testing.batching [NAME ...]

prints what departs, and which operations are refused or computed in a loop, for the rows named, or matched by
patterns such as ``'linalg.*'``.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

import cnn_physics77 as torch
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.testing.table import Constant, Row, Sample, all_rows
from cnn_physics77.utils._pytree import tree_leaves

FACTORS = (1.0, 0.97, 0.94)
"""The examples are multiples of a sample's arrays, so that most stay in the domain."""


def findings(row: Row, rng: np.random.Generator) -> Iterator[tuple[str, str]]:
    """(kind, text) of everything to say about a row: it ``"departs"``, or is ``"refused"``, or what it needs
    is computed in a ``"loop"``; ``"equal"`` for each comparison that was passed."""
    for number, sample in enumerate(row.samples(rng)):
        for places in _places(sample):
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                try:
                    kind, what = _compared(row, sample, places)
                except RuntimeError as error:
                    kind, what = "refused" if str(error).startswith("vmap: ") else "departs", repr(error)
                except Exception as error:
                    kind, what = "departs", repr(error)
            for warning in caught:
                if "performance drop" in str(warning.message):
                    yield "loop", str(warning.message).partition(" rule for ")[2].partition(":")[0]
            if kind:
                yield kind, f"{row.name}, sample {number}, batched at {places}: {what}"


def _places(sample: Sample) -> set[tuple[int, ...]]:
    """The numbers of the arguments to be batched: several choices."""
    leaves: list[Any] = []
    sample.convert(leaves.append)
    arrays = [i for i, leaf in enumerate(leaves) if isinstance(leaf, (np.ndarray, Constant))]
    floating = [i for i in arrays if isinstance(leaves[i], np.ndarray) and leaves[i].dtype.kind in "fc"]
    return {tuple(arrays[:1]), tuple(floating[1:2]), tuple(floating), tuple(arrays)} - {()}


def _compared(row: Row, sample: Sample, places: tuple[int, ...]) -> tuple[str, str]:
    function = row.ours()

    def of_one(*xs: Tensor) -> list[Tensor]:
        args, kwargs, _ = _arguments(sample, places, 1.0, xs)
        return _tensors(function(*args, **kwargs))

    given = [_arguments(sample, places, factor)[2] for factor in FACTORS]
    try:
        separate = [of_one(*xs) for xs in given]
        again = of_one(*given[0])
    except Exception:
        return "", ""  # a multiple is not in the domain
    if not again or not all(map(_equal, again, separate[0])):
        return "", ""  # no tensors, or random ones
    if len({tuple(y.shape for y in ys) for ys in separate}) > 1:
        return "", ""  # the shapes depend on values
    xs = [torch.stack(column) for column in zip(*given)]
    together = torch.vmap(of_one)(*xs)
    for i, (value, column) in enumerate(zip(together, zip(*separate))):
        if not _close(value, torch.stack(column), row.rtol, row.atol):
            return "departs", f"values of output {i}"
    if row.order and all(x.array.dtype.kind in "fc" for x in xs):
        return _compared_gradients(row, of_one, xs)
    return "equal", "values"


def _compared_gradients(row: Row, of_one: Callable, xs: list[Tensor]) -> tuple[str, str]:
    def loss(*xs: Tensor) -> Tensor:
        ys = [y for y in of_one(*xs) if y.array.dtype.kind in "fc"]
        return torch.stack([(y * y.conj()).real.sum() for y in ys]).sum()

    numbers = tuple(range(len(xs)))
    try:
        separate = [torch.func.grad(loss, numbers)(*(x[i] for x in xs)) for i in range(len(FACTORS))]
    except Exception:
        return "equal", "values"  # without a derivative
    each = torch.vmap(torch.func.grad(loss, numbers))(*xs)
    whole = torch.func.grad(lambda *xs: torch.vmap(loss)(*xs).sum(), numbers)(*xs)
    for i, column in enumerate(zip(*separate)):
        for what, found in (("vmap of grad", each[i]), ("grad of vmap", whole[i])):
            if not _close(found, torch.stack(column), 100 * row.rtol, 100 * row.atol):
                return "departs", f"{what}, by argument {i}"
    return "equal", "gradients"


def _arguments(
    sample: Sample, places: tuple[int, ...], factor: float, given: tuple = ()
) -> tuple[tuple, dict, list[Tensor]]:
    """The arguments of one example, and those of them that are at ``places``, or are ``given``."""
    own: list[Tensor] = []
    number = -1

    def leaf(value: Any) -> Any:
        nonlocal number
        number += 1
        value = value.array if isinstance(value, Constant) else value
        if not isinstance(value, np.ndarray):
            return value
        if number not in places:
            return torch.tensor(value)
        tensor = (
            given[len(own)] if given else torch.tensor(value * factor if value.dtype.kind in "fc" else value)
        )
        own.append(tensor)
        return tensor

    args, kwargs = sample.convert(leaf)
    return args, kwargs, own


def _tensors(result: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]


def _equal(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and np.array_equal(a.array, b.array, equal_nan=a.array.dtype.kind in "fc")


def _close(a: Tensor, b: Tensor, rtol: float, atol: float) -> bool:
    x, y = a.array, b.array
    return x.shape == y.shape and x.dtype == y.dtype and np.allclose(x, y, rtol, atol, equal_nan=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare the rows named; 1 if something departs, 2 if no row has such a name."""
    parser = argparse.ArgumentParser(
        prog="python -m cnn_physics77.testing.batching", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("names", metavar="NAME", nargs="*", help="rows, or patterns; without any, all")
    rows, names = list(all_rows()), parser.parse_args(arguments).names
    for name in names:
        if not any(fnmatchcase(row.name, name) for row in rows):
            parser.error(f"no row of the table of operations is named {name}")
    found: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if not names or any(fnmatchcase(row.name, name) for name in names):
            for kind, text in findings(row, np.random.default_rng(0)):
                found[kind].append(text)
    for text in found["departs"]:
        print(text)
    print(f"equal: {len(found['equal'])} comparisons; departures: {len(found['departs'])}")
    print("refused:", ", ".join(sorted({text.partition(",")[0] for text in found["refused"]})) or "none")
    print("computed in a loop:", ", ".join(sorted(set(found["loop"]))) or "none")
    return int(bool(found["departs"]))


if __name__ == "__main__":
    sys.exit(main())
