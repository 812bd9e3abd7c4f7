"""Modules whose parameters are not initialised."""

from __future__ import annotations

import inspect
from typing import TypeVar

from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.random import default_generator

M = TypeVar("M", bound=Module)


def skip_init(module_cls: type[M], *args, **kwargs) -> M:
    """A module whose parameters hold any values: no random numbers are drawn for them.

    Args:
        module_cls: takes ``device`` as an argument.
        args, kwargs: of its constructor.

    Raises:
        RuntimeError: not a module, or without the argument ``device``.

    >>> import cnn_physics77 as torch
    >>> torch.nn.utils.skip_init(torch.nn.Linear, 3, 2)
    Linear(in_features=3, out_features=2, bias=True)
    """
    if not issubclass(module_cls, Module):
        raise RuntimeError(f"skip_init: Expected a Module; got {module_cls}")
    if "device" not in inspect.signature(module_cls).parameters:
        raise RuntimeError(
            "skip_init: Module must support a 'device' arg to skip initialization, found "
            f"{module_cls.__name__}"
        )
    state = default_generator.position()
    try:
        return module_cls(*args, **kwargs)
    finally:
        default_generator.go_to(state)


__all__ = ["skip_init"]
