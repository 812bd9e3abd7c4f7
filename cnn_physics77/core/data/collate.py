"""From a list of samples to one batch, as in `torch.utils.data`."""

from __future__ import annotations

import collections.abc
import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .registry import registry

Rules = dict[Any, Callable[..., Any]]


def collate(batch: Sequence[Any], *, collate_fn_map: Rules | None = None) -> Any:
    """Put samples together by the type of the first one.

    Args:
        batch: samples of one structure.
        collate_fn_map: type (or tuple of types) -> ``function(batch, *, collate_fn_map)``, tried by exact
            type, then in order by `isinstance`; containers that it does not name are walked: mappings key by
            key, named tuples and sequences position by position (a plain tuple becomes a list).
    Raises:
        RuntimeError: sequences of unequal length. TypeError: samples of a type that has no rule.
    """
    first = batch[0]
    rules = collate_fn_map or {}
    rule = rules.get(type(first)) or next((f for kind, f in rules.items() if isinstance(first, kind)), None)
    if rule is not None:
        return rule(batch, collate_fn_map=collate_fn_map)
    if isinstance(first, collections.abc.Mapping):
        merged = {
            key: collate([sample[key] for sample in batch], collate_fn_map=collate_fn_map) for key in first
        }
        return _like(first, merged)
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return type(first)(*(collate(column, collate_fn_map=collate_fn_map) for column in zip(*batch)))
    if isinstance(first, collections.abc.Sequence):
        if any(len(sample) != len(first) for sample in batch):
            raise RuntimeError(
                "collate: each element in list of batch should be of equal size, "
                f"found lengths {sorted({len(sample) for sample in batch})}; "
                "give the loader a collate_fn that pads"
            )
        columns = [collate(column, collate_fn_map=collate_fn_map) for column in zip(*batch)]
        return columns if isinstance(first, tuple) else _like(first, columns)
    raise TypeError(
        "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; "
        f"found {type(first)}; give the loader a collate_fn"
    )


def _like(container: Any, content: Any) -> Any:
    """`content` in a container of the same type, keeping its other attributes; plain where that cannot be."""
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
    except TypeError:  # no copy, no item assignment, or another constructor (range, for one)
        return content


def _collate_arrays(batch: Sequence[np.ndarray], *, collate_fn_map: Rules | None = None) -> Any:
    if batch[0].dtype.kind in "SUO":
        raise TypeError(
            "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; "
            f"found an array of {batch[0].dtype}"
        )
    return registry.from_array(np.stack(batch))


def _collate_numbers(batch: Sequence[Any], *, collate_fn_map: Rules | None = None) -> Any:
    return registry.from_array(np.array(batch))


def _collate_unchanged(batch: Sequence[Any], *, collate_fn_map: Rules | None = None) -> Any:
    return batch


default_collate_fn_map: Rules = {
    np.ndarray: _collate_arrays,
    (np.bool_, np.number): _collate_numbers,
    bool: _collate_numbers,
    int: _collate_numbers,
    float: _collate_numbers,
    str: _collate_unchanged,
    bytes: _collate_unchanged,
}
"""The rules of `default_collate`; add to it to teach loaders a type of your own."""


def default_collate(batch: Sequence[Any]) -> Any:
    """Stack samples along a new first axis; containers keep their structure.

    Tensors and NumPy arrays are stacked and keep their dtype; Python floats make float64, ints int64; strings
    and bytes stay a list. Raises as `collate` does.

    >>> default_collate([{"A": 0, "B": "x"}, {"A": 100, "B": "y"}])["B"]
    ['x', 'y']
    """
    if isinstance(batch[0], registry.tensor_type):
        return registry.stack(batch)
    rules = {registry.tensor_type: lambda samples, collate_fn_map: registry.stack(samples)}
    return collate(batch, collate_fn_map=rules | default_collate_fn_map)


def default_convert(data: Any) -> Any:
    """One sample with its NumPy arrays made Tensors, structure kept: what a loader does without batching.

    >>> default_convert({"name": "x"})
    {'name': 'x'}
    """
    if isinstance(data, (np.ndarray, np.generic)) and data.dtype.kind not in "SUO":
        return registry.from_array(np.asarray(data))
    if isinstance(data, collections.abc.Mapping):
        return _like(data, {key: default_convert(item) for key, item in data.items()})
    if isinstance(data, tuple):
        parts = [default_convert(item) for item in data]
        return type(data)(*parts) if hasattr(data, "_fields") else parts
    if isinstance(data, collections.abc.Sequence) and not isinstance(data, (str, bytes)):
        return _like(data, [default_convert(item) for item in data])
    return data
