"""The case of a physics-informed network in the speed suite."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..adapters.base import Adapter
from .work import Arrays, Case, Work, values_of


@dataclass(frozen=True, kw_only=True)
class PinnCase(Case):
    """The step of a physics-informed network (Raissi et al. 2019) for a damped oscillation, without update.

    The network 1-32-32-1 with tanh gives u(t) at some points; the step gives the mean of
    (u'' + 4 u' + 400 u)^2 and its gradients, which hold third derivatives.
    """

    family: ClassVar[str] = "small graph"

    points: int = 30
    width: int = 32

    def draw(self, generator: np.random.Generator) -> Arrays:
        sizes = (1, self.width, self.width, 1)
        drawn: Arrays = {"t": np.linspace(0.0, 1.0, self.points)[:, None]}
        for number, (fan_in, fan_out) in enumerate(itertools.pairwise(sizes)):
            drawn[f"weight{number}"] = generator.standard_normal((fan_out, fan_in)) / fan_in**0.5
            drawn[f"bias{number}"] = 0.1 * generator.standard_normal(fan_out)
        return drawn

    def prepare(self, adapter: Adapter, given: Arrays) -> Work:
        torch = adapter.torch
        t, *layers = self.tensors(adapter, given).values()
        ones = torch.ones_like(t)

        def by_graph() -> tuple[Any, ...]:
            u = t
            for index in range(0, len(layers), 2):
                u = torch.nn.functional.linear(u, layers[index], layers[index + 1])
                u = u.tanh() if index + 2 < len(layers) else u
            (first,) = torch.autograd.grad(u, t, ones, create_graph=True)
            (second,) = torch.autograd.grad(first, t, ones, create_graph=True)
            loss = ((second + 4 * first + 400 * u) ** 2).mean()
            return (loss, *torch.autograd.grad(loss, layers))

        def by_products() -> tuple[Any, ...]:
            return pinn_by_products(torch.func.vjp, torch, ones, t, *layers)

        if adapter.name == "pytorch_compiled":  # what it compiles has no second derivative
            call = self.as_called(adapter, by_products)
        else:
            for tensor in (t, *layers):
                tensor.requires_grad_()
            call = self.as_called(adapter, by_graph)

        def values() -> Arrays:
            for _ in range(4 if self.captured else 1):  # the first calls are not replays yet
                loss, *gradients = call()
            names = list(given)[1:]
            return values_of(loss=loss, **dict(zip((f"gradient of {n}" for n in names), gradients)))

        return Work(call, values)


def pinn_by_products(
    vjp: Callable[..., Any], functions: Any, ones: Any, t: Any, *layers: Any
) -> tuple[Any, ...]:
    """The step of `PinnCase` for compilers that differentiate functions.

    Args:
        vjp: ``torch.func.vjp`` or ``jax.vjp``.
        functions: the module that has ``tanh``.
        ones: in the shape of `t`.
    """

    def u_of(t: Any, layers: Any) -> Any:
        for index in range(0, len(layers), 2):
            t = t @ layers[index].T + layers[index + 1]
            t = functions.tanh(t) if index + 2 < len(layers) else t
        return t

    def loss_of(*layers: Any) -> Any:
        def first_of(t: Any) -> Any:
            u, back = vjp(lambda t: u_of(t, layers), t)
            return back(ones)[0], u

        first, back, u = vjp(first_of, t, has_aux=True)
        (second,) = back(ones)
        return ((second + 4 * first + 400 * u) ** 2).mean()

    loss, back = vjp(loss_of, *layers)
    return (loss, *back(functions.ones_like(loss)))
