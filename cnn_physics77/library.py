"""``torch.library``: operations of one's own, by name. There is one kernel of each, for the CPU.

What registers operations of PyTorch's dispatcher piece by piece can be imported, and raises when it is used.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from cnn_physics77 import _lacking
from cnn_physics77.autograd import Function

operations: dict[str, CustomOpDef] = {}


class CustomOpDef:
    """A function as one operation: what it computes inside is not recorded.

    Its gradient is that of :meth:`register_autograd`; without one, going backward through it raises.
    """

    def __init__(self, name: str, fn: Callable) -> None:
        self._qualname, self._kernel = name, fn
        self._signature = inspect.signature(fn)
        self._backward: Callable | None = None
        self._setup_context: Callable | None = None
        self._function = _function_of(self)
        self.default = self  # as torch.ops names the form of an operation

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return self._function.apply(*bound.args, *bound.kwargs.values())

    def register_autograd(self, backward: Callable, /, *, setup_context: Callable | None = None) -> None:
        """Give it a gradient.

        Args:
            backward: (ctx, *gradients of the outputs) -> the gradient of each input, or None.
            setup_context: (ctx, inputs, output), also ``keyword_only_inputs`` if it has such; saves what
                ``backward`` needs.
        """
        self._backward, self._setup_context = backward, setup_context

    def register_kernel(self, device_types: str | Sequence[str] | None, fn: Callable | None = None, /) -> Any:
        """The function for a device: that for "cpu" replaces the one there is. Also a decorator."""
        if fn is None:
            return lambda fn: self.register_kernel(device_types, fn)
        if device_types is None or "cpu" in (
            [device_types] if isinstance(device_types, str) else device_types
        ):
            self._kernel = fn
        return fn

    def register_fake(self, fn: Callable, /) -> Callable:
        """Nothing: sizes of results are not asked for without the results. A decorator."""
        return fn

    def __repr__(self) -> str:
        return f"<CustomOpDef({self._qualname})>"


def _function_of(operation: CustomOpDef) -> type[Function]:
    parameters = operation._signature.parameters.values()
    named = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]

    def parts(inputs: tuple) -> tuple[tuple, dict[str, Any]]:
        count = len(inputs) - len(named)
        return inputs[:count], dict(zip(named, inputs[count:]))

    def forward(*inputs: Any) -> Any:
        args, kwargs = parts(inputs)
        return operation._kernel(*args, **kwargs)

    def setup_context(ctx: Any, inputs: tuple, output: Any) -> None:
        args, kwargs = parts(inputs)
        if operation._setup_context is not None:
            options = {"keyword_only_inputs": kwargs} if kwargs else {}
            operation._setup_context(ctx=ctx, inputs=args, output=output, **options)

    def backward(ctx: Any, *grads: Any) -> Any:
        if operation._backward is None:
            raise RuntimeError(
                f"{operation._qualname}: expected an operation with a gradient, found none registered; call "
                "torch.library.register_autograd"
            )
        found = operation._backward(ctx, *grads)
        return (*(found if isinstance(found, tuple) else (found,)), *[None] * len(named))

    methods = {"forward": forward, "setup_context": setup_context, "backward": backward}
    return type(operation._qualname, (Function,), {name: staticmethod(f) for name, f in methods.items()})


def custom_op(
    name: str,
    fn: Callable | None = None,
    /,
    *,
    mutates_args: str | Sequence[str],
    device_types: Any = None,
    schema: str | None = None,
    tags: Any = None,
) -> Any:
    """A function as an operation, which is also ``torch.ops.NAMESPACE.NAME``. Also a decorator.

    Args:
        name: "namespace::name".
        fn: a function of tensors and other values.
        mutates_args: names of the arguments that it changes.
        device_types, schema, tags: not used.

    Returns:
        A :class:`CustomOpDef`.

    Raises:
        ValueError: the name has no namespace.

    >>> import cnn_physics77 as torch
    >>> @torch.library.custom_op("example::square", mutates_args=())
    ... def square(x: torch.Tensor) -> torch.Tensor:
    ...     return torch.asarray(x.numpy() ** 2)
    >>> square.register_autograd(
    ...     lambda ctx, g: 2 * g * ctx.saved_tensors[0],
    ...     setup_context=lambda ctx, inputs, output: ctx.save_for_backward(*inputs),
    ... )
    >>> x = torch.tensor(3.0, requires_grad=True)
    >>> torch.ops.example.square(x).backward()
    >>> x.grad
    tensor(6.)
    """
    if fn is None:
        return lambda fn: custom_op(name, fn, mutates_args=mutates_args)
    if name.count("::") != 1:
        raise ValueError(f"custom_op: expected a name such as 'mylib::square', found {name!r}")
    operations[name] = CustomOpDef(name, fn)
    return operations[name]


def _found(function: str, op: str | CustomOpDef) -> CustomOpDef:
    if isinstance(op, CustomOpDef):
        return op
    if op not in operations:
        raise RuntimeError(f"{function}: expected an operation of custom_op, found none of name {op!r}")
    return operations[op]


def register_autograd(
    op: str | CustomOpDef, backward: Callable, /, *, setup_context: Callable | None = None, lib: Any = None
) -> None:
    """See :meth:`CustomOpDef.register_autograd`."""
    _found("register_autograd", op).register_autograd(backward, setup_context=setup_context)


def register_kernel(
    op: str | CustomOpDef, device_types: Any, func: Callable | None = None, /, *, lib: Any = None
) -> Any:
    """See :meth:`CustomOpDef.register_kernel`."""
    return _found("register_kernel", op).register_kernel(device_types, func)


def register_fake(op: str | CustomOpDef, func: Callable | None = None, /, *, lib: Any = None) -> Any:
    """See :meth:`CustomOpDef.register_fake`."""
    register = _found("register_fake", op).register_fake
    return register if func is None else register(func)


__all__ = ["CustomOpDef", "custom_op", "register_autograd", "register_fake", "register_kernel"]

__getattr__, __dir__ = _lacking.attributes(
    globals(),
    "Library define fallthrough_kernel impl infer_schema register_autocast register_vmap triton_op "
    "wrap_triton",
    "no dispatcher; use torch.library.custom_op",
)
