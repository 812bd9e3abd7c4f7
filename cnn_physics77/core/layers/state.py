"""Saving and loading the state of a module: its tensors by dotted name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from cnn_physics77.core.construction import plain_array
from cnn_physics77.core.errors import CheckpointError
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
        return f"IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"

    def __str__(self) -> str:
        return repr(self)


def _own_tensors(module) -> dict[str, Tensor]:
    """The module's own state: name -> tensor; parameters first, then persistent buffers."""
    buffers = {n: t for n, t in module._buffers.items() if module._buffer_names[n]}
    return {n: t for n, t in (*module._parameters.items(), *buffers.items()) if t is not None}


def save_state(module, destination: dict, prefix: str, keep_vars: bool) -> None:
    """Fill ``destination`` with the tensors of the module and of all below it."""
    for name, tensor in _own_tensors(module).items():
        destination[prefix + name] = tensor if keep_vars or is_lazy(tensor) else tensor.detach()
    if module.has_extra_state():
        destination[prefix + EXTRA] = module.get_extra_state()
    for name, child in module._modules.items():
        if child is not None:
            child.state_dict(destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars)


def load_state(module, state_dict: Mapping[str, Any], strict: bool, assign: bool) -> IncompatibleKeys:
    """See :meth:`Module.load_state_dict`: everything is checked before anything is changed."""
    if not isinstance(state_dict, Mapping):
        raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
    expected: dict[
        str, tuple[Any, str, Tensor | None]
    ] = {}  # key -> (module, name, tensor); tensor is None for extra state
    for path, part in module.named_modules(remove_duplicate=False):
        prefix = f"{path}." if path else ""
        for name, own in _own_tensors(part).items():
            expected[prefix + name] = (part, name, own)
        if part.has_extra_state():
            expected[prefix + EXTRA] = (part, EXTRA, None)
    missing = [key for key in expected if key not in state_dict]
    unexpected = [key for key in state_dict if key not in expected]
    errors: list[str] = []
    copies: list[tuple] = []  # (module, name, tensor or None for extra state, value)
    if strict and missing:
        errors.append("Missing key(s) in state_dict: " + ", ".join(f'"{key}"' for key in missing) + ". ")
    if strict and unexpected:
        errors.append(
            "Unexpected key(s) in state_dict: " + ", ".join(f'"{key}"' for key in unexpected) + ". "
        )
    for key, (part, name, tensor) in expected.items():
        if key not in state_dict:
            continue
        value = state_dict[key]
        if tensor is None:
            copies.append((part, name, None, value))
            continue
        if not (isinstance(value, Tensor | np.ndarray | np.generic) or hasattr(value, "__array__")):
            errors.append(
                f'While copying the parameter named "{key}", expected Tensor or Tensor-like object from '
                f"checkpoint but received {type(value)}"
            )
            continue
        if is_lazy(value):
            if not is_lazy(tensor):
                errors.append(
                    f"While copying the parameter named {key!r}: expected a value, found an uninitialized "
                    "parameter or buffer, which has no shape; call its lazy module with a batch first"
                )
            continue
        array = value.array if isinstance(value, Tensor) else plain_array(key, np.asarray(value))
        if not is_lazy(tensor) and array.shape != tensor.shape:
            errors.append(
                f"size mismatch for {key}: copying a param with shape {array.shape} from checkpoint, the "
                f"shape in current model is {tensor.array.shape}."
            )
            continue
        copies.append((part, name, tensor, array))
    if errors:
        raise CheckpointError(
            f"Error(s) in loading state_dict for {type(module).__name__}:\n\t" + "\n\t".join(errors)
        )
    for part, name, tensor, value in copies:
        if tensor is None:
            part.set_extra_state(value)
        elif assign:
            _assign(part, name, tensor, value)
        else:
            if isinstance(tensor, Uninitialized):
                tensor.materialize(value.shape)
            np.copyto(tensor.array, value, casting="unsafe")
            tensor.mark_changed()
    return IncompatibleKeys(missing, unexpected)


def _assign(part, name: str, old: Tensor, array: np.ndarray) -> None:
    new = from_array(array)
    setattr(part, name, Parameter(new, old.requires_grad) if isinstance(old, Parameter) else new)
