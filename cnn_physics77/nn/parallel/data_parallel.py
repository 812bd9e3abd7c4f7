"""``torch.nn.parallel.data_parallel``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnn_physics77.core.layers.module import Module


class DataParallel(Module):
    """Calls the module, as PyTorch's does where there is no accelerator.

    Its parameters have the names ``module.*``.

    Args:
        module: the module.
        device_ids: not used.
        output_device: not used.
        dim: not used.

    >>> from cnn_physics77 import nn
    >>> list(nn.DataParallel(nn.Linear(2, 1)).state_dict())
    ['module.weight', 'module.bias']
    """

    def __init__(
        self,
        module: Module,
        device_ids: Sequence[Any] | None = None,
        output_device: Any = None,
        dim: int = 0,
    ) -> None:
        super().__init__()
        self.module = module
        self.device_ids: list = []

    def forward(self, *inputs, **kwargs):
        return self.module(*inputs, **kwargs)


def data_parallel(
    module: Module,
    inputs: Any,
    device_ids: Sequence[Any] | None = None,
    output_device: Any = None,
    dim: int = 0,
    module_kwargs: dict[str, Any] | None = None,
) -> Any:
    """``module(*inputs, **module_kwargs)``; ``inputs`` is a tuple, or the only input."""
    inputs = inputs if isinstance(inputs, tuple) else (inputs,)
    return module(*inputs, **(module_kwargs or {}))


__all__ = ["DataParallel", "data_parallel"]
