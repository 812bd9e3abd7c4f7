"""The seam between the frameworks: PyTorch's values and functions, and what stands for them here."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from types import BuiltinFunctionType, CellType, CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np
import torch

import cnn_physics77 as ours_package
from cnn_physics77.core.backend.dtype import Unheld

OWN = ours_package.__name__

_NAMESPACES = """
torch torch.nn.functional torch.linalg torch.special torch.fft torch.signal.windows torch.masked torch.nn
torch.nn.init torch.nn.utils torch.optim torch.optim.lr_scheduler torch.autograd torch.utils.checkpoint
torch.random torch.Tensor
"""


class Absent(Exception):
    """This package has no counterpart of a function, dtype or class of PyTorch."""


def resolve(root: Any, path: str) -> Any:
    """The object at a dotted path below a module.

    Raises:
        Absent: there is none.
    """
    found = root
    for part in path.split(".") if path else ():
        try:
            found = getattr(found, part)
        except AttributeError:
            try:
                found = importlib.import_module(f"{found.__name__}.{part}")
            except (ImportError, AttributeError):
                raise Absent(f"{OWN} has no {path}") from None
    return found


# --------------------------------------------------------------------------------------------- values


Memories = dict[tuple[int, torch.dtype], tuple[Any, np.ndarray]]


class Crossing:
    """The arguments of one call, in both frameworks: copies of the same memory with the same strides. Tensors
    that share memory share its copy.

    Attributes:
        variables: pairs (ours, theirs) of the tensors that require grad, in the order of their first use.
    """

    def __init__(self) -> None:
        self.variables: list[tuple[Any, torch.Tensor]] = []
        self._memories: tuple[Memories, Memories] = ({}, {})
        self._tensors: dict[int, tuple[Any, torch.Tensor, torch.Tensor]] = {}

    def ours(self, value: Any) -> Any:
        """The value as one of this package."""
        return self._convert(value, 0)

    def theirs(self, value: Any) -> Any:
        """The value as one of PyTorch's: tensors are copied, so that the sample stays as it is."""
        return self._convert(value, 1)

    def _convert(self, value: Any, side: int) -> Any:
        if isinstance(value, torch.Tensor):
            return self._tensor(value)[side]
        if isinstance(value, torch.Size):
            return value if side else ours_package.Size(value)
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return type(value)(*(self._convert(v, side) for v in value))
        if isinstance(value, (list, tuple)):
            return type(value)(self._convert(v, side) for v in value)
        if isinstance(value, dict):
            return {k: self._convert(v, side) for k, v in value.items()}
        if isinstance(value, slice):
            return slice(*(self._convert(v, side) for v in (value.start, value.stop, value.step)))
        return value if side else constant(value)

    def _tensor(self, value: torch.Tensor) -> tuple[Any, torch.Tensor, torch.Tensor]:
        if id(value) not in self._tensors:
            theirs = torch.from_numpy(strided_copy(value, self._memories[1]))
            mine = ours_package.from_numpy(strided_copy(value, self._memories[0]))
            theirs.requires_grad_(value.requires_grad)
            mine.requires_grad_(value.requires_grad)
            if isinstance(value, torch.nn.Parameter):
                theirs = torch.nn.Parameter(theirs.detach(), value.requires_grad)
                mine = ours_package.nn.Parameter(mine.detach(), value.requires_grad)
            if value.requires_grad:
                self.variables.append((mine, theirs))
            self._tensors[id(value)] = (mine, theirs, value)  # the value stays alive, and its id with it
        return self._tensors[id(value)]


def strided_copy(tensor: torch.Tensor, memories: Memories) -> np.ndarray:
    """An array with the tensor's strides in a copy of its memory.

    Args:
        memories: the copies so far, by address.

    Raises:
        Absent: it is sparse or quantized, or has a dtype or a number of dimensions that NumPy lacks.
    """
    if tensor.layout is not torch.strided or tensor.is_quantized or not tensor.device.type == "cpu":
        raise Absent(f"tensors of layout {tensor.layout} on device {tensor.device}")
    if tensor.dim() > 64:
        raise Absent("tensors of more than 64 dimensions, as NumPy")
    tensor = tensor.detach().resolve_conj().resolve_neg()
    dtype(tensor.dtype)
    if not tensor.numel():
        return np.empty(tensor.shape, tensor.numpy().dtype)
    storage = tensor.untyped_storage()
    key = (storage.data_ptr(), tensor.dtype)
    if key not in memories:
        copied = torch.empty(0, dtype=tensor.dtype).set_(storage).numpy().copy()
        memories[key] = storage, copied  # while the storage lives, no other has its address
    memory = memories[key][1]
    strides = tuple(step * memory.itemsize for step in tensor.stride())
    return np.lib.stride_tricks.as_strided(memory[tensor.storage_offset() :], tuple(tensor.shape), strides)


def dtype(value: torch.dtype) -> Any:
    """Our dtype of the same name."""
    found = getattr(ours_package, str(value).removeprefix("torch."), None)
    if not isinstance(found, ours_package.dtype) or isinstance(found, Unheld):
        raise Absent(f"the dtype {value}")
    return found


def constant(value: Any) -> Any:
    """Ours for what is no tensor and no container: dtypes, devices, functions, modules; the rest stays."""
    if isinstance(value, torch.dtype):
        return dtype(value)
    if isinstance(value, torch.device):
        return ours_package.device(str(value))
    if isinstance(value, torch.Generator):
        return ours_package.Generator().manual_seed(value.initial_seed())
    if isinstance(value, (torch.layout, torch.memory_format)):
        return resolve(ours_package, str(value).removeprefix("torch."))
    if isinstance(value, torch.nn.Module):
        return _module(value)
    if callable(value):
        return function(value)
    return value


def _module(module: torch.nn.Module) -> Any:
    """A module of the class of that name, with the same attributes, parameters and submodules."""
    kind = _class(type(module))
    made = kind.__new__(kind)
    ours_package.nn.Module.__init__(made)
    crossing, internal = Crossing(), vars(torch.nn.Module())
    for name, value in (*vars(module).items(), *module._parameters.items(), *module._modules.items()):
        if name not in internal:
            setattr(made, name, crossing.ours(value))
    return made


def _class(kind: type) -> Any:
    """Our module of the same name, or of the same place in ``nn.modules``."""
    with suppress(Absent):
        return resolve(ours_package, f"nn.{kind.__name__}")
    return resolve(ours_package.nn.modules.attention, kind.__name__)


# --------------------------------------------------------------------------------------------- functions


@cache
def _paths() -> dict[Any, list[str]]:
    """The paths below ``torch`` of each public function and class of PyTorch."""
    paths: dict[Any, list[str]] = {}
    for namespace in _NAMESPACES.split():
        found = resolve(torch, namespace.partition(".")[2])
        for name in dir(found):
            value = getattr(found, name, None)
            if callable(value) and not name.startswith("__"):
                with suppress(TypeError):  # it cannot be hashed
                    paths.setdefault(value, []).append(f"{namespace}.{name}".partition(".")[2])
    return paths


def named(value: Callable) -> Callable | None:
    """Ours of a path where PyTorch has this function or class; None if it has no public place.

    Raises:
        Absent: there is none here.
    """
    try:
        paths = _paths().get(value)
    except TypeError:
        return None
    if paths is None:
        return None
    for path in paths:
        with suppress(Absent):
            found: Callable = resolve(ours_package, path)
            return found
    raise Absent(f"{OWN} has no {paths[0]}")


@cache
def function(value: Callable) -> Callable:
    """What stands for a function or class of PyTorch.

    It is ours of the same path. A function of PyTorch's test suite is the same code, in which ``torch`` means
    this package.

    Raises:
        Absent: there is no such function.
    """
    found = named(value)
    if found is not None:
        return found
    if isinstance(value, partial):
        crossing = Crossing()
        return partial(function(value.func), *crossing.ours(value.args), **crossing.ours(value.keywords))
    if isinstance(value, FunctionType):
        return _retargeted(value)
    if isinstance(value, BuiltinFunctionType) or type(value).__module__.startswith("torch"):
        raise Absent(f"{OWN} has nothing for {getattr(value, '__name__', value)}")
    return value


def _retargeted(original: FunctionType) -> Callable:
    """The function with the modules and functions of PyTorch that it names replaced by ours."""
    if hasattr(original, "__wrapped__"):  # a context manager, or a decorated function
        return original
    names = _names(original.__code__)
    globals_ = dict(original.__globals__)
    globals_ |= {n: _stand_in(globals_[n]) for n in names if n in globals_}
    cells = tuple(CellType(_stand_in(c.cell_contents)) for c in original.__closure__ or ())
    made = FunctionType(
        original.__code__,
        globals_,
        original.__name__,
        tuple(_stand_in(v) for v in original.__defaults__ or ()),
        cells,
    )
    made.__kwdefaults__ = original.__kwdefaults__
    return made


def _names(code: CodeType) -> set[str]:
    inner = (_names(c) for c in code.co_consts if isinstance(c, CodeType))
    return set(code.co_names).union(*inner)


def _stand_in(value: Any) -> Any:
    if isinstance(value, ModuleType):
        package, _, path = value.__name__.partition(".")
        if package != "torch" or path.startswith("testing"):
            return value
        return resolve(ours_package, path)
    if isinstance(value, (FunctionType, BuiltinFunctionType, partial, torch.dtype)):
        return constant(value)
    return value
