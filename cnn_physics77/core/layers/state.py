"""Saving and loading the state of a module: its tensors by dotted name.

Each module saves and loads its own part, by :meth:`Stateful._save_to_state_dict` and
:meth:`Stateful._load_from_state_dict`, which a subclass may extend, e.g. to rename the entries of older
versions of itself. Loading goes through all modules first. The values are copied after all were checked.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from cnn_physics77.core.backend.size import Size
from cnn_physics77.core.construction import plain_array
from cnn_physics77.core.errors import CheckpointError
from cnn_physics77.core.handles import RemovableHandle
from cnn_physics77.core.layers.hooks import ModuleHooks
from cnn_physics77.core.layers.parameter import Parameter, Uninitialized, is_lazy
from cnn_physics77.core.tensor import Tensor, from_array

EXTRA = "_extra_state"


class IncompatibleKeys(NamedTuple):
    """The missing and the unexpected names of ``load_state_dict``."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return f"_IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"

    def __str__(self) -> str:
        return repr(self)


class _Given(dict):
    """The state that is loaded, and what is to be copied from it: (module, name, its tensor, the value). The
    tensor is None for an extra state."""

    copies: list[tuple[Any, str, Tensor | None, Any]]


def _own_tensors(module) -> dict[str, Tensor]:
    """The module's own state: name -> tensor; parameters first, then persistent buffers."""
    buffers = {n: t for n, t in module._buffers.items() if n not in module._non_persistent_buffers_set}
    return {n: t for n, t in (*module._parameters.items(), *buffers.items()) if t is not None}


class Stateful:
    """The part of :class:`.module.Module` that saves and loads its state."""

    _modules: Any
    _own_hooks: Callable[[], ModuleHooks]
    _hooks: ModuleHooks | None
    _version: int | None = 1
    """The version of the class's state, for :meth:`_load_from_state_dict`."""

    def get_extra_state(self) -> Any:
        """Additional content of the ``state_dict``. A subclass that defines this also defines
        :meth:`set_extra_state`."""
        raise RuntimeError(
            "get_extra_state: this module has no extra state; define it together with set_extra_state"
        )

    def set_extra_state(self, state: Any) -> None:
        """Load the result of :meth:`get_extra_state`."""
        raise RuntimeError(
            "set_extra_state: this module has no extra state; define it together with get_extra_state"
        )

    def _has_extra_state(self) -> bool:
        return type(self).get_extra_state is not Stateful.get_extra_state

    # ------------------------------------------------------------------------------- saving

    def state_dict(
        self, *, destination: dict | None = None, prefix: str = "", keep_vars: bool = False
    ) -> dict[str, Any]:
        """The parameters and persistent buffers by dotted name; they share the memory of the module.

        Args:
            destination: the dict to fill; a new OrderedDict by default.
            prefix: a prefix of every name.
            keep_vars: return the parameters themselves, not constants that share their memory.
        """
        if destination is None:
            destination = OrderedDict()
            destination._metadata = OrderedDict()  # type: ignore[attr-defined]
        local = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = local
        hooks = self._hooks or ModuleHooks()
        for hook in hooks.state_pre.values():
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, child in self._modules.items():
            if child is not None:
                child.state_dict(destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        for hook in hooks.state_post.values():
            replaced = hook(self, destination, prefix, local)
            destination = destination if replaced is None else replaced
        return destination

    def _save_to_state_dict(self, destination: dict, prefix: str, keep_vars: bool) -> None:
        """Put the module's own tensors, without those of its submodules, into ``destination``."""
        for name, tensor in _own_tensors(self).items():
            destination[prefix + name] = tensor if keep_vars or is_lazy(tensor) else tensor.detach()
        if self._has_extra_state():
            destination[prefix + EXTRA] = self.get_extra_state()

    # ------------------------------------------------------------------------------- loading

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> IncompatibleKeys:
        """Copy the values of a :meth:`state_dict` into the parameters and buffers.

        Args:
            state_dict: tensors or arrays (also those of PyTorch) by name.
            strict: missing and unexpected names are an error.
            assign: replace the parameters and buffers by the tensors themselves.

        Returns:
            ``(missing_keys, unexpected_keys)``.

        Raises:
            CheckpointError: names (if strict) or shapes do not match; nothing is changed.
            TypeError: not a dict.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        metadata = getattr(state_dict, "_metadata", None) or {}
        given = _Given(state_dict)
        given.copies = []
        keys = IncompatibleKeys([], [])
        errors: list[str] = []
        hooked: list[tuple[Any, Callable]] = []

        def visit(part, given: _Given, prefix: str) -> None:
            local = {**metadata.get(prefix[:-1], {}), "assign_to_params_buffers": assign}
            part._load_from_state_dict(given, prefix, local, True, *keys, errors)
            for name, child in part._modules.items():
                if child is not None:
                    below = f"{prefix}{name}."
                    for_child = _Given((k, v) for k, v in given.items() if k.startswith(below))
                    for_child.copies = given.copies
                    visit(child, for_child, below)
            if part._hooks is not None:
                hooked.extend((part, hook) for hook in part._hooks.load_post.values())

        visit(self, given, "")
        if not errors and (hooked or not strict or not any(keys)):
            for part, name, tensor, value in given.copies:
                _set(part, name, tensor, value, assign)
            for part, hook in hooked:
                if hook(part, keys) is not None:
                    raise TypeError(
                        "load_state_dict: expected a post hook to return None; let it change the missing and "
                        "unexpected keys in place"
                    )
        if strict:
            for what, names in (("Unexpected", keys.unexpected_keys), ("Missing", keys.missing_keys)):
                if names:
                    listed = ", ".join(f'"{key}"' for key in names)
                    errors.insert(0, f"{what} key(s) in state_dict: {listed}. ")
        if errors:
            raise CheckpointError(
                f"Error(s) in loading state_dict for {type(self).__name__}:\n\t" + "\n\t".join(errors)
            )
        return keys

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """Load the module's own tensors, without those of its submodules.

        Args:
            state_dict: all values below the prefix; it may be changed.
            local_metadata: with the ``version`` of the class that saved the state, if that is known.
            missing_keys, unexpected_keys, error_msgs: lists to append to.
        """
        for hook in (self._hooks or ModuleHooks()).load_pre.values():
            hook(self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)
        own: dict[str, Tensor | None] = dict(_own_tensors(self))
        if self._has_extra_state():
            own[EXTRA] = None
        copies = []
        for name, tensor in own.items():
            key = prefix + name
            if key not in state_dict:
                missing_keys += [key] if strict else []
                continue
            try:
                value = state_dict[key] if tensor is None else _checked(key, tensor, state_dict[key])
            except CheckpointError as error:
                error_msgs.append(str(error))
                continue
            if value is not None:
                copies.append((self, name, tensor, value))
        if strict:
            for key in state_dict:
                name, *below = key.removeprefix(prefix).split(".", 1)
                if key.startswith(prefix) and name not in (self._modules if below else own):
                    unexpected_keys.append(key)
        if isinstance(state_dict, _Given):
            state_dict.copies += copies
        else:  # a subclass passes on another dict than it was given
            for part, name, tensor, value in copies:
                _set(part, name, tensor, value, local_metadata.get("assign_to_params_buffers", False))

    # ------------------------------------------------------------------------------- hooks

    def register_state_dict_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Call ``hook(module, prefix, keep_vars)`` before the module's state is saved."""
        return self._own_hooks().register("state_pre", hook)

    def register_state_dict_post_hook(self, hook: Callable) -> RemovableHandle:
        """Call ``hook(module, state_dict, prefix, local_metadata)`` after the module and its submodules have
        put their state into the dict, to change that in place."""
        return self._own_hooks().register("state_post", hook)

    _register_state_dict_hook = register_state_dict_post_hook

    def register_load_state_dict_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Call ``hook(module, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys,
        error_msgs)`` before the module takes its values from the dict, to change that in place."""
        return self._own_hooks().register("load_pre", hook)

    def _register_load_state_dict_pre_hook(
        self, hook: Callable, with_module: bool = False
    ) -> RemovableHandle:
        return self.register_load_state_dict_pre_hook(
            hook if with_module else lambda module, *args: hook(*args)
        )

    def register_load_state_dict_post_hook(self, hook: Callable) -> RemovableHandle:
        """Call ``hook(module, incompatible_keys)`` after the values were loaded.

        Names that it removes from ``missing_keys`` and ``unexpected_keys`` are no error. With such a hook,
        values are loaded even if other names do not match.
        """
        return self._own_hooks().register("load_post", hook)


def _checked(key: str, tensor: Tensor, value: Any) -> np.ndarray | None:
    """The value as an array, of the shape of the tensor; None where both are without one yet."""
    if not (isinstance(value, Tensor | np.ndarray | np.generic) or hasattr(value, "__array__")):
        raise CheckpointError(
            f'While copying the parameter named "{key}", expected Tensor or Tensor-like object from '
            f"checkpoint but received {type(value)}"
        )
    if is_lazy(value):
        if is_lazy(tensor):
            return None
        raise CheckpointError(
            f"While copying the parameter named {key!r}: expected a value, found an uninitialized "
            "parameter or buffer, which has no shape; call its lazy module with a batch first"
        )
    array = value.array if isinstance(value, Tensor) else plain_array(key, np.asarray(value))
    if is_lazy(tensor):
        return array
    if tensor.array.ndim == 0 and array.shape == (1,):  # scalars of PyTorch before 0.4
        array = array.reshape(())
    if array.shape != tensor.array.shape:
        raise CheckpointError(
            f"size mismatch for {key}: copying a param with shape {Size(array.shape)} from checkpoint, the "
            f"shape in current model is {tensor.shape}."
        )
    return array


def _set(part, name: str, tensor: Tensor | None, value: Any, assign: bool) -> None:
    if tensor is None:
        part.set_extra_state(value)
    elif assign:
        new = from_array(value)
        setattr(part, name, Parameter(new, tensor.requires_grad) if isinstance(tensor, Parameter) else new)
    else:
        if isinstance(tensor, Uninitialized):
            tensor.materialize(value.shape)
        np.copyto(tensor.array, value, casting="unsafe")
        tensor.mark_changed()
