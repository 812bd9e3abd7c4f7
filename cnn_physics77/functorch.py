"""``functorch``: the package beside PyTorch in which :mod:`cnn_physics77.func` began.

Scripts of that time take the parameters out of a module by :func:`make_functional`, where newer ones use
:func:`torch.func.functional_call`.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

from cnn_physics77 import _lacking
from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.func import (
    functional_call,
    functionalize,
    grad,
    grad_and_value,
    hessian,
    jacfwd,
    jacrev,
    jvp,
    stack_module_state,
    vjp,
    vmap,
)


class FunctionalModuleWithBuffers(Module):
    """A module that takes its parameters and buffers as arguments; from :func:`make_functional_with_buffers`.

    Attributes:
        stateless_model: the module.
        param_names, buffer_names: the dotted names of what it is given.
    """

    def __init__(self, stateless_model: Module) -> None:
        super().__init__()
        self.stateless_model = stateless_model
        self.param_names = tuple(name for name, _ in stateless_model.named_parameters())
        self.buffer_names = tuple(name for name, _ in stateless_model.named_buffers())

    def forward(self, params: Sequence[Tensor], buffers: Sequence[Tensor], *args, **kwargs):
        names = (*self.param_names, *self.buffer_names)
        given = dict(zip(names, (*params, *buffers), strict=True))
        return functional_call(self.stateless_model, given, args, kwargs)


class FunctionalModule(FunctionalModuleWithBuffers):
    """A module without buffers that takes its parameters as an argument; from :func:`make_functional`."""

    def forward(self, params: Sequence[Tensor], *args, **kwargs):
        return super().forward(params, (), *args, **kwargs)


def make_functional(
    model: Module, disable_autograd_tracking: bool = False
) -> tuple[FunctionalModule, tuple[Tensor, ...]]:
    """A module as a function ``func(params, *args)``, and a copy of its parameters.

    Args:
        model: without buffers; it is copied.
        disable_autograd_tracking: whether the parameters are constants.

    Raises:
        RuntimeError: the model has buffers.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.functorch import grad, make_functional
    >>> func, params = make_functional(torch.nn.Linear(2, 1))
    >>> loss = lambda params, x: func(params, x).sum()
    >>> grad(loss)(params, torch.tensor([[3.0, 4.0]]))[0]
    tensor([[3., 4.]])
    """
    if any(True for _ in model.buffers()):
        raise RuntimeError(
            "make_functional(model): `model` has buffers. Please use make_functional_with_buffers(model) "
            "instead."
        )
    func = FunctionalModule(deepcopy(model))
    return func, _parameters_of(func, disable_autograd_tracking)


def make_functional_with_buffers(
    model: Module, disable_autograd_tracking: bool = False
) -> tuple[FunctionalModuleWithBuffers, tuple[Tensor, ...], tuple[Tensor, ...]]:
    """A module as a function ``func(params, buffers, *args)``, and copies of its parameters and buffers.

    Args:
        model: it is copied.
        disable_autograd_tracking: whether the parameters are constants.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.functorch import make_functional_with_buffers
    >>> func, params, buffers = make_functional_with_buffers(torch.nn.BatchNorm1d(1))
    >>> func(params, buffers, torch.tensor([[1.0], [3.0]])).detach().round(decimals=3).T
    tensor([[-1.,  1.]])
    >>> buffers[0]  # the running mean: what forward changes in place is changed here
    tensor([0.2000])
    """
    func = FunctionalModuleWithBuffers(deepcopy(model))
    return func, _parameters_of(func, disable_autograd_tracking), tuple(func.buffers())


def _parameters_of(func: Module, constant: bool) -> tuple[Tensor, ...]:
    return tuple(func.requires_grad_(False).parameters() if constant else func.parameters())


def combine_state_for_ensemble(
    models: Sequence[Module],
) -> tuple[FunctionalModuleWithBuffers, tuple[Tensor, ...], tuple[Tensor, ...]]:
    """The first model as a function, and the parameters and buffers of all, stacked along a new first
    dimension, for :func:`vmap`.

    Raises:
        RuntimeError: no model, or models of several classes or modes.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.functorch import combine_state_for_ensemble, vmap
    >>> models = [torch.nn.Linear(2, 1) for _ in range(3)]
    >>> func, params, buffers = combine_state_for_ensemble(models)
    >>> vmap(func, in_dims=(0, 0, None))(params, buffers, torch.ones(4, 2)).shape
    torch.Size([3, 4, 1])
    """
    params, buffers = stack_module_state(models)
    constants = (tensor.detach() for tensor in params.values())
    return FunctionalModuleWithBuffers(deepcopy(models[0])), tuple(constants), tuple(buffers.values())


__all__ = [
    "FunctionalModule",
    "FunctionalModuleWithBuffers",
    "combine_state_for_ensemble",
    "functionalize",
    "grad",
    "grad_and_value",
    "hessian",
    "jacfwd",
    "jacrev",
    "jvp",
    "make_functional",
    "make_functional_with_buffers",
    "vjp",
    "vmap",
]

__getattr__, __dir__ = _lacking.attributes(
    globals(), "make_fx", "nothing is traced into a graph of modules; torch.compile captures a function"
)
