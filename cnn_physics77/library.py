"""``torch.library``: operations of one's own, by name. There is one kernel of each, for the CPU.

What registers operations of PyTorch's dispatcher piece by piece can be imported, and raises when it is used.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from typing import Any

from cnn_physics77 import _lacking
from cnn_physics77.autograd import Function
from cnn_physics77.core.errors import GradientError
from cnn_physics77.core.tensor import Tensor

operations: dict[str, CustomOpDef] = {}


class CustomOpDef:
    """A function as one operation: what it computes inside is not recorded. :func:`custom_op` makes it.

    Its gradient is that of :meth:`register_autograd`; without one, going backward through it raises.
    """

    def __init__(self, name: str, fn: Callable, mutates_args: Iterable[str] = ()) -> None:
        self._qualname = name
        self._kernel: Callable | None = None
        self._signature = inspect.signature(fn)
        self._changed = tuple(mutates_args)
        self._backward: Callable | None = None
        self._setup_context: Callable | None = None
        self._function: type[_Recorded] = type(name, (_Recorded,), {})
        self.default = self  # as torch.ops names the form of an operation

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._kernel is None:
            raise NotImplementedError(
                f"{self._qualname}: expected a kernel for the CPU, found those of other devices; add one by "
                'register_kernel("cpu")'
            )
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        if any(isinstance(x, Tensor) and x.requires_grad for x in _apart(bound.kwargs.values())[0]):
            raise NotImplementedError(
                f"{self._qualname}: expected tensors that require grad as positional arguments, found one "
                "that is given by keyword only, which has no gradient; change the signature, or detach it"
            )
        for tensor in _apart(bound.arguments[name] for name in self._changed)[0]:
            if isinstance(tensor, Tensor):
                tensor.mark_changed()
        inputs, lengths = _apart(bound.args)
        call = _Call(self, lengths, bound.kwargs)
        outputs = _together(self._function.apply(call, *inputs), call.of_outputs)
        return tuple(outputs) if call.several else outputs[0]

    def register_autograd(self, backward: Callable, /, *, setup_context: Callable | None = None) -> None:
        """Give it a gradient.

        Args:
            backward: (ctx, *gradients of the outputs) -> the gradient of each positional input, or None; a
                tuple if there are several. That of a list of tensors is a list.
            setup_context: (ctx, inputs, output), also ``keyword_only_inputs`` if it has such; saves what
                ``backward`` needs.

        Raises:
            RuntimeError: the operation changes arguments.

        >>> import cnn_physics77 as torch
        >>> @torch.library.custom_op("example::total", mutates_args=())
        ... def total(xs: list[torch.Tensor]) -> torch.Tensor:
        ...     return sum(xs)
        >>> def setup_context(ctx, inputs, output):
        ...     ctx.count = len(inputs[0])
        >>> total.register_autograd(lambda ctx, g: [g] * ctx.count, setup_context=setup_context)
        >>> x = torch.tensor(3.0, requires_grad=True)
        >>> total([x, x]).backward()
        >>> x.grad
        tensor(2.)
        """
        if self._changed:
            raise RuntimeError(
                f"register_autograd: expected an operation without mutates_args, found {self._qualname}, "
                f"which changes {', '.join(self._changed)}; make one that returns new tensors"
            )
        self._backward, self._setup_context = backward, setup_context

    def register_kernel(self, device_types: str | Sequence[str] | None, fn: Callable | None = None, /) -> Any:
        """The function for a device: that for "cpu" replaces the one there is. Also a decorator.

        >>> import cnn_physics77 as torch
        >>> double = torch.library.custom_op("example::double", lambda x: x + x, mutates_args=())
        >>> @double.register_kernel("cpu")
        ... def of_cpu(x):
        ...     return 2 * x
        >>> double(torch.ones(2))
        tensor([2., 2.])
        """
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


class _Call:
    """One call of an operation.

    Attributes:
        of_inputs, of_outputs: the lengths of the lists of tensors among them; see :func:`_apart`.
        keywords: the arguments that are given by keyword only.
        several: whether the kernel returned a tuple.
    """

    def __init__(self, operation: CustomOpDef, of_inputs: list[int | None], keywords: dict[str, Any]) -> None:
        self.operation, self.of_inputs, self.keywords = operation, of_inputs, keywords
        self.of_outputs: list[int | None] = []
        self.several = False


class _Recorded(Function):
    """The calls of an operation. A Function sees the tensors that are its very arguments, so lists of tensors
    are taken apart."""

    @staticmethod
    def forward(ctx: Any, call: _Call, *flat: Any) -> tuple:
        operation, inputs = call.operation, tuple(_together(flat, call.of_inputs))
        output = operation._kernel(*inputs, **call.keywords)  # type: ignore[misc]
        if operation._setup_context is not None:
            options = {"keyword_only_inputs": call.keywords} if call.keywords else {}
            operation._setup_context(ctx=ctx, inputs=inputs, output=output, **options)
        ctx._call = call
        call.several = isinstance(output, tuple)
        outputs, call.of_outputs = _apart(output if call.several else [output])
        return tuple(outputs)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple:
        call = ctx._call
        operation, lengths = call.operation, call.of_inputs
        if operation._backward is None:
            raise RuntimeError(
                f"{operation._qualname}: expected an operation with a gradient, found none registered; call "
                "torch.library.register_autograd"
            )
        own = copy(ctx)
        own.needs_input_grad = tuple(_together(ctx.needs_input_grad[1:], lengths))
        found = operation._backward(own, *_together(grads, call.of_outputs))
        found = found if isinstance(found, tuple) else (found,)
        if len(found) != len(lengths):
            raise GradientError(
                f"{operation._qualname}: backward returned an incorrect number of gradients (expected a "
                f"tuple of {len(lengths)}, one for each positional argument, got {len(found)})"
            )
        flat: list[Any] = [None]
        for index, (gradient, length) in enumerate(zip(found, lengths)):
            if length is None:
                flat.append(gradient)
            elif gradient is None:
                flat += [None] * length
            elif isinstance(gradient, (list, tuple)) and len(gradient) == length:
                flat += gradient
            else:
                raise GradientError(
                    f"{operation._qualname}: expected backward to return a list of {length} gradients at "
                    f"index {index}, as the argument is a list, found {type(gradient).__name__}"
                )
        return tuple(flat)


def _apart(values: Iterable[Any]) -> tuple[list, list[int | None]]:
    """The values, with the members of lists of tensors in their place; and of each value the length of the
    list, or None for another value."""
    flat: list[Any] = []
    lengths: list[int | None] = []
    for value in values:
        several = isinstance(value, (list, tuple)) and any(isinstance(part, Tensor) for part in value)
        flat += value if several else [value]
        lengths.append(len(value) if several else None)
    return flat, lengths


def _together(flat: Sequence[Any], lengths: Sequence[int | None]) -> list:
    """Undoes :func:`_apart`."""
    parts = iter(flat)
    return [next(parts) if n is None else [next(parts) for _ in range(n)] for n in lengths]


def custom_op(
    name: str,
    fn: Callable | None = None,
    /,
    *,
    mutates_args: str | Iterable[str],
    device_types: str | Sequence[str] | None = None,
    schema: str | None = None,
    tags: Any = None,
) -> Any:
    """A function as an operation, which is also ``torch.ops.NAMESPACE.NAME``. Also a decorator.

    Args:
        name: "namespace::name".
        fn: a function of tensors, lists of tensors and other values, which returns such.
        mutates_args: names of the arguments that it changes, which count as changed in place at each call;
            "unknown" for all.
        device_types: the devices that ``fn`` is for; None for all.
        schema, tags: not used.

    Returns:
        A :class:`CustomOpDef`. If no device is the CPU, its call raises NotImplementedError.

    Raises:
        ValueError: the name has no namespace, or there is no argument of a name in ``mutates_args``.

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
        return lambda fn: custom_op(name, fn, mutates_args=mutates_args, device_types=device_types)
    if name.count("::") != 1:
        raise ValueError(f"custom_op: expected a name such as 'mylib::square', found {name!r}")
    names = list(inspect.signature(fn).parameters)
    changed = names if mutates_args == "unknown" else mutates_args
    changed = changed if isinstance(changed, str) else tuple(changed)
    if isinstance(changed, str) or not set(changed) <= set(names):
        raise ValueError(
            f"custom_op: expected mutates_args as a sequence of names among {names}, or 'unknown', found "
            f"{mutates_args!r}"
        )
    made = CustomOpDef(name, fn, changed)
    made.register_kernel(device_types, fn)
    operations[name] = made
    return made


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
