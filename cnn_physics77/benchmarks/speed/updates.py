"""Cases of optimizers alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..adapters.base import Adapter
from .work import Arrays, Case, Work, values_of


@dataclass(frozen=True, kw_only=True)
class UpdateCase(Case):
    """A step of an optimizer on parameters of given shapes, with constant gradients."""

    family: ClassVar[str] = "optimizer"

    optimizer: str
    arguments: Mapping[str, Any]
    shapes: tuple[tuple[int, ...], ...]

    def draw(self, generator: np.random.Generator) -> Arrays:
        return {
            f"{kind}{index}": generator.standard_normal(shape)
            for index, shape in enumerate(self.shapes)
            for kind in ("parameter", "gradient")
        }

    def prepare(self, adapter: Adapter, given: Arrays) -> Work:
        tensors = self.tensors(adapter, given)
        parameters = []
        for index in range(len(self.shapes)):
            parameter = adapter.torch.nn.Parameter(tensors[f"parameter{index}"])
            parameter.grad = tensors[f"gradient{index}"]
            parameters.append(parameter)
        arguments = dict(self.arguments) | ({"fused": True} if self.favours(adapter) else {})
        optimizer = getattr(adapter.optim, self.optimizer)(parameters, **arguments)

        def values() -> Arrays:
            for _ in range(3):
                optimizer.step()
            return values_of(**{f"parameter {index}": p for index, p in enumerate(parameters)})

        return Work(optimizer.step, values)
