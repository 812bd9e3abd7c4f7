"""Hooks of modules: user functions that receive, and may replace, the inputs and outputs of a module.

A backward hook needs the gradients of all inputs, or of all outputs, at once. If a module has backward hooks,
its inputs and its outputs therefore pass through a :class:`_Boundary`: an identity whose derivative calls a
function with all gradients.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from copy import copy
from functools import partial

from cnn_physics77.core.autograd import Output, edge_to, record
from cnn_physics77.core.backend.warning import warn
from cnn_physics77.core.errors import GradientError
from cnn_physics77.core.handles import RemovableHandle
from cnn_physics77.core.operations.base.views import HANDED_THROUGH, remember
from cnn_physics77.core.recording import recording
from cnn_physics77.core.tensor import Tensor


class ModuleHooks:
    """The hooks of one module, in the order of their calls: functions by the numbers of their handles.

    Attributes:
        is_full: whether the backward hooks are full ones; None before there are any.
        with_kwargs: the numbers of the forward hooks that get the keyword arguments too.
        always: the numbers of those that are called even if ``forward`` raises.
    """

    is_full: bool | None = None

    def __init__(self) -> None:
        self.forward_pre: OrderedDict[int, Callable] = OrderedDict()
        self.forward: OrderedDict[int, Callable] = OrderedDict()
        self.backward_pre: OrderedDict[int, Callable] = OrderedDict()
        self.backward: OrderedDict[int, Callable] = OrderedDict()
        self.state_pre: OrderedDict[int, Callable] = OrderedDict()
        self.state_post: OrderedDict[int, Callable] = OrderedDict()
        self.load_pre: OrderedDict[int, Callable] = OrderedDict()
        self.load_post: OrderedDict[int, Callable] = OrderedDict()
        self.with_kwargs: set[int] = set()
        self.always: set[int] = set()

    def register(
        self,
        kind: str,
        hook: Callable,
        prepend: bool = False,
        with_kwargs: bool = False,
        always: bool = False,
    ) -> RemovableHandle:
        """Add a hook at the end, or at the start if ``prepend``; the handle removes it."""
        hooks: OrderedDict = getattr(self, kind)
        handle = RemovableHandle(hooks, hook)
        if prepend:
            hooks.move_to_end(handle.id, last=False)
        if with_kwargs:
            self.with_kwargs.add(handle.id)
        if always:
            self.always.add(handle.id)
        return handle

    def register_backward(self, hook: Callable, full: bool, prepend: bool = False) -> RemovableHandle:
        """Add a backward hook, of the kind of those before it."""
        if self.is_full is not None and self.is_full is not full:
            where = "as a global Module hook" if self is of_all_modules else "on a single Module"
            raise RuntimeError(
                f"Cannot use both regular backward hooks and full backward hooks {where}. Please use only "
                "one of them."
            )
        self.is_full = full
        return self.register("backward", hook, prepend)

    def calls(self, kind: str) -> list[tuple[Callable, bool, bool]]:
        """The hooks of a kind, each with whether it gets the keyword arguments, and whether it is called even
        if ``forward`` raises."""
        hooks = getattr(self, kind).items()
        return [(hook, number in self.with_kwargs, number in self.always) for number, hook in hooks]


of_all_modules = ModuleHooks()
"""The hooks that ``register_module_forward_hook`` and its relatives add, called before a module's own."""


OF_PYTORCH = {
    *("_backward_pre_hooks", "_backward_hooks"),
    *("_forward_pre_hooks", "_forward_hooks", "_forward_pre_hooks_with_kwargs"),
    *("_forward_hooks_with_kwargs", "_forward_hooks_always_called"),
    *("_state_dict_pre_hooks", "_state_dict_hooks"),
    *("_load_state_dict_pre_hooks", "_load_state_dict_post_hooks"),
}
"""Where a module of PyTorch's has its hooks."""


class HooksAttribute:
    """The hooks of one kind as an attribute of the module: a dictionary that can be changed or replaced.

    >>> from cnn_physics77 import nn
    >>> layer = nn.Identity()
    >>> handle = layer.register_forward_hook(print)
    >>> layer._forward_hooks.clear()
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def __get__(self, module, owner=None):
        return self if module is None else getattr(module._own_hooks(), self._kind)

    def __set__(self, module, hooks) -> None:
        module._hooks = copy(module._own_hooks())  # a copy of the module may share those that it had
        setattr(module._hooks, self._kind, OrderedDict(hooks))


def _hooks_of(module) -> list[ModuleHooks]:
    """Those of all modules, and its own. (Numbers of unpickled hooks can be those of others.)"""
    own = module._hooks
    return [own] if own is of_all_modules else [of_all_modules, own]


def _calls(module, kind: str) -> list[tuple[Callable, bool, bool]]:
    """The hooks of a kind, those of all modules first, as :meth:`ModuleHooks.calls` gives them."""
    return [call for hooks in _hooks_of(module) for call in hooks.calls(kind)]


def _backward_hooks(module, full: bool) -> list[Callable]:
    alike = [hooks.backward for hooks in _hooks_of(module) if bool(hooks.is_full) is full]
    return [hook for hooks in alike for hook in hooks.values()]


def call_with_hooks(module, args: tuple, kwargs: dict):
    """``module.forward(*args, **kwargs)`` with the hooks of the module and of all modules."""
    result, waiting = None, None
    try:
        for hook, with_kwargs, _ in _calls(module, "forward_pre"):
            if with_kwargs:
                args, kwargs = _checked_arguments(hook(module, args, kwargs), args, kwargs)
            else:
                replaced = hook(module, args)
                args = args if replaced is None else _as_tuple(replaced)
        before = [hook for hook, *_ in _calls(module, "backward_pre")]
        after = _backward_hooks(module, full=True)
        boundary = None
        if (before or after) and recording():
            boundary = _ModuleGradients(module, before, after)
            args = boundary.enter(args)
        result = module.forward(*args, **kwargs)
        waiting = deque(_calls(module, "forward"))
        while waiting:
            hook, with_kwargs, _ = waiting.popleft()
            replaced = hook(module, args, kwargs, result) if with_kwargs else hook(module, args, result)
            if replaced is not None:
                result = replaced
    except Exception:  # of any kind: hooks that are always called see the end of a call that failed
        rest = _calls(module, "forward") if waiting is None else waiting
        _call_always([call for call in rest if call[2]], module, args, kwargs, result)
        raise
    if recording():
        for hook in _backward_hooks(module, full=False):
            _hook_last_operation(module, result, hook)
    return result if boundary is None else boundary.leave(result)


def _checked_arguments(replaced, args: tuple, kwargs: dict) -> tuple:
    """What a hook before ``forward`` returned, ``(args, kwargs)``, or the former ones if it returned None."""
    if replaced is None:
        return args, kwargs
    if not (isinstance(replaced, tuple) and len(replaced) == 2):
        raise RuntimeError(
            f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got {replaced}."
        )
    return replaced


def _call_always(calls: list[tuple[Callable, bool, bool]], module, args: tuple, kwargs: dict, result) -> None:
    """Call the hooks that are called even if ``forward`` raises. What they raise becomes a warning, as in
    PyTorch: the error that the user has to see is the first one."""
    for hook, with_kwargs, _ in calls:
        try:
            replaced = hook(module, args, kwargs, result) if with_kwargs else hook(module, args, result)
        except Exception as error:
            warn(
                "module forward hook with ``always_call=True`` raised an exception that was silenced as "
                f"another error was raised in forward: {error}"
            )
        else:
            result = result if replaced is None else replaced


def _hook_last_operation(module, result, hook: Callable) -> None:
    """Call ``hook(module, grad_input, grad_output)`` with the gradients of the operation that made the result
    (or its first part)."""
    while isinstance(result, (tuple, list, dict)) and result:
        if isinstance(result, dict):
            result = next((part for part in result.values() if isinstance(part, Tensor)), None)
        else:
            result = result[0]
    if isinstance(result, Tensor) and result.grad_fn is not None:
        result.grad_fn.register_hook(partial(hook, module))


class _Boundary:
    """An identity operation; its derivative is ``callback(gradients) -> gradients``."""

    name = "backward_hook"

    def __init__(self, callback: Callable[[list], Sequence]):
        self.callback = callback

    def backward(self, node, gradient, edges) -> Sequence:
        return self.callback(gradient)


def _through_boundary(tensors: list[Tensor], callback: Callable[[list], Sequence]) -> list[Tensor]:
    """The same tensors; in the backward pass ``callback`` maps the list of their gradients."""
    edges = tuple(edge_to(t) for t in tensors)
    node = record(_Boundary(callback), edges, outputs=[(t.array.shape, t.array.dtype) for t in tensors])
    passed = []
    for index, tensor in enumerate(tensors):
        view = tensor.view_of_memory(tensor.array)
        remember(view, tensor, HANDED_THROUGH)
        view.edge = Output(node, index)
        passed.append(view)
    return passed


class _ModuleGradients:
    """Collects the gradients of the outputs and the inputs of one call, and passes them to the hooks."""

    def __init__(self, module, before: list[Callable], after: list[Callable]):
        self.module = module
        self.before = before
        self.after = after
        self.inputs: tuple[int, ...] = ()
        self.input_count = 0
        self.grad_output: tuple = ()

    def enter(self, args: tuple) -> tuple:
        self.input_count = len(args)
        self.inputs = tuple(i for i, a in enumerate(args) if isinstance(a, Tensor) and a.edge is not None)
        if not self.inputs or not self.after:
            return args
        replaced = list(args)
        for i, tensor in zip(
            self.inputs, _through_boundary([args[i] for i in self.inputs], self._inputs_done)
        ):
            replaced[i] = tensor
        return tuple(replaced)

    def leave(self, result):
        several = isinstance(result, tuple)
        results = list(result) if several else [result]
        chosen = [i for i, r in enumerate(results) if isinstance(r, Tensor) and r.edge is not None]
        if not chosen:
            return result

        def outputs_done(gradients):
            return self._outputs_done(gradients, chosen, len(results))

        for i, tensor in zip(chosen, _through_boundary([results[i] for i in chosen], outputs_done)):
            results[i] = tensor
        return tuple(results) if several else results[0]

    def _outputs_done(self, gradients, chosen, count):
        grad_output: list = [None] * count
        for i, gradient in zip(chosen, gradients):
            grad_output[i] = gradient
        for hook in self.before:
            replaced = hook(self.module, tuple(grad_output))
            if replaced is not None:
                grad_output = list(_checked(replaced, count, "pre-hook", "grad_output"))
        self.grad_output = tuple(grad_output)
        if not self.inputs and self.after:
            warn(
                "Full backward hook is firing when gradients are computed with respect to module outputs "
                "since no inputs require gradients."
            )
            for hook in self.after:
                replaced = hook(self.module, (None,) * self.input_count, self.grad_output)
                if replaced is not None and any(g is not None for g in _as_tuple(replaced)):
                    raise GradientError(
                        "Backward hook for Modules where no input requires gradient should always return "
                        "None or None for all gradients."
                    )
            self.grad_output = ()
        return [grad_output[i] for i in chosen]

    def _inputs_done(self, gradients):
        grad_input: list = [None] * self.input_count
        for i, gradient in zip(self.inputs, gradients):
            grad_input[i] = gradient
        for hook in self.after:
            replaced = hook(self.module, tuple(grad_input), self.grad_output)
            if replaced is not None:
                grad_input = list(_checked(replaced, self.input_count, "hook", "grad_input"))
        self.grad_output = ()
        return [grad_input[i] for i in self.inputs]


def _as_tuple(value) -> tuple:
    return value if isinstance(value, tuple) else (value,)


def _checked(replaced, count: int, kind: str, what: str) -> tuple:
    replaced = _as_tuple(replaced)
    if len(replaced) != count:
        raise GradientError(
            f"backward {kind}: expected {count} gradients as {what}, found {len(replaced)}; return one for "
            "each, or None"
        )
    return replaced
