"""Rules of neural networks. The batch becomes part of the samples or, where each example has weights of its
own, of the channels."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

from cnn_physics77.core.operations.base.broadcasting import expand_to
from cnn_physics77.core.operations.creation.creation import ones
from cnn_physics77.core.operations.indexing.permute import movedim
from cnn_physics77.core.operations.indexing.shape import reshape
from cnn_physics77.core.operations.linalg.matmul import matmul
from cnn_physics77.core.operations.nn.convolution import _input_gradient, _weight_gradient
from cnn_physics77.core.operations.nn.unfold import _unfold
from cnn_physics77.core.operations.pointwise.where_clamp import where
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.func.call import Call

# ------------------------------------------------------------------------------------- samples and channels


def joined(x: Tensor | None, dim: int) -> Tensor | None:
    """The batch as a part of a dimension, which is counted without it."""
    if x is None:
        return None
    x = movedim(x, 0, dim)
    return reshape(x, (*x.shape[:dim], x.shape[dim] * x.shape[dim + 1], *x.shape[dim + 2 :]))


def split(result: Any, size: int, dim: int) -> Any:
    """The opposite, for a tensor or a tuple of them. It is a part of the only dimension of vectors."""
    if isinstance(result, tuple):
        return tuple(split(each, size, dim) for each in result)
    if result is None or not result.ndim:
        return result
    dim = min(dim, result.ndim - 1)
    shape = result.shape
    return movedim(reshape(result, (*shape[:dim], size, shape[dim] // size, *shape[dim + 1 :])), dim, 0)


def folded(call: Call, shared: tuple[int, ...] = (), **changed: Any) -> Any:
    """The batch becomes part of the samples, the first dimension of all inputs but those of ``shared``."""
    if not call.size or any(call.mapped[i] for i in shared):
        return None
    tensors = [x if i in shared else joined(call.spread(i), 0) for i, x in enumerate(call.inputs)]
    return split(call.operation(*tensors, **{**call.parameters, **changed}), call.size, 0)


def in_channels(call: Call, vectors: tuple[int, ...], to: int = 1) -> Any:
    """The batch becomes part of the channels: the second dimension, but the first of ``vectors``. Each
    example has groups of channels of its own."""
    if not call.size:
        return None
    parameters = dict(call.parameters)
    if "groups" in parameters:
        parameters["groups"] *= call.size
    if "window" in parameters:
        *window, groups = parameters["window"]
        parameters["window"] = (*window, groups * call.size)
    tensors = [joined(call.spread(i), int(i not in vectors)) for i in range(len(call.inputs))]
    return split(call.operation(*tensors, **parameters), call.size, to)


def convolved(call: Call) -> Any:
    """Also the transposed convolution. The first dimension of a weight is that of channels."""
    return in_channels(call, (1, 2)) if any(call.mapped[1:]) else folded(call, (1, 2))


def weights_convolved(call: Call) -> Any:
    """The gradient of a weight. For one sample an example it is a product of matrices, which is faster."""
    kernel_size = call.parameters["kernel_size"]
    stride, padding, dilation, groups = call.parameters["window"]
    g, x = call.spread(0), call.spread(1)
    if groups > 1 or x.shape[1] != 1:
        return in_channels(call, (), to=0)
    columns = _unfold(reshape(x, (call.size, *x.shape[2:])), window=(kernel_size, dilation, padding, stride))
    made = matmul(reshape(g, (call.size, g.shape[2], prod(g.shape[3:]))), columns.mT)
    return reshape(made, (call.size, g.shape[2], x.shape[2], *kernel_size))


def both_convolved(call: Call) -> Any:
    """The gradients of input and weight."""
    (g, x, weight), (of_g, of_x, of_weight) = call.inputs, call.mapped
    window = call.parameters["window"]
    found = (
        convolved(
            replace(
                call, operation=_input_gradient, inputs=(g, weight, None), mapped=(of_g, of_weight, False),
                parameters={"input_size": x.shape[2 + of_x :], "window": window},
            )
        ),
        weights_convolved(
            replace(
                call, operation=_weight_gradient, inputs=(g, x), mapped=(of_g, of_x),
                parameters={"kernel_size": weight.shape[2 + of_weight :], "window": window},
            )
        ),
    )  # fmt: skip
    return found if call.size else None


def pooled_max(call: Call) -> Any:
    """Derivatives of the values need the places, also where those of an example do not."""
    needed = call.parameters["with_positions"] or call.inputs[0].requires_grad
    return folded(call, with_positions=needed)


def channels_summed(call: Call) -> Any:
    g = call.inputs[0]
    return g.sum((1, *range(3, g.ndim)))


def channels_expanded(call: Call) -> Any:
    b, shape = call.inputs[0], call.parameters["shape"]
    return expand_to(reshape(b, (call.size, 1, -1, *(1,) * (len(shape) - 2))), (call.size, *shape))


def layer_normalized(call: Call) -> Any:
    x = call.inputs[0] if call.mapped[0] else call.spread(0)
    if not any(call.mapped[1:]):
        return call.operation(x, *call.inputs[1:], **call.parameters)
    y, *statistics = call.operation(x, None, None, **call.parameters)
    rank = x.ndim - 1
    if call.inputs[1] is not None:
        y = y * call.spread(1, rank)
    return (y if call.inputs[2] is None else y + call.spread(2, rank), *statistics)


def layer_gradient(call: Call) -> Any:
    g, x, weight, mean, invstd = call.all(call.ranks()[1])
    shape = call.parameters["shape"]
    rows = tuple(range(1, x.ndim - len(shape)))
    through, _, _ = call.operation(
        g if weight is None else g * weight, x, None, mean, invstd, **call.parameters
    )
    by_weight = g * ((x - mean) * invstd)
    return through, *((w.sum(rows) if rows else w) for w in (by_weight, g))


# --------------------------------------------------------------------------------------------- linear maps


def rows(call: Call, i: int) -> Tensor:
    """(..., n) of each example as a matrix."""
    x = call.inputs[i]
    if not call.mapped[i]:
        return reshape(x, (-1, x.shape[-1]) if x.numel() else (prod(x.shape[:-1]), x.shape[-1]))
    return reshape(x, (call.size, prod(x.shape[1:-1]), x.shape[-1]))


def transformed(call: Call) -> Any:
    x, weight, bias = call.inputs
    if not any(call.mapped[1:]):
        return call.operation(x, weight, bias)
    y = matmul(rows(call, 0), weight.mT)
    if bias is not None:
        y = y + call.spread(2, 2)
    return with_rows_of(call, y)


def with_rows_of(call: Call, y: Tensor) -> Tensor:
    """A result for the rows of the first input, in its shape."""
    x = call.inputs[0]
    lead = x.shape[1:-1] if call.mapped[0] else x.shape[:-1]
    if y.ndim == 2:  # neither has a batch of its own
        y = expand_to(y, (call.size, *y.shape))
    return reshape(y, (call.size, *lead, y.shape[-1]))


def transformed_back(call: Call) -> Any:
    g, weight = call.inputs
    return with_rows_of(call, matmul(rows(call, 0), weight)) if call.mapped[1] else call.operation(g, weight)


def outer(call: Call) -> Any:
    g, x = rows(call, 0), rows(call, 1)
    return g.mT * x if x.shape[-2] == 1 else matmul(g.mT, x)  # of one row it is faster


def rows_summed(call: Call) -> Any:
    return rows(call, 0).sum(1)


# --------------------------------------------------------------------------------------------------- losses


def class_losses(call: Call) -> Any:
    """Inputs are (N, ...), and the batch becomes part of N; or they have no N, and the batch takes its place.
    The last input is the weight of the classes, which the examples share."""
    if call.mapped[3]:
        return None
    parameters = dict(call.parameters)
    shape = parameters.get("shape")
    if call.inputs[1].ndim > call.mapped[1]:
        if shape is not None:
            parameters["shape"] = (call.size * shape[0], *shape[1:])
        return folded(call, (3,), **parameters)
    if shape is not None:
        parameters["shape"] = (call.size, *shape)
    return call.operation(*(call.spread(i) for i in range(3)), call.inputs[3], **parameters)


def class_weights(call: Call) -> Any:
    target, kept, weight = call.spread(0), call.spread(1), call.inputs[2]
    if call.mapped[2]:
        return None
    total = ones(target.shape, dtype=call.parameters["dtype"]) if weight is None else weight[target]
    if kept is not None:
        total = where(kept, total, 0.0)
    return sums(total)


def sums(x: Tensor) -> Tensor:
    """The sum for each example."""
    return reshape(x, (x.shape[0], prod(x.shape[1:]))).sum(1)


def cross_entropy(call: Call) -> Any:
    """The losses of the samples, and of these the sums or means of the examples."""
    reduction = call.parameters["reduction"]
    each = replace(call, parameters={**call.parameters, "reduction": "none"})
    found = class_losses(each) if call.size else None
    if found is None:
        return None
    losses, probabilities, _ = found
    divisor = ones(call.size, dtype=losses.array.dtype)
    if reduction != "none":
        losses = sums(losses)
    if reduction == "mean":
        dtype = {"dtype": losses.array.dtype}
        divisor = class_weights(
            replace(call, inputs=call.inputs[1:], mapped=call.mapped[1:], parameters=dtype)
        )
        losses = losses / divisor
    return losses, probabilities, divisor


def cross_entropy_gradient(call: Call) -> Any:
    g, logits, target, kept, _, probabilities, divisor = call.all()
    if call.mapped[4] or not call.size:
        return None
    g = g / reshape(divisor, (-1, *(1,) * (g.ndim - 1)))
    g = expand_to(reshape(g, (*g.shape, *(1,) * (target.ndim - g.ndim))), target.shape)
    tensors = [g, logits, target, kept, probabilities]
    if target.ndim > 1:
        tensors = [joined(x, 0) for x in tensors]
    tensors = [*tensors[:4], call.inputs[4], tensors[4], ones((), dtype=g.array.dtype)]
    made = call.operation(*tensors, **call.parameters)
    return split(made, call.size, 0) if target.ndim > 1 else made
