"""Parametrizations: a parameter that is computed, by a module, from another tensor.

The weight of a layer may have to be symmetric, orthogonal or positive. A parametrization is a module whose
``forward`` gives such a weight from any tensor, and that tensor is what is trained. The layer's attribute
becomes a property that calls the parametrization whenever it is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

from cnn_physics77.core.layers.containers import ModuleDict, ModuleList
from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.layers.parameter import Parameter
from cnn_physics77.core.recording import no_grad
from cnn_physics77.core.tensor import Tensor


class _Cache:
    """The values of parametrized tensors, by list of parametrizations, within :func:`cached`."""

    depth = 0
    values: dict[Module, Tensor] = {}  # noqa: RUF012  (one for the process)


@contextmanager
def cached() -> Iterator[None]:
    """Within ``with cached():`` each parametrized tensor is computed once, when it is first read.

    For modules that read a weight several times, such as a cell of a recurrent network. Changes of what a
    tensor is computed from are not seen until the end.

    >>> import cnn_physics77 as torch
    >>> layer = torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(2, 2))
    >>> with torch.nn.utils.parametrize.cached():
    ...     layer.weight is layer.weight
    True
    """
    _Cache.depth += 1
    try:
        yield
    finally:
        _Cache.depth -= 1
        if not _Cache.depth:
            _Cache.values.clear()


class ParametrizationList(ModuleList):
    """The parametrizations of one tensor, in the order of their calls, and what they begin with.

    Made by :func:`register_parametrization`; it is ``module.parametrizations[name]``.

    Attributes:
        original: what is trained; or ``original0``, ``original1`` ..., if ``right_inverse`` of the first
            parametrization returns several tensors.
        is_tensor: whether it is the first of these.
        ntensors: how many there are.
        unsafe: whether shape and dtype are not checked.

    Raises:
        ValueError: there are no modules; a result is no tensor, or has another shape or dtype.
    """

    original: Tensor

    def __init__(self, modules: Sequence[Module], original: Tensor, unsafe: bool = False) -> None:
        if not modules:
            raise ValueError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        dtype, shape = original.dtype, original.shape
        found: Any = original
        with no_grad():
            for module in reversed(list(self)):
                found = _right_inverse(module, found)
        before = original.data
        self.is_tensor = isinstance(found, Tensor)
        if self.is_tensor:
            _check("right_inverse", found, dtype)
            self.ntensors = 1
            if found is not original:
                original.data = found.detach()
            _register(self, "original", original)
        else:
            parts = _tensors_of(found)
            self.ntensors = len(parts)
            for i, part in enumerate(parts):
                part = part.detach()
                if isinstance(original, Parameter):
                    part = Parameter(part, original.requires_grad)
                _register(self, f"original{i}", part.requires_grad_(original.requires_grad))
        if not unsafe:
            try:
                _check("a parametrization", self(), dtype, shape, SAFE)
            except BaseException:  # the parametrization is refused: the tensor keeps its value
                original.data = before
                raise

    def names(self) -> list[str]:
        """The names of the originals."""
        return ["original"] if self.is_tensor else [f"original{i}" for i in range(self.ntensors)]

    def _originals(self) -> list[Tensor]:
        return [getattr(self, name) for name in self.names()]

    def forward(self) -> Tensor:
        """The parametrized tensor."""
        first, *others = self
        value = first(*self._originals())
        for parametrization in others:
            value = parametrization(value)
        return value

    @no_grad()
    def right_inverse(self, value: Tensor) -> None:
        """Set the originals so that the parametrized tensor becomes ``value``.

        Raises:
            RuntimeError: a parametrization has no ``right_inverse``.
            ValueError: it does not return as many tensors of the same dtypes.
        """
        found: Any = value
        for parametrization in reversed(list(self)):
            if not hasattr(parametrization, "right_inverse"):
                raise RuntimeError(
                    f"parametrization {type(parametrization).__name__} does not implement right_inverse."
                )
            found = parametrization.right_inverse(found)
        parts = [found] if self.is_tensor else _tensors_of(found)
        originals = self._originals()
        if len(parts) != len(originals):
            raise ValueError(
                "'right_inverse' must return a sequence of tensors of length "
                f"{len(originals)}. Got a sequence of length {len(parts)}."
            )
        for original, part in zip(originals, parts):
            _check("right_inverse", part, original.dtype)
        for original, part in zip(originals, parts):
            original.data = part.detach()


def _right_inverse(parametrization: Any, value: Any) -> Any:
    """What its ``right_inverse`` gives of a value; the value itself if there is none, or if it raises
    NotImplementedError: so a class says of some of its objects that they have none."""
    if not hasattr(parametrization, "right_inverse"):
        return value
    try:
        return parametrization.right_inverse(value)
    except NotImplementedError:
        return value


def _tensors_of(found: Any) -> Sequence[Tensor]:
    expected = "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...)."
    if not isinstance(found, Sequence):
        raise ValueError(f"{expected} Got {type(found).__name__}.")
    for i, part in enumerate(found):
        if not isinstance(part, Tensor):
            raise ValueError(f"{expected} Got element {i} of the sequence with type {type(part).__name__}.")
    return found


SAFE = ", unless the `unsafe` flag is enabled"


def _check(what: str, found: Any, dtype: Any, shape: Any = None, way_out: str = "") -> None:
    """Raise ValueError unless it is a tensor of this dtype and, if given, of this shape."""
    if not isinstance(found, Tensor):
        raise ValueError(f"parametrize: {what} must return a tensor. Got {type(found).__name__}.")
    for name, expected, given in (("dtype", dtype, found.dtype), ("shape", shape, found.shape)):
        if expected is not None and given != expected:
            raise ValueError(
                f"parametrize: {what} may not change the {name} of the tensor{way_out}: expected {expected}, "
                f"found {given}"
            )


def _register(module: Module, name: str, tensor: Tensor) -> None:
    if isinstance(tensor, Parameter):
        module.register_parameter(name, tensor)
    else:
        module.register_buffer(name, tensor)


# ----------------------------------------------------------------------- the class of a parametrized module


def _property_of(name: str) -> property:
    def read(self: Any) -> Tensor:
        parametrizations = self.parametrizations[name]
        if not _Cache.depth:
            return parametrizations()
        if parametrizations not in _Cache.values:
            _Cache.values[parametrizations] = parametrizations()
        return _Cache.values[parametrizations]

    def assign(self: Any, value: Tensor) -> None:
        self.parametrizations[name].right_inverse(value)

    return property(read, assign, doc=f"{name}, computed by its parametrizations.")


def _give_own_class(module: Module, base: type[Module], names: Sequence[str] = ()) -> None:
    """Give one module a class of its own, derived from its class, with the properties."""
    contents: dict[str, Any] = {name: _property_of(name) for name in names}
    contents |= {"__reduce_ex__": _no_pickle}
    if not hasattr(base, "__deepcopy__"):
        contents["__deepcopy__"] = _deep_copy
    module.__class__ = type(f"Parametrized{base.__name__}", (base,), contents)


def _no_pickle(self: Module, protocol: int) -> Any:
    raise RuntimeError(
        "Serialization of parametrized modules is only supported through state_dict(); save that, and load "
        "it into a module with the same parametrizations"
    )


def _deep_copy(self: Any, memo: dict) -> Module:
    copied = memo[id(self)] = object.__new__(type(self))
    vars(copied).update(deepcopy(vars(self), memo))
    _give_own_class(copied, type(self).__bases__[0], list(self.parametrizations))
    return copied


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:
    """Let a module compute a parameter or buffer of another module.

    ``module.weight`` becomes ``parametrization(module.parametrizations.weight.original)``. Further
    parametrizations are applied to the result. If the parametrization has a method ``right_inverse``, the
    first original is what this gives of the present value, and values can be assigned to ``module.weight``.
    It may return several tensors, which ``forward`` then takes.

    Args:
        module: is changed; its class becomes one of its own.
        tensor_name: of a parameter or buffer.
        parametrization: the module.
        unsafe: do not check that shape and dtype stay as they are.

    Returns:
        The module.

    Raises:
        ValueError: there is no such parameter or buffer, or shape or dtype change.

    >>> import cnn_physics77 as torch
    >>> class Symmetric(torch.nn.Module):
    ...     def forward(self, x):
    ...         return x.triu() + x.triu(1).T
    >>> layer = torch.nn.Linear(3, 3)
    >>> _ = torch.nn.utils.parametrize.register_parametrization(layer, "weight", Symmetric())
    >>> torch.equal(layer.weight, layer.weight.T)
    True
    >>> list(layer.state_dict())
    ['bias', 'parametrizations.weight.original']
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        if not unsafe:
            before = getattr(module, tensor_name)
            after = parametrization(before)
            _check("a parametrization", after, before.dtype, before.shape, SAFE)
            back = _right_inverse(parametrization, after)
            _check("right_inverse", back, before.dtype, before.shape, SAFE)
        _all_of(module)[tensor_name].append(parametrization)
        _all_of(module)[tensor_name].unsafe |= unsafe
    elif tensor_name in module._buffers or tensor_name in module._parameters:
        parametrizations = ParametrizationList([parametrization], getattr(module, tensor_name), unsafe)
        delattr(module, tensor_name)
        if not is_parametrized(module):
            _give_own_class(module, type(module))
            module.add_module("parametrizations", ModuleDict())
        setattr(type(module), tensor_name, _property_of(tensor_name))
        _all_of(module)[tensor_name] = parametrizations
    else:
        raise ValueError(
            f"Module '{module}' does not have a parameter, a buffer, or a parametrized element with name "
            f"'{tensor_name}'"
        )
    return module


def _all_of(module: Any) -> Any:
    return module.parametrizations


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether a module has parametrizations, or one of this name."""
    parametrizations = getattr(module, "parametrizations", None)
    if not isinstance(parametrizations, ModuleDict):
        return False
    return len(parametrizations) > 0 if tensor_name is None else tensor_name in parametrizations


def remove_parametrizations(module: Module, tensor_name: str, leave_parametrized: bool = True) -> Module:
    """Make a parametrized tensor a parameter or buffer again.

    Args:
        leave_parametrized: keep the present value; otherwise the original becomes the value.

    Returns:
        The module, of its former class if nothing of it is parametrized any more.

    Raises:
        ValueError: it is not parametrized; or ``leave_parametrized=False`` and there are several originals.
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    parametrizations = _all_of(module)[tensor_name]
    if not parametrizations.is_tensor and not leave_parametrized:
        raise ValueError(
            "Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is parametrized in terms "
            "of a sequence of tensors."
        )
    if parametrizations.is_tensor:
        tensor = parametrizations.original
        if leave_parametrized:
            with no_grad():
                tensor.data = getattr(module, tensor_name).detach()
    else:
        value = getattr(module, tensor_name)
        tensor = Parameter(value.detach()) if value.requires_grad else value
    delattr(type(module), tensor_name)
    del _all_of(module)[tensor_name]
    _register(module, tensor_name, tensor)
    if not is_parametrized(module):
        delattr(module, "parametrizations")
        module.__class__ = type(module).__bases__[0]
    return module


def type_before_parametrizations(module: Module) -> type:
    """The class of a module, without its parametrizations."""
    return type(module).__bases__[0] if is_parametrized(module) else type(module)


def transfer_parametrizations_and_params(
    from_module: Module, to_module: Module, tensor_name: str | None = None
) -> Module:
    """Give a module the parametrizations, and the originals, of another one.

    Args:
        tensor_name: of one tensor; all by default.

    Returns:
        ``to_module``.
    """
    if not is_parametrized(from_module):
        return to_module
    for name in list(_all_of(from_module)) if tensor_name is None else [tensor_name]:
        if not hasattr(to_module, name):
            setattr(to_module, name, Parameter(getattr(from_module, name).detach()))
        source = _all_of(from_module)[name]
        for parametrization in source:
            register_parametrization(to_module, name, parametrization)
        for original in source.names():
            setattr(_all_of(to_module)[name], original, getattr(source, original))
    return to_module


__all__ = [
    "ParametrizationList",
    "cached",
    "is_parametrized",
    "register_parametrization",
    "remove_parametrizations",
    "transfer_parametrizations_and_params",
    "type_before_parametrizations",
]
