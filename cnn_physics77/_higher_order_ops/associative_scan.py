"""``torch._higher_order_ops.associative_scan``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cnn_physics77.core.errors import ArgumentError, ShapeError
from cnn_physics77.core.operations.base.dimensions import dimension
from cnn_physics77.core.operations.indexing.cat_split import cat, stack
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.utils._pytree import tree_flatten, tree_leaves, tree_unflatten


def associative_scan(
    combine_fn: Callable, xs: Any, dim: int, reverse: bool = False, combine_mode: str = "pointwise"
) -> Any:
    r"""What is combined up to each place: :math:`y_0 = x_0`, :math:`y_i = f(y_{i - 1}, x_i)`, for an
    associative f. It takes about :math:`2 \log_2 n` calls of f, each for many places at once (G. Blelloch,
    *Prefix sums and their applications*, 1990).

    Args:
        combine_fn: f of two trees as ``xs``, of parts along ``dim``.
        xs: a tensor, or a tree of tensors of one size along ``dim``.
        reverse: from the last place to the first.
        combine_mode: "pointwise" or "generic"; not used.

    Raises:
        ShapeError: there is no dimension ``dim``; there is no tensor, or they have other sizes along it, or
            none; ``combine_fn`` gives another tree, or other shapes.
        TypeError: a leaf of ``xs``, or of what ``combine_fn`` gives, is no tensor.
        ArgumentError: ``combine_fn`` cannot be called, or there is no such mode.

    >>> import cnn_physics77 as torch
    >>> associative_scan(lambda a, b: a + b, torch.tensor([1, 2, 3, 4]), dim=0)
    tensor([ 1,  3,  6, 10])
    """
    if not callable(combine_fn):
        raise ArgumentError(f"associative_scan: expected a function as combine_fn, found {combine_fn!r}")
    if combine_mode not in ("pointwise", "generic"):
        raise ArgumentError(
            f"associative_scan: expected 'pointwise' or 'generic' as combine_mode, found {combine_mode!r}"
        )
    leaves, spec = tree_flatten(xs)
    _check_tensors("xs", leaves)
    if leaves:
        dim = dimension("associative_scan", dim, leaves[0].ndim)
    sizes = {x.shape[dim] if x.ndim > dim else None for x in leaves}
    if len(sizes) != 1 or not all(sizes):
        raise ShapeError(
            f"associative_scan: expected tensors of one size, of 1 at least, along dimension {dim}, found "
            f"{[tuple(x.shape) for x in leaves]}"
        )

    def combine(first: Sequence[Tensor], second: Sequence[Tensor]) -> list[Tensor]:
        places = [tree_unflatten([x.movedim(0, dim) for x in given], spec) for given in (first, second)]
        combined, found = tree_flatten(combine_fn(*places))
        _check_tensors("the result of combine_fn", combined)
        shapes = [tuple(x.shape) for x in combined]
        expected = [tuple(x.shape) for x in tree_leaves(places[0])]
        if found != spec or shapes != expected:
            raise ShapeError(
                "associative_scan: expected combine_fn to give tensors of the shapes that it was given, "
                f"{tree_unflatten(expected, spec)}, found {tree_unflatten(shapes, found)}"
            )
        return [y.movedim(dim, 0) for y in combined]

    parts = [x.movedim(dim, 0) for x in leaves]
    parts = [x.flip(0) for x in parts] if reverse else parts
    found = _scanned(combine, parts)
    found = [x.flip(0) for x in found] if reverse else found
    return tree_unflatten([x.movedim(0, dim) for x in found], spec)


def _check_tensors(what: str, leaves: list[Any]) -> None:
    for leaf in leaves:
        if not isinstance(leaf, Tensor):
            raise TypeError(f"associative_scan: expected tensors in {what}, found {leaf!r}")


def _scanned(combine: Callable, xs: list[Tensor]) -> list[Tensor]:
    """Pairs are combined and scanned, which gives every second place; one more call gives the others."""
    n = len(xs[0])
    if n == 1:
        return xs
    odd = _scanned(combine, combine([x[:-1:2] for x in xs], [x[1::2] for x in xs]))
    even = [x[:1] for x in xs]
    if n > 2:
        rest = combine([y[: (n - 1) // 2] for y in odd], [x[2::2] for x in xs])
        even = [cat(parts) for parts in zip(even, rest)]
    pairs = [stack([a[: n // 2], b], 1).flatten(0, 1) for a, b in zip(even, odd)]
    return [cat([pair, a[n // 2 :]]) for pair, a in zip(pairs, even)]


__all__ = ["associative_scan"]
