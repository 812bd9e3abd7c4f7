"""Module: a part of a network, with parameters, buffers and submodules.

They are in three dictionaries of the module, ``_parameters``, ``_buffers`` and ``_modules``, in the order of
their assignment. Python calls ``__getattr__``, which looks there, where a module has no ordinary attribute of
a name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from typing import Any

from cnn_physics77.core.handles import RemovableHandle
from cnn_physics77.core.layers.conversion import Conversions
from cnn_physics77.core.layers.hooks import OF_PYTORCH, HooksAttribute, ModuleHooks, call_with_hooks
from cnn_physics77.core.layers.parameter import Buffer, Parameter
from cnn_physics77.core.layers.registration import REGISTRIES, registered
from cnn_physics77.core.layers.state import Stateful
from cnn_physics77.core.tensor import Tensor, clear_gradient
from cnn_physics77.core.tensor_types import typename


class Module(Stateful, Conversions):
    """The base class of all layers and networks.

    A subclass calls ``super().__init__()``, assigns parameters and submodules to attributes, and defines
    ``forward``. Calling the module calls ``forward`` and its hooks.

    Attributes:
        training: whether the module is in training mode; :meth:`train` and :meth:`eval` set it. Dropout and
            batch norm depend on it.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77 import nn
    >>> class Line(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.slope = nn.Parameter(torch.tensor(2.0))
    ...
    ...     def forward(self, x):
    ...         return self.slope * x
    >>> line = Line()
    >>> line(torch.tensor([1.0, 2.0])).detach()
    tensor([2., 4.])
    >>> list(line.state_dict())
    ['slope']
    """

    training: bool
    _parameters: dict[str, Any]  # parameters, and None for names that are reserved
    _buffers: dict[str, Any]
    _non_persistent_buffers_set: set[str]  # names of the buffers that are not part of the state_dict
    _modules: dict[str, Any]
    _hooks: ModuleHooks | None = None

    def __init__(self) -> None:
        set_directly = super().__setattr__
        set_directly("training", True)
        set_directly("_parameters", {})
        set_directly("_buffers", {})
        set_directly("_non_persistent_buffers_set", set())
        set_directly("_modules", {})

    def __call__(self, *args, **kwargs):
        if self._hooks is None:
            return self.forward(*args, **kwargs)
        return call_with_hooks(self, args, kwargs)

    def _no_forward(self, *args, **kwargs):
        """Compute the output; every subclass defines it."""
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function; define it'
        )

    forward: Callable[..., Any] = _no_forward

    # ------------------------------------------------------------------------------- attributes

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the attributes of a pickled module, of this package or of PyTorch's.

        Raises:
            ValueError: a module of PyTorch's with hooks.
        """
        if any(state.get(name) for name in OF_PYTORCH):
            raise ValueError(f"a {type(self).__name__} with hooks; remove them before it is saved")
        others = {*OF_PYTORCH, "_is_full_backward_hook"}  # which may be True after the last one is removed
        self.__dict__.update({name: value for name, value in state.items() if name not in others})

    def __getattr__(self, name: str) -> Any:
        """A parameter, buffer or submodule: Python calls this where there is no ordinary attribute."""
        attributes = self.__dict__
        for kind in REGISTRIES:
            if kind in attributes and name in attributes[kind]:
                return attributes[kind][name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __setattr__(self, name: str, value: Any) -> None:
        own = self.__dict__
        if isinstance(value, Parameter):
            self._make_free(name, "parameters", "_buffers", "_modules")
            self.register_parameter(name, value)
        elif name in own.get("_parameters", ()):
            if value is not None:
                raise _wrong_kind(value, f"parameter '{name}'", "torch.nn.Parameter")
            self.register_parameter(name, None)
        elif isinstance(value, Module):
            self._make_free(name, "module", "_buffers")
            self._modules[name] = registered(self, "_modules", name, value)
        elif name in own.get("_modules", ()):
            if value is not None:
                raise _wrong_kind(value, f"child module '{name}'", "torch.nn.Module")
            self._modules[name] = registered(self, "_modules", name, None)
        elif isinstance(value, Buffer):
            self.register_buffer(name, value, value.persistent)
        elif name in own.get("_buffers", ()):
            if not (value is None or isinstance(value, Tensor)):
                raise _wrong_kind(value, f"buffer '{name}'", "torch.nn.Buffer, torch.Tensor")
            self.register_buffer(name, value, name not in self._non_persistent_buffers_set)
        else:
            super().__setattr__(name, value)

    def _make_free(self, name: str, for_what: str, *kinds: str) -> None:
        """Forget an ordinary attribute of this name, and what has it in dictionaries of other kinds."""
        own = self.__dict__
        if "_parameters" not in own:
            raise AttributeError(f"cannot assign {for_what} before Module.__init__() call")
        for names in (own, *(own[kind] for kind in kinds)):
            names.pop(name, None)
        self._non_persistent_buffers_set.discard(name)

    def __delattr__(self, name: str) -> None:
        for kind in REGISTRIES:
            if name in self.__dict__.get(kind, ()):
                del self.__dict__[kind][name]
                if kind == "_buffers":
                    self._non_persistent_buffers_set.discard(name)
                return
        super().__delattr__(name)

    def __dir__(self) -> list[str]:
        registered = (name for kind in REGISTRIES for name in self.__dict__.get(kind, ()))
        return sorted({*super().__dir__(), *(name for name in registered if not name[0].isdigit())})

    def _check_new_name(self, kind: str, name: str, registry: str) -> None:
        if registry not in self.__dict__:
            raise AttributeError(f"cannot assign {kind} before Module.__init__() call")
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {typename(name)}")
        if "." in name:
            found = f", got: {name}" if kind == "module" else ""
            raise KeyError(f'{kind} name can\'t contain "."{found}')
        if name == "":
            raise KeyError(f'{kind} name can\'t be empty string ""')
        if hasattr(self, name) and name not in self.__dict__[registry]:
            raise KeyError(f"attribute '{name}' already exists")

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter; None reserves the name, for example for the bias of a layer without bias.

        Raises:
            KeyError: the name is empty, has a dot, or is in use.
            TypeError: not a Parameter.
            ValueError: not a leaf.
        """
        self._check_new_name("parameter", name, "_parameters")
        if not (param is None or isinstance(param, Parameter)):
            raise TypeError(
                f"cannot assign '{typename(param)}' object to parameter '{name}' (torch.nn.Parameter or None "
                "required)"
            )
        if param is not None and not param.is_leaf:
            raise ValueError(
                f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must be created "
                f"explicitly. To express '{name}' as a function of another Tensor, compute the value in the "
                "forward() method."
            )
        if param is not None:
            param = registered(self, "_parameters", name, param)
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a buffer: state that is not a parameter, such as a running mean.

        Args:
            persistent: whether it is part of the ``state_dict``.

        Raises:
            KeyError: the name is empty, has a dot, or is in use.
            TypeError: not a tensor.
        """
        self._check_new_name("buffer", name, "_buffers")
        if not (tensor is None or isinstance(tensor, Tensor)):
            raise TypeError(
                f"cannot assign '{typename(tensor)}' object to buffer '{name}' (torch Tensor or None "
                "required)"
            )
        self._buffers[name] = registered(self, "_buffers", name, tensor)
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a submodule.

        Raises:
            KeyError: the name is empty, has a dot, or is in use.
            TypeError: not a Module.
        """
        if not (module is None or isinstance(module, Module)):
            raise TypeError(f"{typename(module)} is not a Module subclass")
        self._check_new_name("module", name, "_modules")
        self._modules[name] = registered(self, "_modules", name, module)

    register_module = add_module

    def get_submodule(self, target: str) -> Module:
        """The submodule with a dotted name; the module itself for ``""``.

        Raises:
            AttributeError: there is none.
        """
        module = self
        for part in target.split(".") if target else ():
            if not hasattr(module, part):
                raise AttributeError(f"{type(module).__name__} has no attribute `{part}`")
            module = getattr(module, part)
            if not isinstance(module, Module):
                raise AttributeError(f"`{part}` is not an nn.Module")
        return module

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Replace or add the submodule with a dotted name.

        Args:
            strict: whether there must be one to replace.

        Raises:
            AttributeError: there is none above it, or something else has the name.
            ValueError: the name is empty, or ``module`` is no module.
        """
        if not target:
            raise ValueError("Cannot set the submodule without a target name!")
        if not isinstance(module, Module):
            raise ValueError(f"`module` is not an nn.Module, found {type(module)}")
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if strict or hasattr(parent, name):
            parent.get_submodule(name)
        setattr(parent, name, module)

    def get_parameter(self, target: str) -> Parameter:
        """The parameter with a dotted name; AttributeError if there is none."""
        return self._get_tensor(target, "_parameters", "an nn.Parameter")

    def get_buffer(self, target: str) -> Tensor:
        """The buffer with a dotted name; AttributeError if there is none."""
        return self._get_tensor(target, "_buffers", "a buffer")

    def _get_tensor(self, target: str, registry: str, kind: str):
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if not hasattr(module, name):
            raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
        if name not in getattr(module, registry):
            raise AttributeError(f"`{name}` is not {kind}")
        return getattr(module, name)

    # ------------------------------------------------------------------------------- content

    def named_modules(
        self, memo: set | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """The module and all below it with their dotted names; a shared module is listed once."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                yield from module.named_modules(
                    memo, f"{prefix}.{name}" if prefix else name, remove_duplicate
                )

    def modules(self, remove_duplicate: bool = True) -> Iterator[Module]:
        """The module and all modules below it."""
        for _, module in self.named_modules(remove_duplicate=remove_duplicate):
            yield module

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The direct submodules with their names."""
        seen = set()
        for name, module in self._modules.items():
            if module is not None and module not in seen:
                seen.add(module)
                yield name, module

    def children(self) -> Iterator[Module]:
        """The direct submodules."""
        for _, module in self.named_children():
            yield module

    def _named_members(
        self,
        get_members_fn: Callable[[Any], Iterable[tuple[str, Any]]],
        prefix: str = "",
        recurse: bool = True,
        remove_duplicate: bool = True,
    ) -> Iterator:
        """What a function gives of this module and of all below it, with dotted names."""
        seen = set()
        owners = (
            self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate)
            if recurse
            else [(prefix, self)]
        )
        for path, module in owners:
            for name, member in get_members_fn(module):
                if member is not None and member not in seen:
                    if remove_duplicate:
                        seen.add(member)
                    yield (f"{path}.{name}" if path else name), member

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """The parameters with their dotted names; a tied one is listed once, under its first name."""
        return self._named_members(
            lambda module: module._parameters.items(), prefix, recurse, remove_duplicate
        )

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters, for an optimizer."""
        for _, parameter in self.named_parameters(recurse=recurse):
            yield parameter

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """The buffers with their dotted names."""
        return self._named_members(lambda module: module._buffers.items(), prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    # ------------------------------------------------------------------------------- changes

    def train(self, mode: bool = True):
        """Set this module and all below it to training mode, or to evaluation mode if False; returns it."""
        if not isinstance(mode, bool):
            raise ValueError(f"training mode is expected to be boolean, found {type(mode).__name__}")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self):
        """Set this module and all below it to evaluation mode; returns it."""
        return self.train(False)

    def apply(self, fn: Callable[[Module], Any]):
        """Call ``fn`` with every module below this one, and with this one last; returns it."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def compile(
        self,
        *,
        fullgraph: bool = False,
        dynamic: bool | None = None,
        backend: Any = "inductor",
        mode: str | None = None,
        options: dict[str, Any] | None = None,
        disable: bool = False,
        lanes: str | int = "threads",
    ) -> None:
        """Capture the calls of this module from now on; see ``torch.compile``, which leaves it as it is and
        returns another module."""
        if not disable:
            import_module("cnn_physics77.compile").compile_in_place(self, fullgraph, lanes)

    def requires_grad_(self, requires_grad: bool = True):
        """Make all parameters variables, or freeze them; returns the module."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Set the gradients of all parameters to None, or overwrite them with zeros."""
        for parameter in self.parameters():
            clear_gradient(parameter, set_to_none)

    # ------------------------------------------------------------------------------- hooks

    def _own_hooks(self) -> ModuleHooks:
        hooks = self.__dict__.get("_hooks")  # not those of all modules
        if hooks is None:
            hooks = self._hooks = ModuleHooks()
        return hooks

    _forward_pre_hooks = HooksAttribute("forward_pre")
    _forward_hooks = HooksAttribute("forward")
    _backward_pre_hooks = HooksAttribute("backward_pre")
    _backward_hooks = HooksAttribute("backward")

    @property
    def _is_full_backward_hook(self) -> bool | None:
        hooks = self.__dict__.get("_hooks")
        return None if hooks is None else hooks.is_full

    def register_forward_pre_hook(
        self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args)`` before ``forward``. A result, unless None, replaces the arguments.

        Args:
            prepend: call it before the hooks that are registered.
            with_kwargs: call ``hook(module, args, kwargs)``, which returns None or ``(args, kwargs)``.
        """
        return self._own_hooks().register("forward_pre", hook, prepend, with_kwargs)

    def register_forward_hook(
        self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args, output)`` after ``forward``. A result, unless None, replaces the output.

        Args:
            prepend: call it before the hooks that are registered.
            with_kwargs: call ``hook(module, args, kwargs, output)``.
            always_call: call it also if a hook or ``forward`` raises; the output is None if there is none.
        """
        return self._own_hooks().register("forward", hook, prepend, with_kwargs, always_call)

    def register_full_backward_pre_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_output)`` when the gradients of the outputs are computed.

        A result other than None replaces them.
        """
        return self._own_hooks().register("backward_pre", hook, prepend)

    def register_full_backward_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_input, grad_output)`` when the gradients of the positional inputs are
        computed.

        Both are tuples, with None for an argument that is not a tensor or needs no gradient. A result other
        than None replaces ``grad_input``.

        Raises:
            RuntimeError: the module has, or had, a hook of :meth:`register_backward_hook`.
        """
        return self._own_hooks().register_backward(hook, full=True, prepend=prepend)

    def register_backward_hook(self, hook: Callable) -> RemovableHandle:
        """Deprecated: call ``hook(module, grad_input, grad_output)`` when the last operation of ``forward``
        is differentiated; ``grad_input`` are the gradients of its inputs, not of the module's. See
        :meth:`register_full_backward_hook`.

        Raises:
            RuntimeError: the module has, or had, a full backward hook.
        """
        return self._own_hooks().register_backward(hook, full=False)

    # ------------------------------------------------------------------------------- text

    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """The text in the parentheses of the repr."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr().split("\n") if self.extra_repr() else []
        children = [f"({name}): {_addindent(repr(module), 2)}" for name, module in self._modules.items()]
        if not children and len(extra) <= 1:
            return f"{self._get_name()}({''.join(extra)})"
        return f"{self._get_name()}(\n  " + "\n  ".join(extra + children) + "\n)"


def _wrong_kind(value: Any, what: str, expected: str) -> TypeError:
    return TypeError(f"cannot assign '{typename(value)}' as {what} ({expected} or None expected)")


def _addindent(s_: str, numSpaces: int) -> str:
    """The text with every line except the first indented. Modules with a text of their own ask PyTorch for
    it by this name."""
    return s_.replace("\n", "\n" + " " * numSpaces)


__all__ = ["Module"]
