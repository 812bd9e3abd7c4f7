"""User-defined operations (:class:`.Function`) of tensors of a batch.

``forward`` and ``backward`` consist of operations, so they take such tensors as they are. But ``forward`` is
not recorded, and so the graph of the values needs a node too: that of a Function of the values with the same
``forward`` and ``backward``. A class with a static method ``vmap`` computes the values itself, as in PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any, NamedTuple

from cnn_physics77.core.operations.base.broadcasting import expand_to
from cnn_physics77.core.operations.base.function import Function, FunctionCtx
from cnn_physics77.core.operations.indexing.permute import movedim
from cnn_physics77.core.recording import set_grad_enabled
from cnn_physics77.func.batched import Batch, Batched, innermost, is_of, tensor_of, value_of


class VmapInfo(NamedTuple):
    """What the method ``vmap`` of a Function is told."""

    batch_size: int
    randomness: str


def run_on_batch(
    run: Callable, active: Callable, recorded: bool, cls: type[Function], ctx: FunctionCtx, args: tuple
) -> Any:
    """What ``run(cls, ctx, args)`` returns, the forward of a Function.

    Args:
        active: a context manager, in which operations take tensors of a batch.
        recorded: whether the call is recorded.
    """
    batch = innermost(args)
    if batch is None:
        return run(cls, ctx, args)
    if hasattr(cls, "vmap"):
        return _by_own_rule(cls, batch, recorded, ctx, args)
    of_values, results = _function_of_values(run, active, cls, ctx, args, batch)
    with set_grad_enabled(recorded):
        made = of_values.apply(*(value_of(a, batch) for a in args))
    for output, value in zip(_as_tuple(results[0]), _as_tuple(made)):
        if is_of(batch, output):
            output.array = Batched(value, batch)
    return results[0]


def _function_of_values(
    run: Callable, active: Callable, cls: type[Function], ctx: FunctionCtx, args: tuple, batch: Batch
) -> tuple[type[Function], list]:
    """The Function of the values, and a list that is given the result of the forward of ``cls``."""
    results: list = []

    class OfValues(Function):
        @staticmethod
        def forward(own: Any, *values: Any) -> Any:
            result = run(cls, ctx, args)
            if ctx._dirty:
                raise RuntimeError(
                    f"{cls.__name__}: mark_dirty is not supported within vmap; change a copy, or define the "
                    "static method vmap"
                )
            results.append(result)
            own.inner, own.saved = copy(ctx), [is_of(batch, tensor) for tensor in ctx._to_save]
            own.save_for_backward(*(value_of(tensor, batch) for tensor in ctx._to_save))
            own.mark_non_differentiable(*(value_of(tensor, batch) for tensor in ctx._constant))
            own.set_materialize_grads(ctx._materialize)
            own.outputs = [is_of(batch, y) for y in _as_tuple(result)]
            made = tuple(value_of(y, batch) for y in _as_tuple(result))
            return made if isinstance(result, tuple) else made[0]

        @staticmethod
        def backward(own: Any, *gradients: Any) -> Any:
            def wrapped(tensors: Any, mapped: list[bool]) -> tuple:
                return tuple(tensor_of(t, batch) if m else t for t, m in zip(tensors, mapped))

            own.inner._to_save = wrapped(own.saved_tensors, own.saved)
            own.inner.needs_input_grad = own.needs_input_grad
            backward: Callable = cls.backward if cls.backward is not Function.backward else cls.vjp
            with active():
                found = _as_tuple(backward(own.inner, *wrapped(gradients, own.outputs)))
            return tuple(_gradient(g, is_of(batch, a), batch) for g, a in zip(found, args))

    OfValues.__name__ = cls.__name__
    return OfValues, results


def _gradient(g: Any, mapped: bool, batch: Batch) -> Any:
    """The gradient of an input for all examples; the sum for one that they share."""
    if g is None:
        return None
    value = value_of(g, batch)
    if not is_of(batch, g):
        value = expand_to(value, (batch.size, *value.shape))
    return value if mapped else value.sum(0)


def _by_own_rule(cls: Any, batch: Batch, recorded: bool, ctx: FunctionCtx, args: tuple) -> Any:
    """The outputs that the method ``vmap`` computes, with what the method ``setup_context`` saves."""
    places = tuple(0 if is_of(batch, a) else None for a in args)
    with set_grad_enabled(recorded):
        made, dims = cls.vmap(
            VmapInfo(batch.size, batch.randomness), places, *(value_of(a, batch) for a in args)
        )
        dims = dims if isinstance(dims, tuple) else (dims,) * len(_as_tuple(made))
        outputs = tuple(
            y if dim is None else tensor_of(movedim(y, dim, 0), batch)
            for y, dim in zip(_as_tuple(made), dims)
        )
    result = outputs if isinstance(made, tuple) else outputs[0]
    cls.setup_context(ctx, args, result)
    return result


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


__all__ = ["VmapInfo", "run_on_batch"]
