"""``torch.utils.dlpack``: tensors handed over to other libraries, and taken from them, without a copy."""

from typing import Any

from cnn_physics77.core.operations.creation.from_memory import from_dlpack
from cnn_physics77.core.tensor import Tensor


def to_dlpack(tensor: Tensor) -> Any:
    """The memory of a tensor as a capsule of the DLPack protocol, for a library's ``from_dlpack``.

    Raises:
        GradientError: the tensor requires grad; detach it first.
    """
    return tensor.__dlpack__()


__all__ = ["from_dlpack", "to_dlpack"]
