"""``torch.utils._foreach_utils``: lists of tensors in groups of one dtype, as optimizers make them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnn_physics77.core.tensor import Tensor


def _group_tensors_by_device_and_dtype(
    tensorlistlist: Sequence[Sequence[Tensor | None]], with_indices: bool = False
) -> dict[tuple[Any, Any], tuple[list[list[Tensor | None]], list[int]]]:
    """The lists in parts: those places where the first list has tensors of one device and dtype.

    Returns:
        For each device and dtype the parts of the lists, and their places if ``with_indices``.

    >>> import cnn_physics77 as torch
    >>> [group] = _group_tensors_by_device_and_dtype([[torch.ones(1)], [None]], with_indices=True).values()
    >>> group
    ([[tensor([1.])], [None]], [0])
    """
    groups: dict[tuple[Any, Any], tuple[list[list[Tensor | None]], list[int]]] = {}
    for place, tensors in enumerate(zip(*tensorlistlist, strict=True)):
        first: Any = tensors[0]
        lists, places = groups.setdefault((first.device, first.dtype), ([[] for _ in tensors], []))
        for group, tensor in zip(lists, tensors):
            group.append(tensor)
        places += [place] if with_indices else []
    return groups
