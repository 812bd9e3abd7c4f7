"""Hooks of all modules, of those that exist and those that will."""

from __future__ import annotations

from collections.abc import Callable

from cnn_physics77.core.handles import RemovableHandle
from cnn_physics77.core.layers.hooks import ModuleHooks, of_all_modules
from cnn_physics77.core.layers.module import Module


def _of_all() -> ModuleHooks:
    Module._hooks = of_all_modules  # until then, a module without hooks of its own need not look for any
    return of_all_modules


def register_module_forward_pre_hook(hook: Callable) -> RemovableHandle:
    """Call ``hook(module, args)`` before the ``forward`` of every module. A result, unless None, replaces the
    arguments. These hooks are called before those of the module.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.nn.modules.module import register_module_forward_pre_hook
    >>> with register_module_forward_pre_hook(lambda module, args: print(type(module).__name__)):
    ...     _ = torch.nn.Sequential(torch.nn.ReLU())(torch.ones(1))
    Sequential
    ReLU
    """
    return _of_all().register("forward_pre", hook)


def register_module_forward_hook(
    hook: Callable, *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Call ``hook(module, args, output)`` after the ``forward`` of every module. A result, unless None,
    replaces the output.

    Args:
        with_kwargs: call ``hook(module, args, kwargs, output)``.
        always_call: call it even if ``forward`` raises.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.nn.modules.module import register_module_forward_hook
    >>> with register_module_forward_hook(lambda module, args, output: output * 2):
    ...     torch.nn.ReLU()(torch.ones(1))
    tensor([2.])
    """
    return _of_all().register("forward", hook, with_kwargs=with_kwargs, always=always_call)


def register_module_full_backward_pre_hook(hook: Callable) -> RemovableHandle:
    """Call ``hook(module, grad_output)`` when the gradients of the outputs of any module are computed. A
    result, unless None, replaces them."""
    return _of_all().register("backward_pre", hook)


def register_module_full_backward_hook(hook: Callable) -> RemovableHandle:
    """Call ``hook(module, grad_input, grad_output)`` when the gradients of the positional inputs of any
    module are computed. A result, unless None, replaces ``grad_input``.

    Raises:
        RuntimeError: there is, or was, a hook of :func:`register_module_backward_hook`.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.nn.modules.module import register_module_full_backward_hook
    >>> x = torch.ones(1, requires_grad=True)
    >>> with register_module_full_backward_hook(lambda module, grad_input, grad_output: print(grad_output)):
    ...     torch.nn.ReLU()(x * 3).backward()
    (tensor([1.]),)
    """
    return _of_all().register_backward(hook, full=True)


def register_module_backward_hook(hook: Callable) -> RemovableHandle:
    """Deprecated: call ``hook(module, grad_input, grad_output)`` when the last operation of any module's
    ``forward`` is differentiated; ``grad_input`` are the gradients of its inputs, not of the module's.

    Raises:
        RuntimeError: there is, or was, a hook of :func:`register_module_full_backward_hook`.
    """
    return _of_all().register_backward(hook, full=False)


__all__ = [
    "register_module_backward_hook",
    "register_module_forward_hook",
    "register_module_forward_pre_hook",
    "register_module_full_backward_hook",
    "register_module_full_backward_pre_hook",
]
