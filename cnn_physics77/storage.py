"""``torch.storage``: the memory of tensors."""

from typing import Any

from cnn_physics77 import _places
from cnn_physics77.core.operations.indexing.memory import TypedStorage, UntypedStorage


def is_storage(obj: Any, /) -> bool:
    """Whether it is the memory of a tensor.

    >>> import cnn_physics77 as torch
    >>> torch.is_storage(torch.ones(2).untyped_storage()), torch.is_storage(torch.ones(2))
    (True, False)
    """
    return isinstance(obj, (TypedStorage, UntypedStorage))


__all__ = ["TypedStorage", "UntypedStorage", "is_storage"]

_places.settle(globals())
