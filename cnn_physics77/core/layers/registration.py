"""The registries of modules, and the hooks of all modules on what is put into them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cnn_physics77.core.handles import RemovableHandle

REGISTRIES = ("_parameters", "_buffers", "_modules")

_hooks: dict[str, dict[int, Callable]] = {registry: {} for registry in REGISTRIES}


def registered(module: Any, registry: str, name: str, value: Any) -> Any:
    """What is to be put into a registry of a module: the value, or what the last hook returned for it."""
    for hook in list(_hooks[registry].values()):
        replaced = hook(module, name, value)
        if replaced is not None:
            value = replaced
    return value


def register_module_parameter_registration_hook(hook: Callable) -> RemovableHandle:
    """Call ``hook(module, name, param)`` before a parameter is registered, of any module. A result, unless
    None, is registered instead of it. A name that is reserved by None calls no hook.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.nn.modules.module import register_module_parameter_registration_hook
    >>> with register_module_parameter_registration_hook(lambda module, name, p: print(name, p.shape)):
    ...     layer = torch.nn.Linear(2, 3)
    weight torch.Size([3, 2])
    bias torch.Size([3])
    """
    return RemovableHandle(_hooks["_parameters"], hook)


def register_module_buffer_registration_hook(hook: Callable) -> RemovableHandle:
    """Call ``hook(module, name, buffer)`` before a buffer, or None, is registered, of any module. A result,
    unless None, is registered instead of it."""
    return RemovableHandle(_hooks["_buffers"], hook)


def register_module_module_registration_hook(hook: Callable) -> RemovableHandle:
    """Call ``hook(module, name, submodule)`` before a submodule, or None, is registered, of any module. A
    result, unless None, is registered instead of it.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.nn.modules.module import register_module_module_registration_hook
    >>> with register_module_module_registration_hook(lambda module, name, submodule: torch.nn.Tanh()):
    ...     torch.nn.Sequential(torch.nn.ReLU())
    Sequential(
      (0): Tanh()
    )
    """
    return RemovableHandle(_hooks["_modules"], hook)


__all__ = [
    "register_module_buffer_registration_hook",
    "register_module_module_registration_hook",
    "register_module_parameter_registration_hook",
]
