"""Collation, as in ``torch.utils.data``: a list of samples becomes one batch."""

from __future__ import annotations

import collections.abc
import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cnn_physics77.core.operations.indexing.cat_split import stack
from cnn_physics77.core.tensor import Tensor, from_numpy, tensor

Rules = dict[Any, Callable[..., Any]]


def collate(batch: Sequence[Any], *, collate_fn_map: Rules | None = None) -> Any:
    """Collate samples by the type of the first one.

    Args:
        batch: samples of equal structure, at least one.
        collate_fn_map: maps a type, or a tuple of types, to ``function(batch, *, collate_fn_map)``. The exact
            type is looked up first, then the entries are tried in order with `isinstance`. Containers without
            an entry are collated element by element: mappings by key, named tuples and sequences by position.
            A tuple becomes a list.
    Raises:
        RuntimeError: sequences of unequal length.
        TypeError: samples of a type that has no entry.
    """
    first = batch[0]
    rules = collate_fn_map or {}
    rule = rules.get(type(first)) or next((f for kind, f in rules.items() if isinstance(first, kind)), None)
    if rule is not None:
        return rule(batch, collate_fn_map=collate_fn_map)
    if isinstance(first, collections.abc.Mapping):
        columns = {
            key: collate([sample[key] for sample in batch], collate_fn_map=collate_fn_map) for key in first
        }
        return _like(first, columns)
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return type(first)(*(collate(column, collate_fn_map=collate_fn_map) for column in zip(*batch)))
    if isinstance(first, collections.abc.Sequence):
        if any(len(sample) != len(first) for sample in batch):
            raise RuntimeError(
                "collate: each element in list of batch should be of equal size, found "
                f"lengths {sorted({len(sample) for sample in batch})}; give the loader a collate_fn that pads"
            )
        parts = [collate(column, collate_fn_map=collate_fn_map) for column in zip(*batch)]
        return parts if isinstance(first, tuple) else _like(first, parts)
    raise TypeError(
        "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; "
        f"found {type(first)}; give the loader a collate_fn"
    )


def _like(container: Any, content: Any) -> Any:
    """A copy of `container` with `content`; `content` itself if the type cannot be copied or filled."""
    try:
        if isinstance(container, collections.abc.MutableMapping):
            clone: Any = copy.copy(container)
            clone.update(content)
            return clone
        if isinstance(container, collections.abc.MutableSequence):
            clone = copy.copy(container)
            for i, item in enumerate(content):
                clone[i] = item
            return clone
        return type(container)(content)
    except TypeError:  # for example range, whose constructor accepts no sequence
        return content


def _collate_tensors(batch: Sequence[Tensor], *, collate_fn_map: Rules | None = None) -> Tensor:
    return stack(batch)


def _collate_arrays(batch: Sequence[np.ndarray], *, collate_fn_map: Rules | None = None) -> Tensor:
    if batch[0].dtype.kind in "SUO":
        raise TypeError(
            "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found an "
            f"array of {batch[0].dtype}"
        )
    return from_numpy(np.stack(batch))


def _collate_scalars(batch: Sequence[np.generic], *, collate_fn_map: Rules | None = None) -> Tensor:
    return from_numpy(np.array(batch))


def _collate_floats(batch: Sequence[float], *, collate_fn_map: Rules | None = None) -> Tensor:
    return tensor(batch, dtype=np.float64)


def _collate_integers(batch: Sequence[int], *, collate_fn_map: Rules | None = None) -> Tensor:
    return tensor(batch)


def _collate_unchanged(batch: Sequence[Any], *, collate_fn_map: Rules | None = None) -> Any:
    return batch


default_collate_fn_map: Rules = {
    Tensor: _collate_tensors,
    np.ndarray: _collate_arrays,
    (np.bool_, np.number): _collate_scalars,
    float: _collate_floats,
    int: _collate_integers,
    str: _collate_unchanged,
    bytes: _collate_unchanged,
}
"""The entries of `default_collate`; add one to collate a type of your own."""


def default_collate(batch: Sequence[Any]) -> Any:
    """Stack samples along a new first dimension; containers keep their structure.

    Tensors and NumPy arrays are stacked and keep their dtype. Python floats become float64, integers int64,
    booleans bool. Strings and bytes stay a list. Everything else, and the errors, as for `collate`.

    >>> default_collate([{"A": 0, "B": "x"}, {"A": 100, "B": "y"}])
    {'A': tensor([  0, 100]), 'B': ['x', 'y']}
    """
    return collate(batch, collate_fn_map=default_collate_fn_map)


def default_convert(data: Any) -> Any:
    """Convert the NumPy arrays and scalars of a sample to Tensors, as a loader does without batching.

    Containers keep their structure, except that a tuple becomes a list. Everything else is unchanged.

    >>> default_convert({"name": "x", "image": np.zeros(2)})
    {'name': 'x', 'image': tensor([0., 0.], dtype=torch.float64)}
    """
    if isinstance(data, (np.ndarray, np.generic)) and data.dtype.kind not in "SUO":
        return from_numpy(np.asarray(data))
    if isinstance(data, collections.abc.Mapping):
        return _like(data, {key: default_convert(item) for key, item in data.items()})
    if isinstance(data, tuple):
        parts = [default_convert(item) for item in data]
        return type(data)(*parts) if hasattr(data, "_fields") else parts
    if isinstance(data, collections.abc.Sequence) and not isinstance(data, (str, bytes)):
        return _like(data, [default_convert(item) for item in data])
    return data
