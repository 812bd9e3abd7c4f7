"""``torch.nn.parallel.distributed``."""

from __future__ import annotations

from typing import Any, NoReturn

from cnn_physics77.core.layers.module import Module


class DistributedDataParallel(Module):
    """A module in several processes. There is no group of processes: making one raises ValueError."""

    def __init__(self, module: Module, *args: Any, **kwargs: Any) -> NoReturn:
        raise ValueError(
            "DistributedDataParallel: expected a process group, found none, and none can be made; call the "
            "module itself, and ask torch.distributed.is_available() first"
        )


__all__ = ["DistributedDataParallel"]
