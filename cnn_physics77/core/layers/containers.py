"""Containers: lists and dictionaries of modules and of parameters."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from operator import attrgetter, methodcaller
from typing import Any

from cnn_physics77.core.layers.module import Module, _addindent
from cnn_physics77.core.layers.parameter import Parameter
from cnn_physics77.core.tensor import Tensor


def _index(kind: str, index: int, length: int) -> int:
    if not -length <= index < length:
        raise IndexError(f"{kind}: index {index} is out of range for length {length}")
    return index % length


class _Numbered(Module):
    """Modules named "0", "1", ... in order."""

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._modules.values())

    def _name(self, index) -> str:
        return list(self._modules)[_index(type(self).__name__, index.__index__(), len(self))]

    def __setitem__(self, index: int, module: Module) -> None:
        setattr(self, self._name(index), module)

    def _replace(self, modules: list[Module]) -> None:
        """Have these modules, numbered in order, and call no hooks."""
        self._modules.clear()
        self._modules.update((str(i), module) for i, module in enumerate(modules))

    def __delitem__(self, index) -> None:
        modules = list(self)
        del modules[index if isinstance(index, slice) else _index(type(self).__name__, index, len(self))]
        self._replace(modules)

    def append(self, module: Module):
        """Add a module at the end; returns the container."""
        self.add_module(str(len(self)), module)
        return self

    def insert(self, index: int, module: Module):
        """Insert a module before the one at ``index``; returns the container."""
        if not isinstance(module, Module):
            raise TypeError(f"{type(self).__name__}: expected a Module, found {type(module).__name__}")
        modules = list(self)
        modules.insert(index, module)
        self._replace(modules)
        return self

    def extend(self, modules: Iterable[Module]):
        """Add modules at the end; returns the container."""
        for module in list(modules):
            self.append(module)
        return self

    def __getitem__(self, index):
        """The module at an index, or a container of the modules of a slice."""
        return self._modules[self._name(index)]

    def pop(self, key):
        """Remove and return the module at an index, or the modules of a slice."""
        taken = self[key]
        del self[key]
        return taken


class Sequential(_Numbered):
    """Modules in sequence: the output of each is the input of the next.

    Args:
        args: the modules; or one dict that maps names to modules.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77 import nn
    >>> nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    Sequential(
      (0): Linear(in_features=2, out_features=3, bias=True)
      (1): ReLU()
    )
    """

    def __init__(self, *args: Module | Mapping[str, Module]) -> None:
        super().__init__()
        if len(args) == 1 and isinstance(args[0], Mapping):
            for name, module in args[0].items():
                self.add_module(name, module)
        else:
            for i, argument in enumerate(args):
                self.add_module(str(i), argument)  # type: ignore[arg-type]

    def forward(self, input):
        for module in self:
            input = module(input)
        return input

    def __getitem__(self, index):
        if isinstance(index, slice):
            return type(self)(OrderedDict(list(self._modules.items())[index]))
        return self._modules[self._name(index)]

    def insert(self, index: int, module: Module):
        """Insert a module before the one at ``index``; returns the container.

        Raises:
            IndexError: below -length or above length.
        """
        if not -len(self) <= index <= len(self):
            raise IndexError(
                f"Sequential.insert: expected an index from {-len(self)} to {len(self)}, found {index}"
            )
        return super().insert(index, module)

    def __add__(self, other: Sequential) -> Sequential:
        if not isinstance(other, Sequential):
            raise ValueError(
                f"Sequential: add operator supports only objects of Sequential class, but {type(other)} is "
                "given."
            )
        return Sequential(*self, *other)

    def __iadd__(self, other: Sequential) -> Sequential:
        if not isinstance(other, Sequential):
            raise ValueError(
                f"Sequential: add operator supports only objects of Sequential class, but {type(other)} is "
                "given."
            )
        return self.extend(other)

    def __mul__(self, times: int) -> Sequential:
        """The same modules, several times one after the other."""
        if not isinstance(times, int):
            return NotImplemented
        if times <= 0:
            raise ValueError(f"Sequential: can be repeated once or more, found {times} times")
        return Sequential(*list(self) * times)

    __rmul__ = __mul__

    def __imul__(self, times: int) -> Sequential:
        repeated = self * times
        return self.extend(list(repeated)[len(self) :])


class ModuleList(_Numbered):
    """A list of modules, registered as submodules; it has no ``forward``.

    Args:
        modules: the initial modules.

    >>> import cnn_physics77 as torch
    >>> layers = torch.nn.ModuleList([torch.nn.Linear(2, 3), torch.nn.ReLU()])
    >>> [name for name, _ in layers.named_parameters()]
    ['0.weight', '0.bias']
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        self.extend(modules or ())

    def __getitem__(self, index):
        if isinstance(index, slice):
            return type(self)(list(self)[index])
        return self._modules[self._name(index)]

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return ModuleList([*self, *other])

    def __iadd__(self, modules: Iterable[Module]) -> ModuleList:
        return self.extend(modules)

    def __repr__(self) -> str:
        """The modules, with equal neighbours in one line, such as ``(0-2): 3 x ReLU()``."""
        runs: list[list] = []  # [first, last, repr]
        for i, module in enumerate(self):
            text = repr(module)
            if runs and runs[-1][2] == text:
                runs[-1][1] = i
            else:
                runs.append([i, i, text])
        if not runs:
            return f"{self._get_name()}()"
        lines = [
            f"({first}): {_addindent(text, 2)}"
            if first == last
            else f"({first}-{last}): {last - first + 1} x {_addindent(text, 2)}"
            for first, last, text in runs
        ]
        return f"{self._get_name()}(\n  " + "\n  ".join(lines) + "\n)"


class ModuleDict(Module):
    """A dictionary of modules, registered as submodules; it has no ``forward``.

    Args:
        modules: the initial modules: a mapping, or pairs.

    >>> import cnn_physics77 as torch
    >>> choices = torch.nn.ModuleDict({"relu": torch.nn.ReLU(), "tanh": torch.nn.Tanh()})
    >>> choices["relu"](torch.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    def __init__(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self.update(modules)

    def __getitem__(self, key: str) -> Module:
        return self._modules[key]

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        del self._modules[key]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, key: str) -> bool:
        return key in self._modules

    def clear(self) -> None:
        """Remove all entries."""
        self._modules.clear()

    def pop(self, key: str) -> Module:
        """Remove an entry, and return its value."""
        module = self[key]
        del self[key]
        return module

    def keys(self) -> Iterable[str]:
        """The names."""
        return self._modules.keys()

    def items(self) -> Iterable[tuple[str, Module]]:
        """The pairs (name, module)."""
        return self._modules.items()

    def values(self) -> Iterable[Module]:
        """The modules."""
        return self._modules.values()

    def update(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]]) -> None:
        """Add or replace modules."""
        for key, module in modules.items() if isinstance(modules, Mapping | ModuleDict) else modules:
            self[key] = module


class ParameterList(Module):
    """A list of registered parameters; plain tensors become parameters.

    Args:
        values: the initial values.

    >>> import cnn_physics77 as torch
    >>> torch.nn.ParameterList([torch.ones(2), torch.zeros(3)])[0].requires_grad
    True
    """

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self._size = 0
        self.extend(values or ())

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, index):
        if isinstance(index, slice):
            return type(self)([self[i] for i in range(*index.indices(len(self)))])
        return getattr(self, str(_index("ParameterList", index.__index__(), len(self))))

    def __setitem__(self, index: int, value: Any) -> None:
        setattr(self, str(_index("ParameterList", index.__index__(), len(self))), _as_parameter(value))

    def __iter__(self) -> Iterator[Any]:
        return iter([self[i] for i in range(len(self))])

    def append(self, value: Any):
        """Add a value at the end; returns the list."""
        self._size += 1
        self[self._size - 1] = value
        return self

    def extend(self, values: Iterable[Any]):
        """Add values at the end; returns the list."""
        for value in list(values):
            self.append(value)
        return self

    def __iadd__(self, values: Iterable[Any]):
        return self.extend(values)

    def extra_repr(self) -> str:
        return "\n".join(_description(i, value, attrgetter("dtype")) for i, value in enumerate(self))


class ParameterDict(Module):
    """A dictionary of registered parameters; plain tensors become parameters.

    Args:
        parameters: the initial values: a mapping, or pairs.

    >>> import cnn_physics77 as torch
    >>> list(torch.nn.ParameterDict({"left": torch.ones(2), "right": torch.zeros(3)}))
    ['left', 'right']
    """

    def __init__(self, parameters: Mapping[str, Any] | Iterable[tuple[str, Any]] | None = None) -> None:
        super().__init__()
        self._keys: dict[str, None] = {}
        if parameters is not None:
            self.update(parameters)

    def __getitem__(self, key: str) -> Any:
        if key not in self._keys:
            raise KeyError(key)
        return getattr(self, key)

    def __setitem__(self, key: str, value: Any) -> None:
        if key not in self._keys and hasattr(self, key):
            raise KeyError(f"attribute '{key}' already exists")
        self._keys[key] = None
        setattr(self, key, _as_parameter(value))

    def __delitem__(self, key: str) -> None:
        del self._keys[key]
        delattr(self, key)

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._keys))

    def __contains__(self, key: str) -> bool:
        return key in self._keys

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a name, or the default."""
        return getattr(self, key) if key in self._keys else default

    def setdefault(self, key: str, default: Any = None) -> Any:
        """The value of a name, which is set to the default if it is missing."""
        if key not in self:
            self[key] = default
        return self[key]

    def pop(self, key: str) -> Any:
        """Remove an entry, and return its value."""
        value = self[key]
        del self[key]
        return value

    def popitem(self) -> tuple[str, Any]:
        """Remove and return the last pair (name, value)."""
        key = next(reversed(self._keys))
        return key, self.pop(key)

    def clear(self) -> None:
        """Remove all entries."""
        for key in self:
            del self[key]

    def copy(self) -> ParameterDict:
        """A new dictionary of the same parameters."""
        return ParameterDict(self.items())

    def keys(self) -> Iterable[str]:
        """The names."""
        return self._keys.keys()

    def items(self) -> Iterable[tuple[str, Any]]:
        """The pairs (name, value)."""
        return ((key, self[key]) for key in self)

    def values(self) -> Iterable[Any]:
        """The values."""
        return (self[key] for key in self)

    def update(self, parameters: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> None:
        """Add or replace values."""
        for key, value in (
            parameters.items() if isinstance(parameters, Mapping | ParameterDict) else parameters
        ):
            self[key] = value

    def __or__(self, other: ParameterDict) -> ParameterDict:
        return ParameterDict(chain(self.items(), other.items()))

    def __ior__(self, other: ParameterDict):
        self.update(other.items())
        return self

    def extra_repr(self) -> str:
        return "\n".join(_description(key, value, methodcaller("type")) for key, value in self.items())


def _as_parameter(value: Any) -> Any:
    return Parameter(value) if isinstance(value, Tensor) and not isinstance(value, Parameter) else value


def _description(key: int | str, value: Any, kind: Callable[[Tensor], object]) -> str:
    """A line of the text, indented as in PyTorch; ``kind`` of a tensor says of what it is made."""
    if not isinstance(value, Tensor):
        return f"  ({key}): Object of type: {type(value).__name__}"
    size = "x".join(map(str, value.shape))
    whole = "Parameter" if isinstance(value, Parameter) else "Tensor"
    return f"  ({key}): {whole} containing: [{kind(value)} of size {size}]"


CONTAINERS = Sequential, ModuleList, ModuleDict, ParameterList, ParameterDict

__all__ = ["ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential"]
