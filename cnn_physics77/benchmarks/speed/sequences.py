"""Cases of layers for sequences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..adapters.base import Adapter
from .work import SEED, Arrays, Case, Work, draw_gradient, values_of


@dataclass(frozen=True, kw_only=True)
class SequenceCase(Case):
    """A layer of torch.nn, forward and backward: y = layer(x), and the gradients of g·y with respect to x and
    all parameters.

    Attributes:
        build: makes the layer from torch.
        shape: of x.
    """

    family: ClassVar[str] = "sequences"

    build: Callable[[Any], Any]
    shape: tuple[int, ...]

    def draw(self, generator: np.random.Generator) -> Arrays:
        return {"x": generator.standard_normal(self.shape)}

    def _layer(self, adapter: Adapter) -> Any:
        """The layer; each parameter has the same values in both frameworks."""
        layer = self.build(adapter.torch).to(getattr(adapter.torch, self.dtype))
        generator = np.random.default_rng([SEED, 2])
        with adapter.torch.no_grad():
            for parameter in layer.parameters():
                values = generator.standard_normal(tuple(parameter.shape)) / parameter.shape[-1] ** 0.5
                parameter.copy_(adapter.from_numpy(values.astype(self.dtype)))
        return layer

    def prepare(self, adapter: Adapter, given: Arrays) -> Work:
        torch, layer = adapter.torch, self._layer(adapter)
        x = self.tensors(adapter, given)["x"].requires_grad_()
        inputs = [x, *layer.parameters()]

        def forward() -> Any:
            y = layer(x)
            return y[0] if isinstance(y, tuple) else y

        with torch.no_grad():
            shape = tuple(forward().shape)
        g = adapter.from_numpy(draw_gradient(shape, self.dtype))

        def step() -> tuple[Any, ...]:
            y = forward()
            return (y, *torch.autograd.grad(y, inputs, g))

        call = self.as_called(adapter, step)

        def values() -> Arrays:
            for _ in range(4 if self.captured else 1):  # the first calls are not replays yet
                y, *gradients = call()
            names = ["x", *(name for name, _ in layer.named_parameters())]
            return values_of(y=y, **{f"gradient of {n}": found for n, found in zip(names, gradients)})

        return Work(call, values)
