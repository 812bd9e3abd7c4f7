"""``torch.nn.utils.stateless``: the former place of ``torch.func.functional_call``."""

from typing import Any

from cnn_physics77.core.backend.warning import warn
from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.func import modules as _functions


def functional_call(
    module: Module,
    parameters_and_buffers: dict[str, Tensor],
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """``torch.func.functional_call``, with PyTorch's warning that it is there."""
    warn(
        "`torch.nn.utils.stateless.functional_call` is deprecated; use `torch.func.functional_call`.",
        FutureWarning,
    )
    return _functions.functional_call(
        module, parameters_and_buffers, args, kwargs, tie_weights=tie_weights, strict=strict
    )


__all__ = ["functional_call"]
