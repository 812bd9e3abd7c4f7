"""Names of the memory that a program uses: arguments, parameters, buffers, what an optimizer keeps."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.lib.array_utils import byte_bounds

from cnn_physics77.compile.capture.backward import Backward
from cnn_physics77.compile.capture.recorded import Again, New, Recording
from cnn_physics77.compile.capture.seams import Seen
from cnn_physics77.compile.capture.trace import EXTERNAL, Buffer, Operand
from cnn_physics77.compile.capture.tree import Other, is_dense, is_leaf
from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.tensor import Tensor


@dataclass
class Interface:
    """What a program is given, what it gives, and whose memory it uses.

    Attributes:
        name: of the function.
        arguments: the name of each, and where its copy lies.
        results: where each tensor that is returned lies, or it itself if it is empty; None for one that was
            there before.
        tangents: the name of the gradient of each result, and where it lies, if there is a backward part.
        gradients: the name of each gradient that it computes, and where it lies.
        arrays: the memory of others by name.
    """

    name: str
    arguments: list[tuple[str, Operand]]
    results: list[Operand | np.ndarray | None]
    tangents: list[tuple[str, Operand]]
    gradients: list[tuple[str, Operand]]
    arrays: dict[str, np.ndarray]
    _unnamed: dict[Buffer, str] = field(default_factory=dict)

    def name_of(self, operand: Operand) -> tuple[str, int]:
        """The name of the argument, or of the array of others, that an operand lies in, and for an array the
        distance from its first byte. A number stands for one without a name; "" for other memory."""
        buffer = operand.buffer
        for name, place in (*self.arguments, *self.tangents):
            if place.buffer is buffer:
                return name, 0
        if buffer.kind != EXTERNAL:
            return "", 0
        first = buffer.start + operand.offset
        for name, array in self.arrays.items():
            low, high = byte_bounds(array)
            if low <= first < high:
                return name, first - low
        return self._unnamed.setdefault(buffer, f"memory_{len(self._unnamed)}"), operand.offset


def interface_of(made: Recording, tensors: list[Tensor]) -> Interface:
    """The interface of the program of a recorded call.

    Args:
        tensors: those that it uses.
    """
    names = _names_of_arguments(made.function, made.arguments)
    names += [f"{names[index]}_grad" for index, none in made.variables.items() if not none]
    arrays = _names_of_arrays(made.seen, tensors)
    owners = {id(array): name for name, array in arrays.items()}
    backward = made.backward or Backward()
    gradients: list[tuple[str, Any]] = []
    for source, place in made.grads or zip(backward.sources, backward.gradients):
        name = names[source] if isinstance(source, int) else owners.get(id(source.array), "tensor")
        gradients.append((name if made.backward else f"{name}.grad", place))
    results = [made.outputs[o.index] if type(o) is Again else o for o in made.outputs]
    tangents = [(f"gradient{number}", place) for number, place in enumerate(backward.tangents)]
    return Interface(
        _name_of_function(made.function),
        [(names[index], place) for index, place in made.inputs],
        [one.place if type(one) is New else None for one in results],
        [(name, place) for name, place in tangents if isinstance(place, Operand)],
        [(name, place) for name, place in gradients if isinstance(place, Operand)],
        arrays,
    )


def _name_of_function(function: Callable) -> str:
    """Its name; the class of a module."""
    owner = getattr(function, "__self__", None)
    return type(owner).__name__ if isinstance(owner, Module) else getattr(function, "__name__", "step")


def _names_of_arrays(seen: Seen, tensors: list[Tensor]) -> dict[str, np.ndarray]:
    """A name for each array: parameters and buffers as in the ``state_dict`` of the outermost module (with
    the module's class before it where there are several), gradients, what optimizers keep, other tensors."""
    arrays: dict[str, np.ndarray] = {}
    modules = list(seen.modules.values())
    inner = {id(child) for module in modules for child in module.modules() if child is not module}
    outer = [module for module in modules if id(module) not in inner]
    named: dict[int, str] = {}
    for number, module in enumerate(outer):
        prefix = f"{type(module).__name__}{number}." if len(outer) > 1 else ""
        for name, tensor in _tensors_of(module):
            named.setdefault(id(tensor), prefix + name)
            arrays.setdefault(named[id(tensor)], tensor.array)
    for tensor in tensors:
        if id(tensor) in named and tensor._grad is not None:
            arrays[f"{named[id(tensor)]}.grad"] = tensor._grad.array
    for number, slot in enumerate(seen.slots):
        kept = f"optimizer.{number}"
        arrays[f"{kept}.numbers"] = slot.numbers
        for name, array in zip(slot.optimizer.state_names(slot.group), slot.pack.arrays):
            arrays[f"{kept}.{name}"] = array
        if slot.pack.packed:
            arrays[f"{kept}.values"], arrays[f"{kept}.gradients"] = slot.pack.values, slot.pack.gradients
    known = [byte_bounds(array) for array in arrays.values() if array.size]
    for number, tensor in enumerate(t for t in tensors if id(t) not in named and t.array.size):
        low, high = byte_bounds(tensor.array)
        if not any(first <= low and high <= end for first, end in known):
            arrays[f"tensor{number}"] = tensor.array
    return {name: array for name, array in arrays.items() if array.size}


def _tensors_of(module: Module) -> Iterator[tuple[str, Tensor]]:
    named = (*module.named_parameters(), *module.named_buffers())
    return ((name, tensor) for name, tensor in named if is_dense(tensor))


def _names_of_arguments(function: Callable, description: Any) -> list[str]:
    """A name for each tensor in the arguments ``(args, kwargs)``."""
    owner = getattr(function, "__self__", None)
    if isinstance(owner, Module) and getattr(function, "__name__", "") == "__call__":
        function = owner.forward
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    _, args, kwargs = description
    names: list[str] = []
    for index, item in enumerate(args[1:]):
        name = f"x{index}"
        if index < len(parameters) and parameters[index].kind is parameters[index].POSITIONAL_OR_KEYWORD:
            name = parameters[index].name
        _collect(item, name, names)
    for key, item in kwargs[1:]:
        _collect(item, key, names)
    return names


def _collect(description: Any, name: str, names: list[str]) -> None:
    if is_leaf(description):
        names.append(name)
    elif type(description) is not Other:
        kind, *items = description
        for index, item in enumerate(items):
            key, item = item if kind is dict else (index, item)
            _collect(item, f"{name}_{key}", names)
