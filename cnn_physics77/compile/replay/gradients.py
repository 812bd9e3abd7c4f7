"""Gradients that leaves have before a call, and that its program reads or adds to.

The program uses them where they lay in the capture, as long as they lie there. Who adds gradients up over
some calls gets new ones now and then: from then on the program works on memory of its own, and copies them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from cnn_physics77.compile.capture.trace import Buffer, Operand, array_at, bounds, owner_of
from cnn_physics77.compile.replay.program import Program
from cnn_physics77.core.tensor import Tensor

_NOWHERE = np.empty(0)


@dataclass(eq=False)
class Gradient:
    """A gradient that is used.

    Attributes:
        memory: the array of the gradient that lies at ``place``.
        written: whether it is changed.
    """

    leaf: Tensor
    memory: np.ndarray
    place: Operand
    written: bool


class Gradients:
    """All of them.

    Args:
        used: the gradients.
        operands: all memory that the program uses.
        others: the arrays of all other tensors.

    Attributes:
        moved: whether the program has memory of its own for them.
        movable: whether it may have.
    """

    def __init__(
        self, used: list[Gradient], operands: Iterable[Operand], others: Iterable[np.ndarray]
    ) -> None:
        self.used = used
        self.moved = False
        self._buffers = list(dict.fromkeys(one.place.buffer for one in used))
        self.movable = bool(used) and self._are_known_alone(operands, others)

    def _are_known_alone(self, operands: Iterable[Operand], others: Iterable[np.ndarray]) -> bool:
        """Whether nothing else of their memory is used, and no two of them overlap."""
        owners = {id(buffer.owner) for buffer in self._buffers}
        if any(id(owner_of(array)) in owners for array in others):
            return False
        ranges: dict[Buffer, list[tuple[int, int]]] = {buffer: [] for buffer in self._buffers}
        for one in self.used:
            ranges[one.place.buffer].append(bounds(one.place))
        for of_buffer in ranges.values():
            of_buffer.sort()
            if any(end > start for (_, end), (start, _) in pairwise(of_buffer)):
                return False
        return all(
            any(first <= low and high <= end for first, end in ranges[operand.buffer])
            for operand in operands
            if operand.buffer in ranges
            for low, high in (bounds(operand),)
        )

    def hold(self) -> bool:
        """Whether each leaf has a gradient that the program can use."""
        for one in self.used:
            grad = one.leaf._grad
            if grad is None:
                return False
            array = grad.array
            if array is not one.memory and not (
                self.movable
                and grad.edge is None
                and (array.shape, array.strides) == (one.place.shape, one.place.strides)
                and array.dtype == one.place.dtype
                and array.flags.writeable
            ):
                return False
        return True

    def lie_elsewhere(self) -> bool:
        """Whether one of them does not lie where the program uses it."""
        return (
            bool(self.used)
            and not self.moved
            and any(
                one.leaf._grad is not None and one.leaf._grad.array is not one.memory for one in self.used
            )
        )

    def move(self, program: Program) -> Program:
        """The program, with memory of its own for them; what uses it sets ``moved`` then."""
        for one in self.used:
            one.memory = _NOWHERE  # so that it is done again if Ctrl-C comes
        for buffer in self._buffers:
            buffer.owner = program.own_memory(buffer.size)
            buffer.start = buffer.owner.__array_interface__["data"][0]
            buffer.stop = buffer.start + buffer.owner.size
        return program.rebound()

    def follow(self) -> None:
        """The tensors have been moved, and the program with them."""
        for one in self.used:
            if not self.moved and one.leaf._grad is not None:
                one.memory = one.leaf._grad.array

    def take(self, grads: Iterable[Tensor | None]) -> None:
        """Copy them into the program's own memory, if it has some."""
        for one, grad in zip(self.used, grads if self.moved else ()):
            np.copyto(array_at(one.place), grad.array)  # type: ignore[union-attr]

    def give(self) -> None:
        """Copy them back."""
        for one, grad in zip(self.used, self.tensors() if self.moved else ()):
            if one.written:
                np.copyto(grad.array, array_at(one.place))

    def tensors(self) -> list[Tensor]:
        """Those that there are now."""
        return [grad for one in self.used if (grad := one.leaf._grad) is not None]

    def changed(self) -> list[Tensor]:
        """Those of them that the program changes."""
        return [grad for one in self.used if one.written and (grad := one.leaf._grad) is not None]
