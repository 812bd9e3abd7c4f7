"""The base of all optimizers: parameter groups with their settings, and a state for each parameter."""

from __future__ import annotations

import functools
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any

import numpy as np

from cnn_physics77.core.backend.warning import warn
from cnn_physics77.core.errors import CheckpointError
from cnn_physics77.core.handles import RemovableHandle
from cnn_physics77.core.recording import enable_grad
from cnn_physics77.core.tensor import Tensor, clear_gradient, from_array

_STATE_HOOKS = ("state_dict_pre", "state_dict_post", "load_pre", "load_post")


class _Required:
    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()
"""The default of a setting that every group must give."""


def evaluate(closure: Callable | None) -> Any:
    """What the closure of a step returns, with recording on; None without one."""
    if closure is None:
        return None
    with enable_grad():
        return closure()


def _with_hooks(step: Callable) -> Callable:
    """``step`` with the optimizer's hooks around it; ``_steps_called`` counts the calls."""

    @functools.wraps(step)
    def hooked(self, *args, **kwargs):
        self._set_hooks()
        for hook in tuple(self._step_pre_hooks.values()):
            replaced = hook(self, args, kwargs)
            if replaced is not None:
                if not (isinstance(replaced, tuple) and len(replaced) == 2):
                    raise RuntimeError(
                        f"{type(self).__name__}.step: a pre-hook must return None or a tuple of (new_args, "
                        f"new_kwargs), found {replaced}"
                    )
                args, kwargs = replaced
        result = step(self, *args, **kwargs)
        self._steps_called += 1
        for hook in tuple(self._step_post_hooks.values()):
            hook(self, args, kwargs)
        return result

    return hooked


class Optimizer:
    """Updates parameters by their gradients.

    A subclass calls ``super().__init__(params, defaults)`` and defines ``step``.

    Args:
        params: tensors; or (name, tensor) pairs; or dicts, each with ``"params"`` and the settings of that
            group.
        defaults: the settings of the groups that do not set their own.

    Attributes:
        param_groups: a list of dicts with ``"params"`` and the settings.
        state: maps each parameter to a dict, its state.

    Raises:
        TypeError: params is a tensor, or contains something that is not a tensor; a group's params are a set.
        ValueError: there are no parameters, a parameter is in two groups, or a tensor is not a leaf.

    >>> import cnn_physics77 as torch
    >>> class Descent(torch.optim.Optimizer):
    ...     def __init__(self, params, lr):
    ...         super().__init__(params, {"lr": lr})
    ...
    ...     @torch.no_grad()
    ...     def step(self):
    ...         for group in self.param_groups:
    ...             for p in group["params"]:
    ...                 p -= group["lr"] * p.grad
    >>> x = torch.tensor([2.0], requires_grad=True)
    >>> optimizer = Descent([x], lr=0.25)
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> x
    tensor([1.], requires_grad=True)
    """

    _steps_called = 0

    replayable = True
    """Whether the calls of NumPy of one step may stand for the next (:mod:`cnn_physics77.compile`)."""

    def __init__(self, params: Iterable, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self.state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        self._set_hooks()
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, but got "
                "Tensor; put it into a list"
            )
        groups = list(params)
        if not groups:
            raise ValueError(
                f"{type(self).__name__}: optimizer got an empty parameter list; give model.parameters()"
            )
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(dict(group))

    def __init_subclass__(cls, **kwargs) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in cls.__dict__:
            cls.step = _with_hooks(cls.step)  # type: ignore[method-assign]

    def _set_hooks(self) -> None:
        """Make the hooks, unless they are there: a subclass may not call ``super().__init__``."""
        if "_step_pre_hooks" not in self.__dict__:
            self._steps_called = 0
            self._step_pre_hooks: OrderedDict = OrderedDict()
            self._step_post_hooks: OrderedDict = OrderedDict()
            self._state_hooks: dict[str, OrderedDict] = {name: OrderedDict() for name in _STATE_HOOKS}

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._set_hooks()

    def __repr__(self) -> str:
        lines = [type(self).__name__ + " ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
        return "\n".join([*lines, ")"])

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group: a dict with ``"params"`` and the settings that differ from the defaults.

        Raises:
            TypeError, ValueError: as for the constructor.
            KeyError: there is no ``"params"``.
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        if "params" not in param_group:
            found = ", ".join(map(repr, param_group))
            raise KeyError(f"params: expected the parameters of a group under 'params', found {found}")
        params = param_group["params"]
        if isinstance(params, set):
            raise TypeError(
                "optimizer parameters need to be organized in ordered collections, but the ordering of "
                "tensors in sets will change between runs. Please use a list instead."
            )
        params = [params] if isinstance(params, Tensor) else list(params)
        names = [p[0] for p in params if isinstance(p, tuple)]
        if names and len(names) != len(params):
            raise ValueError(
                "all optimizer params should be with/without names. Some param names are missing"
            )
        params = [p[1] if isinstance(p, tuple) else p for p in params]
        for p in params:
            if not isinstance(p, Tensor):
                raise TypeError(
                    f"optimizer can only optimize Tensors, but one of the params is {type(p).__name__}"
                )
            if not p.is_leaf:
                raise ValueError("can't optimize a non-leaf Tensor; give the ones that it was computed from")
        if len(set(params)) != len(params):
            warn("optimizer contains a parameter group with duplicate parameters")
        others = {p for group in self.param_groups for p in group["params"]}
        if not others.isdisjoint(params):
            raise ValueError("some parameters appear in more than one parameter group; leave them in one")
        if self.param_groups and bool(names) != ("param_names" in self.param_groups[0]):
            raise ValueError(
                "all optimizer param groups should be with/without names. cannot add param group "
                f"{'with' if names else 'without'} names to the optimizer"
            )
        param_group["params"] = params
        if names:
            param_group["param_names"] = names
        for key, value in self.defaults.items():
            if value is required and key not in param_group:
                raise ValueError(
                    f"parameter group didn't specify a value of required optimization parameter {key}; give "
                    "it in the group, or to the optimizer"
                )
            param_group.setdefault(key, value)
        self.param_groups.append(param_group)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Set the gradients of all parameters to None, or overwrite them with zeros."""
        for group in self.param_groups:
            for p in group["params"]:
                clear_gradient(p, set_to_none)

    def step(self, closure: Callable | None = None):
        """Update the parameters once; every subclass defines it.

        Args:
            closure: recomputes the loss and its gradients, and returns the loss.
        """
        raise NotImplementedError(f"{type(self).__name__} is missing the required step function")

    # ------------------------------------------------------------------------------- hooks

    def register_step_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` before each step; it may return new ``(args, kwargs)``."""
        self._set_hooks()
        return RemovableHandle(self._step_pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` after each step."""
        self._set_hooks()
        return RemovableHandle(self._step_post_hooks, hook)

    def register_state_dict_pre_hook(
        self, hook: Callable[[Optimizer], None], prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(optimizer)`` before ``state_dict``; with ``prepend`` before the other hooks."""
        return self._register("state_dict_pre", hook, prepend)

    def register_state_dict_post_hook(
        self, hook: Callable[[Optimizer, dict], dict | None], prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` after ``state_dict``; it may return another one."""
        return self._register("state_dict_post", hook, prepend)

    def register_load_state_dict_pre_hook(
        self, hook: Callable[[Optimizer, dict], dict | None], prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` before ``load_state_dict``; it may return another one, and
        gets a shallow copy."""
        return self._register("load_pre", hook, prepend)

    def register_load_state_dict_post_hook(
        self, hook: Callable[[Optimizer], None], prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(optimizer)`` after ``load_state_dict``."""
        return self._register("load_post", hook, prepend)

    def _register(self, name: str, hook: Callable, prepend: bool) -> RemovableHandle:
        self._set_hooks()
        hooks = self._state_hooks[name]
        handle = RemovableHandle(hooks, hook)
        if prepend:
            hooks.move_to_end(handle.id, last=False)
        return handle

    def _call_hooks(self, name: str, *state: Any) -> Any:
        """Call these hooks with the state, if there is one; what the last of them made of it."""
        self._set_hooks()
        for hook in tuple(self._state_hooks[name].values()):
            replaced = hook(self, *state)
            if state and replaced is not None:
                state = (replaced,)
        return state[0] if state else None

    # ------------------------------------------------------------------------------- state

    def state_dict(self) -> dict[str, Any]:
        """The settings and the state, in PyTorch's format.

        Returns:
            A dict with two entries. ``"state"`` maps the number of a parameter to its state; the tensors are
            the optimizer's own, not copies. ``"param_groups"`` lists the settings of each group, with
            numbers for ``"params"``.
        """
        self._call_hooks("state_dict_pre")
        numbers: dict[Any, int] = {}
        for group in self.param_groups:
            for p in group["params"]:
                numbers.setdefault(p, len(numbers))
        groups = [
            {
                **{k: v for k, v in group.items() if k != "params"},
                "params": [numbers[p] for p in group["params"]],
            }
            for group in self.param_groups
        ]
        state = {numbers.get(p, p): s for p, s in self.state.items()}
        return self._call_hooks("state_dict_post", {"state": state, "param_groups": groups})

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load the settings and copies of the state; a PyTorch optimizer of the same kind may have made them.

        Raises:
            CheckpointError: the number of groups or of parameters differs.
        """
        state_dict = self._call_hooks("load_pre", dict(state_dict))
        saved = deepcopy(state_dict["param_groups"])
        if len(saved) != len(self.param_groups):
            raise CheckpointError(
                "loaded state dict has a different number of parameter groups: "
                f"expected {len(self.param_groups)}, found {len(saved)}"
            )
        parameters: dict[Any, Tensor] = {}
        for new, group in zip(saved, self.param_groups):
            if len(new["params"]) != len(group["params"]):
                raise CheckpointError(
                    "loaded state dict contains a parameter group that doesn't match the size of optimizer's "
                    f"group: expected {len(group['params'])} parameters, found {len(new['params'])}"
                )
            parameters.update(zip(new["params"], group["params"]))
            new["params"] = group["params"]
            if "param_names" in group:
                new.setdefault("param_names", group["param_names"])
        state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        for key, value in state_dict["state"].items():
            if key in parameters:
                state[parameters[key]] = _copied(value, parameters[key])
            else:
                state[key] = deepcopy(value)
        self.__setstate__({"state": state, "param_groups": saved})
        self._call_hooks("load_post")


def _copied(value: Any, like: Tensor, key: str = "") -> Any:
    """A copy of a parameter's state; tensors, except the step, get the parameter's dtype."""
    if isinstance(value, dict):
        return {k: _copied(v, like, k) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_copied(v, like) for v in value)
    if isinstance(value, Tensor | np.ndarray) or hasattr(value, "__array__"):
        array = value.array if isinstance(value, Tensor) else np.asarray(value)
        keep = key == "step" or like.array.dtype.kind not in "fc"
        return from_array(np.array(array, dtype=None if keep else like.array.dtype))
    return deepcopy(value)


class SingleParameterOptimizer(Optimizer):
    """An optimizer that updates one parameter after another. A subclass defines the update."""

    def step(self, closure: Callable | None = None):
        """Update the parameters that have a gradient; see :meth:`Optimizer.step`."""
        loss = evaluate(closure)
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self._update(p, p.grad.array, group)
        return loss

    def _update(self, p: Tensor, gradient: np.ndarray, group: dict[str, Any]) -> None:
        """Change the parameter in place; every subclass defines it."""
        raise NotImplementedError(f"{type(self).__name__} is missing the required _update function")


__all__ = ["Optimizer", "required"]
