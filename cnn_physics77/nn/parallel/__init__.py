"""``torch.nn.parallel``: one module on several devices. There is one device, so the module is just called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

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


class DistributedDataParallel(Module):
    """A module in several processes. There is no group of processes: making one raises ValueError."""

    def __init__(self, module: Module, *args: Any, **kwargs: Any) -> NoReturn:
        raise ValueError(
            "DistributedDataParallel: expected a process group, found none, and none can be made; call the "
            "module itself, and ask torch.distributed.is_available() first"
        )


__all__ = ["DataParallel", "DistributedDataParallel", "data_parallel"]
