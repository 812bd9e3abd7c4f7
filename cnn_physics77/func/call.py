"""A call of an operation with tensors of a batch, as rules get it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cnn_physics77.core.operations.base.broadcasting import expand_to
from cnn_physics77.core.operations.base.operation import Operation
from cnn_physics77.core.operations.indexing.shape import reshape
from cnn_physics77.func.batched import Batch


@dataclass
class Call:
    """One call of an operation.

    Attributes:
        operation: computes the result of tensors and parameters.
        batch: the examples, of which there are ``size``.
        inputs: tensors of all examples, or that they share, or None.
        mapped: for each input, whether it is one of all examples.
        parameters: of the operation, for one example.
    """

    operation: Operation
    batch: Batch
    inputs: Sequence[Any]
    mapped: Sequence[bool]
    parameters: dict[str, Any]

    @property
    def size(self) -> int:
        return self.batch.size

    def spread(self, i: int, rank: int | None = None) -> Any:
        """Input i for all examples, with ``rank`` dimensions of its own, the new ones in front."""
        x = self.inputs[i]
        if x is None:
            return x
        shape = x.shape[1:] if self.mapped[i] else x.shape
        shape = (*(1,) * ((rank or 0) - len(shape)), *shape)
        if not self.mapped[i]:
            return expand_to(x, (self.size, *shape))
        return x if len(shape) == x.ndim - 1 else reshape(x, (self.size, *shape))

    def all(self, rank: int | None = None) -> list[Any]:
        return [self.spread(i, rank) for i in range(len(self.inputs))]

    def ranks(self) -> list[int]:
        return [x.ndim - m for x, m in zip(self.inputs, self.mapped) if x is not None]


__all__ = ["Call"]
